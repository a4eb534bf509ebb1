"""The seed's flows through Nginx, with real partners that are away, hang or talk nonsense."""

import json
import re
import socket
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from tests.system.running import RunningShop, wait_for
from tests.unit.faulty_server import FaultyServer, normal, reset

LAPTOP = [{"product_id": 1, "quantity": 1, "price": 999.99}]
A_ID = "01900000-0000-7000-8000-000000000001"
# Answers that say nothing of a product, and what a caller meets when there is none.
NO_ANSWERS = [
    "refuse",
    "deaf",
    "hang",
    "slow_first_byte",
    "drip_headers",
    "drip_body",
    "reset",
    "cut",
    "error_500",
    "busy_503",
    "unauthorized",
    "not_found",
    "garbage",
    "not_json",
    "wrong_shape",
    "empty",
    "redirect",
]
# Those that cost a caller its patience: the others are known for what they are at once.
SLOW = {"deaf", "hang", "slow_first_byte", "drip_headers", "drip_body"}


@pytest.fixture(scope="module")
def catalog() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture(scope="module")
def shop_without_catalog(
    tmp_path_factory: pytest.TempPathFactory, catalog: FaultyServer
) -> Iterator[RunningShop]:
    """A shop whose cart and orders take the stand-in for the catalogue."""
    running = RunningShop(tmp_path_factory.mktemp("stand-in") / "var", CATALOG_URL=catalog.url)
    running.up()
    yield running
    running.down()


def a_user() -> str:
    return f"user-{uuid.uuid4()}"


def adds_without_asking(shop: RunningShop) -> float:
    """How often, over all workers, an open breaker has spared the cart the wait."""
    text = shop.get(f"{shop.app_url('cart')}/metrics").text
    found = re.search(r'partner_calls_total\{outcome="breaker_open",partner="catalog"\} (.+)', text)
    return float(found[1]) if found else 0.0


def order(shop: RunningShop, user_id: str) -> dict[str, Any]:
    response = shop.post(f"/api/orders?user_id={user_id}", json=LAPTOP)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def test_flow_1_add_to_cart(shop: RunningShop) -> None:
    user_id = a_user()
    response = shop.post(f"/api/cart/{user_id}/add?product_id=1&quantity=1")
    assert response.status_code == 200
    assert response.text.strip() == (
        '{"message":"Item added","cart":[{"product_id":1,"quantity":1}]}'
    )
    response = shop.get(f"/api/cart/{user_id}")
    assert list(response.json().items()) == [
        ("user_id", user_id),
        ("cart", [{"product_id": 1, "quantity": 1}]),
    ]


def test_flow_2_pay_and_the_order_is_paid(shop: RunningShop) -> None:
    created = order(shop, "user1")
    assert list(created)[:5] == ["order_id", "status", "user_id", "items", "total_amount"]
    assert (created["status"], created["items"], created["total_amount"]) == (
        "CREATED",
        LAPTOP,
        999.99,
    )
    response = shop.post(f"/api/pay?order_id={created['order_id']}&amount=999.99")
    assert response.status_code == 200
    paid = response.json()
    assert list(paid) == ["payment_id", "order_id", "status", "message", "amount"]
    assert (paid["status"], paid["message"]) == ("PAID", "Payment successful and order updated")
    after = shop.get(f"/api/orders/{created['order_id']}").json()
    assert (after["status"], after["payment_id"]) == ("PAID", paid["payment_id"])


def test_flow_3_an_unknown_product_is_refused(shop: RunningShop) -> None:
    response = shop.post(f"/api/cart/{a_user()}/add?product_id=999")
    assert response.status_code == 404
    assert response.json() == {"detail": "Product 999 not found in catalog"}


@pytest.mark.parametrize("fault", NO_ANSWERS)
def test_flow_3_a_catalogue_without_an_answer_lets_it_through_and_is_asked_later(
    shop_without_catalog: RunningShop, catalog: FaultyServer, fault: str
) -> None:
    """Twelve adds one after another: all allowed and marked, at most five of them slow.

    Then one read after the outage settles every line, whatever the breakers were doing.
    """
    user_id = a_user()
    catalog.set_fault(fault)
    unasked = adds_without_asking(shop_without_catalog)
    for number in range(12):
        product_id = 1 + number % 4  # 1 to 3 are sold, 4 is not
        response = shop_without_catalog.post(f"/api/cart/{user_id}/add?product_id={product_id}")
        assert response.status_code == 200
    if fault in SLOW:
        assert adds_without_asking(shop_without_catalog) - unasked >= 7
    assert all(line["unverified"] for line in response.json()["cart"])
    catalog.set_fault("normal")
    wait_for(lambda: _hears(catalog))
    cart = shop_without_catalog.get(f"/api/cart/{user_id}").json()["cart"]
    assert cart == [
        {"product_id": 1, "quantity": 3},
        {"product_id": 2, "quantity": 3},
        {"product_id": 3, "quantity": 3},
        {"product_id": 4, "quantity": 3, "unavailable": True},
    ]


def _hears(catalog: FaultyServer) -> bool:
    """Whether the stand-in is back: the kernel may still drop who comes right after deafness."""
    try:
        return requests.get(catalog.url, timeout=0.2).status_code == 200
    except requests.RequestException:
        return False


def test_orders_are_taken_while_the_catalogue_is_away(
    shop_without_catalog: RunningShop, catalog: FaultyServer
) -> None:
    catalog.set_fault("refuse")
    taken = order(shop_without_catalog, a_user())
    assert taken["unverified"] is True
    response = shop_without_catalog.post(
        "/api/orders?user_id=u", json=[{"product_id": 1, "quantity": 1}]
    )
    assert response.status_code == 503
    catalog.set_fault("normal")


class OrdersStandIn(FaultyServer):
    """Knows one order, and hears of payments or not."""

    hears = True

    def answer(self, connection: socket.socket) -> bool:
        if self.seen[-1].method == "POST" and not self.hears:
            return reset(self, connection)
        return normal(self, connection)

    @property
    def reports(self) -> list[dict[str, Any]]:
        return [json.loads(seen.body) for seen in self.seen if seen.method == "POST"]


def test_payments_tell_orders_later_also_after_a_restart(own_shop: RunningShop) -> None:
    body = {"order_id": A_ID, "status": "CREATED", "total_amount": 999.99, "payment_id": None}
    with OrdersStandIn(body=body) as orders:
        shop = own_shop
        shop.environment["ORDERS_URL"] = orders.url
        shop.up()
        orders.set_fault("refuse")
        response = shop.post(f"/api/pay?order_id={A_ID}&amount=999.99")
        assert response.status_code == 503
        assert response.headers["Retry-After"]
        assert shop.get("/api/payments").json() == [], "nothing is charged"

        orders.set_fault("normal")
        orders.hears = False
        answers = []

        def is_answered() -> bool:
            answers.append(_pay(shop))
            return answers[-1].status_code != 503  # the breaker is still open

        wait_for(is_answered)
        assert answers[-1].status_code == 202
        assert answers[-1].json()["message"] == "Payment recorded, order update pending"
        paid = shop.get(f"/api/payments?order_id={A_ID}").json()
        assert len(paid) == 1
        assert paid[0]["status"] == "COMPLETED"
        assert _pay(shop).status_code == 409

        shop.down()
        shop.up()
        orders.hears = True
        heard = len(orders.reports)
        wait_for(lambda: len(orders.reports) > heard)
        assert orders.reports[-1] == {"payment_id": paid[0]["payment_id"], "amount": 999.99}
        wait_for(lambda: shop.get("/api/admin/payments/outbox").json() == [])


def _pay(shop: RunningShop) -> Any:
    return shop.post(f"/api/pay?order_id={A_ID}&amount=999.99")


def test_an_unpaid_order_is_not_marked_paid_by_asking(shop: RunningShop) -> None:
    """From outside there is no way to report a payment; on the app's port payments is asked."""
    order_id = order(shop, a_user())["order_id"]
    assert shop.post(f"/api/orders/{order_id}/payment").status_code == 404
    response = shop.post(f"{shop.app_url('orders')}/orders/{order_id}/payment")
    assert response.status_code == 409
    assert shop.get(f"/api/orders/{order_id}").json()["status"] == "CREATED"


def test_a_new_product_is_where_its_answer_says(shop: RunningShop) -> None:
    """Behind Nginx, by either name of the list, and on the app's own port."""
    catalog = f"{shop.url}/api/catalog"
    for url in (catalog, f"{catalog}/products", f"{shop.app_url('catalog')}/products"):
        made = shop.post(url, json={"name": "Mug", "price": 5})
        location = urljoin(url, made.headers["Location"])
        assert shop.get(location).json() == made.json()


def test_data_outlives_a_restart(own_shop: RunningShop) -> None:
    own_shop.up()
    own_shop.post("/api/cart/u/add?product_id=1&quantity=2")
    order_id = order(own_shop, "u")["order_id"]
    assert own_shop.post(f"/api/pay?order_id={order_id}&amount=999.99").status_code == 200
    before = [own_shop.get(path).json() for path in ("/api/cart/u", f"/api/orders/{order_id}")]
    own_shop.down()
    own_shop.up()
    after = [own_shop.get(path).json() for path in ("/api/cart/u", f"/api/orders/{order_id}")]
    assert after == before
    assert len(own_shop.get("/api/catalog").json()) == 3


def test_one_request_has_one_id_in_every_log(shop: RunningShop) -> None:
    """Nginx, cart and the catalogue that cart asks write the same id."""
    request_id = f"trace-{uuid.uuid4()}"
    user_id = a_user()
    shop.post(f"/api/cart/{user_id}/add?product_id=1").raise_for_status()
    path = f"/api/cart/{user_id}/quote"
    shop.get(path, headers={"X-Request-ID": request_id}).raise_for_status()
    for name in ("nginx-access", "cart", "catalog"):
        log = shop.data_dir / "logs" / f"{name}.log"
        wait_for(lambda log=log: request_id in log.read_text())
