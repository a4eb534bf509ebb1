"""GET /orders/stats: what was sold, day by day, and what has become of the orders made."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from apps.orders import store
from shop_common.clock import to_iso
from tests.api.harness import Api
from tests.api.orders.conftest import Catalog
from tests.api.plans import Plans


class Pay:
    """Makes orders and pays them."""

    def __init__(self, orders: Api, catalog: Catalog) -> None:
        self.orders, self.catalog = orders, catalog
        self.made = 0

    def __call__(self, *lines: tuple[int, int], at: dict[int, float] | None = None) -> str:
        """The id of a paid order of these products and quantities, at these prices."""
        self.catalog.prices |= at or {}
        order_id = self.make(*lines)
        total = self.orders.get(f"/orders/{order_id}").json["total_amount"]
        self.made += 1
        report = {"payment_id": f"p{self.made}", "amount": total}
        assert self.orders.post(f"/orders/{order_id}/payment", json=report).status_code == 200
        return order_id

    def make(self, *lines: tuple[int, int]) -> str:
        body = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
        return str(self.orders.post("/orders?user_id=u", json=body).json["order_id"])


@pytest.fixture
def pay(orders: Api, catalog_app: Catalog) -> Pay:
    return Pay(orders, catalog_app)


def stats(orders: Api, query: str = "") -> dict[str, Any]:
    response = orders.get(f"/orders/stats{query}")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json
    return body


def test_a_shop_without_orders(orders: Api) -> None:
    """Thirty days of nothing, the last of them today."""
    body = stats(orders)
    today = orders.clock()
    assert [day["date"] for day in body["days"]] == [
        f"{today - timedelta(days=ago):%Y-%m-%d}" for ago in range(29, -1, -1)
    ]
    assert {(day["orders"], day["revenue"]) for day in body["days"]} == {(0, 0)}
    assert list(body.items())[1:] == [
        (
            "statuses",
            {
                "CREATED": 0, "PAID": 0, "SHIPPED": 0, "DELIVERED": 0,
                "CANCELLED": 0, "EXPIRED": 0, "REFUNDED": 0,
            },
        ),
        ("top_products", []),
        ("average_order", None),
        ("orders", 0),
        ("revenue", 0),
        ("currency", "USD"),
    ]  # fmt: skip


def test_what_was_sold(orders: Api, pay: Pay) -> None:
    """Exact sums, of whole orders and of each product, best first."""
    pay((1, 1), at={1: 0.1, 2: 0.2, 3: 33.33})
    pay((1, 1))
    pay((1, 1), (2, 2), (1, 3))
    pay((3, 1))
    pay.make((3, 7))
    body = stats(orders, "?days=1")
    assert body["days"] == [{"date": f"{orders.clock():%Y-%m-%d}", "orders": 4, "revenue": 34.33}]
    assert (body["orders"], body["revenue"]) == (4, 34.33)
    assert body["average_order"] == 8.58  # of 8.5825
    assert body["top_products"] == [
        {"product_id": 3, "quantity": 1, "revenue": 33.33},
        {"product_id": 1, "quantity": 6, "revenue": 0.6},
        {"product_id": 2, "quantity": 2, "revenue": 0.4},
    ]


def test_the_average_is_rounded_half_up(orders: Api, pay: Pay) -> None:
    pay((1, 1), at={1: 0.01, 2: 0.02})
    pay((2, 1))
    assert stats(orders)["average_order"] == 0.02


def test_no_more_than_ten_products(orders: Api, pay: Pay) -> None:
    """The ten that brought most; the smaller id where they brought the same."""
    pay(*((number, 1) for number in range(12, 0, -1)), at=dict.fromkeys(range(1, 13), 5) | {12: 6})
    top = [product["product_id"] for product in stats(orders)["top_products"]]
    assert top == [12, 1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_a_payment_counts_on_its_day(orders: Api, pay: Pay) -> None:
    """And not on the day of the order; what lies before the period is left out."""
    order_id = pay.make((1, 1))
    orders.clock.turn(days=1)
    report = {"payment_id": "late", "amount": 999.99}
    assert orders.post(f"/orders/{order_id}/payment", json=report).status_code == 200
    body = stats(orders, "?days=2")
    assert [day["orders"] for day in body["days"]] == [0, 1]
    assert (body["orders"], body["statuses"]["PAID"]) == (1, 1)
    body = stats(orders, "?days=1")
    assert (body["orders"], body["revenue"], body["statuses"]["PAID"]) == (1, 999.99, 0)
    orders.clock.turn(days=1)
    body = stats(orders, "?days=1")
    assert (body["orders"], body["top_products"], body["average_order"]) == (0, [], None)
    assert [day["orders"] for day in stats(orders, "?days=366")["days"]][-3:] == [0, 1, 0]


def test_a_day_ends_at_midnight_in_utc(orders: Api, pay: Pay) -> None:
    """Its first moment belongs to it, the next day's first does not."""
    order_ids = [pay((1, 1)) for _ in range(3)]
    today = orders.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    moments = [today - timedelta(microseconds=1), today, today + timedelta(days=1)]
    change = "UPDATE orders SET paid_at = ?, created_at = ? WHERE order_id = ?"
    rows = [
        (to_iso(moment), to_iso(moment), order_id)
        for order_id, moment in zip(order_ids, moments, strict=True)
    ]
    orders.context.db.write(lambda tx: tx.many(change, rows))
    body = stats(orders, "?days=2")
    assert [day["orders"] for day in body["days"]] == [1, 1]
    assert body["statuses"]["PAID"] == 2


def test_what_is_given_back_has_brought_nothing(orders: Api, pay: Pay) -> None:
    """Cancelled or refunded in full; a part that is refunded is not taken off."""
    cancelled, refunded, partly, shipped, delivered = (pay((2, 1)) for _ in range(5))
    orders.post(f"/orders/{cancelled}/cancel")
    for order_id, payment, part in ((refunded, "p2", 29.99), (partly, "p3", 10)):
        report = {"payment_id": payment, "refund_id": payment, "amount": part}
        orders.post(f"/orders/{order_id}/refund", json=report | {"refunded_amount": part})
    for order_id in (shipped, delivered):
        orders.post(f"/orders/{order_id}/ship")
    orders.post(f"/orders/{delivered}/deliver")
    pay.make((2, 1))
    orders.post(f"/orders/{pay.make((2, 1))}/cancel")
    body = stats(orders)
    assert body["statuses"] == {
        "CREATED": 1, "PAID": 1, "SHIPPED": 1, "DELIVERED": 1,
        "CANCELLED": 2, "EXPIRED": 0, "REFUNDED": 1,
    }  # fmt: skip
    assert (body["orders"], body["revenue"], body["average_order"]) == (3, 89.97, 29.99)
    assert body["top_products"] == [{"product_id": 2, "quantity": 3, "revenue": 89.97}]


def test_a_try_that_was_given_up_is_no_order(orders: Api, catalog_app: Catalog) -> None:
    catalog_app.refusal = (503, {"detail": "busy"})
    body = [{"product_id": 1, "quantity": 1, "price": 1}]
    assert orders.post("/orders?user_id=u", json=body).status_code == 503
    with orders.context.db.read() as tx:
        assert [row["status"] for row in tx.all("SELECT status FROM orders")] == ["ABANDONED"]
    assert set(stats(orders)["statuses"].values()) == {0}


def test_all_of_it_is_of_one_moment(orders: Api, pay: Pay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payment that comes in while it is read is in none of the figures."""
    order_id = pay.make((1, 1))
    list_sold = store.list_sold

    def pay_and_list(*args: Any) -> Any:
        report = {"payment_id": "p", "amount": 999.99}
        with ThreadPoolExecutor(1) as pool:
            paid = pool.submit(orders.post, f"/orders/{order_id}/payment", json=report).result()
        assert paid.status_code == 200
        return list_sold(*args)

    monkeypatch.setattr(store, "list_sold", pay_and_list)
    body = stats(orders, "?days=1")
    assert (body["statuses"]["CREATED"], body["statuses"]["PAID"], body["orders"]) == (1, 0, 0)
    monkeypatch.undo()
    body = stats(orders, "?days=1")
    assert (body["statuses"]["CREATED"], body["statuses"]["PAID"], body["orders"]) == (0, 1, 1)


def test_only_the_period_is_read(orders: Api, plans: Plans) -> None:
    """Every order is found by an index that knows the time, so all other orders cost nothing."""
    stats(orders, "?days=1")
    assert [step for _, step in plans.steps() if "orders" in step] == [
        "SEARCH orders USING COVERING INDEX orders_by_status"
        " (status=? AND created_at>? AND created_at<?)",
        "SEARCH orders USING INDEX orders_by_payment (paid_at>? AND paid_at<?)",
    ]


@pytest.mark.parametrize("days", ["0", "367", "x", "-1", "1.5", ""])
def test_bad_input_is_named(orders: Api, days: str) -> None:
    response = orders.get(f"/orders/stats?days={days}")
    assert response.status_code == 422
    assert response.json["detail"].startswith("days: ")
