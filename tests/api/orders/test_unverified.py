"""Orders taken while the catalogue was silent: reserved and checked in the order taken."""

import pytest
import requests

from apps.orders import jobs
from tests.api.harness import Api
from tests.api.orders.conftest import Catalog, lease_elsewhere


@pytest.fixture
def silent(catalog_app: Catalog) -> Catalog:
    catalog_app.error = requests.ConnectionError("refused")
    return catalog_app


def take(orders: Api, price: float = 999.99) -> str:
    body = [{"product_id": 1, "quantity": 1, "price": price}]
    response = orders.post("/orders?user_id=u", json=body)
    assert response.json["unverified"] is True
    return str(response.json["order_id"])


def get(orders: Api, order_id: str) -> dict[str, object]:
    body: dict[str, object] = orders.get(f"/orders/{order_id}").json
    return body


@pytest.mark.usefixtures("cart_app")
def test_they_are_checked_in_the_order_taken(orders: Api, silent: Catalog) -> None:
    order_ids = [take(orders) for _ in range(2)]
    for _ in range(3):
        orders.run_jobs()
    order_ids += [take(orders) for _ in range(3)]
    assert all(get(orders, order_id)["unverified"] for order_id in order_ids)
    silent.error = None
    orders.run_jobs()
    assert list(silent.held) == order_ids
    assert not any(get(orders, order_id)["unverified"] for order_id in order_ids)


@pytest.mark.usefixtures("cart_app")
def test_what_the_catalogue_refuses_is_cancelled_with_its_reason(
    orders: Api, silent: Catalog
) -> None:
    """And what is paid of it goes back."""
    unpaid, paid = take(orders), take(orders)
    orders.post(f"/orders/{paid}/payment", json={"payment_id": "p1", "amount": 999.99})
    silent.error = None
    silent.refusal = (409, {"detail": "Only 0 of product 1 left, not 1", "short": [{}]})
    orders.run_jobs()
    for order_id in (unpaid, paid):
        order = get(orders, order_id)
        assert (order["status"], order["reason"]) == (
            "CANCELLED",
            "Only 0 of product 1 left, not 1",
        )
        assert orders.get(f"/orders/{order_id}/history").json[0]["by"] == "catalog"
    messages = [row["path"] for row in orders.get("/admin/outbox").json if row["topic"] == "return"]
    assert messages == ["/payments/p1/return"]
    assert sorted(silent.released) == sorted([unpaid, paid])


@pytest.mark.usefixtures("cart_app")
def test_a_price_that_is_not_the_catalogues_is_refused_in_the_end(
    orders: Api, silent: Catalog
) -> None:
    order_id = take(orders, price=1)
    silent.error = None
    orders.run_jobs()
    order = get(orders, order_id)
    assert (order["status"], order["reason"]) == ("CANCELLED", "The price of product 1 is 999.99")


@pytest.mark.usefixtures("cart_app")
def test_a_refusal_that_names_no_line_cancels_nothing(orders: Api, silent: Catalog) -> None:
    """It is about the id, not about what the customer wants: nobody may lose an order for it."""
    order_id = take(orders)
    silent.error = None
    silent.refusal = (409, {"detail": f"Reservation {order_id} was released"})
    orders.run_jobs()
    assert get(orders, order_id)["status"] == "CREATED"


@pytest.mark.usefixtures("cart_app")
def test_one_worker_at_a_time_checks_them(orders: Api, silent: Catalog) -> None:
    """Two at once would overtake each other: the last ones taken could get what the first want."""
    order_id = take(orders)
    silent.error = None
    lease_elsewhere(orders, "check_unverified")
    orders.run_jobs()
    assert silent.held == {}
    orders.clock.turn(seconds=jobs.LEASE_S)
    orders.run_jobs()
    assert list(silent.held) == [order_id], "a worker that died holds it up for so long only"


@pytest.mark.usefixtures("cart_app")
def test_an_unverified_order_cannot_be_shipped(orders: Api, silent: Catalog) -> None:
    order_id = take(orders)
    orders.post(f"/orders/{order_id}/payment", json={"payment_id": "p1", "amount": 999.99})
    assert orders.post(f"/orders/{order_id}/ship").status_code == 409
    silent.error = None
    orders.run_jobs()
    assert orders.post(f"/orders/{order_id}/ship").status_code == 200


@pytest.mark.usefixtures("cart_app")
def test_one_that_meets_faults_does_not_hold_up_the_others(orders: Api, silent: Catalog) -> None:
    """Nor other work: a fault may have taken seconds, so a run meets one."""
    first, second = take(orders), take(orders)
    silent.error = None
    silent.refusal = (500, {})
    for expected in ([1, 0], [2, 0], [3, 0], [3, 1]):
        orders.run_jobs()
        with orders.context.db.read() as tx:
            failures = tx.all("SELECT check_failures FROM orders ORDER BY created_at")
        assert [row["check_failures"] for row in failures] == expected
    silent.refusal = None
    orders.run_jobs()
    assert list(silent.held) == [second, first]


@pytest.mark.usefixtures("cart_app")
def test_a_passing_fault_costs_nobody_his_place(orders: Api, silent: Catalog) -> None:
    """Who ordered first gets what is left, whatever the catalogue says while it comes back."""
    first, second = take(orders), take(orders)
    silent.error = None
    silent.refusal = (500, {})
    orders.run_jobs()
    silent.refusal = None
    orders.run_jobs()
    assert list(silent.held) == [first, second]


@pytest.mark.usefixtures("cart_app")
def test_a_cancelled_order_is_not_reserved_any_more(orders: Api, silent: Catalog) -> None:
    order_id = take(orders)
    orders.post(f"/orders/{order_id}/cancel")
    silent.error = None
    orders.run_jobs()
    assert silent.held == {}
