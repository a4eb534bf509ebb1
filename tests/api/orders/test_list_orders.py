"""GET /orders and GET /orders/<order_id>."""

import re

import pytest
import requests
import responses

from shop_common.clock import to_iso
from tests.api.harness import Api


@pytest.fixture
def many_orders(orders: Api, partners: responses.RequestsMock) -> list[str]:
    """Ids of seven orders of two users, in the order in which they were made."""
    partners.post("http://localhost:8002/reservations", body=requests.ConnectionError("refused"))
    line = {"product_id": 1, "quantity": 1, "price": 1}
    return [
        orders.post(f"/orders?user_id=user{n % 2}", json=[line]).json["order_id"] for n in range(7)
    ]


def test_newest_first(orders: Api, many_orders: list[str]) -> None:
    assert [order["order_id"] for order in orders.get("/orders").json] == many_orders[::-1]


@pytest.mark.parametrize("at_once", [False, True])
def test_pages_follow_one_another(orders: Api, many_orders: list[str], at_once: bool) -> None:
    """Also where many were made in one moment: then by their ids."""
    if at_once:
        orders.context.db.write(
            lambda tx: tx.execute("UPDATE orders SET created_at = ?", (to_iso(orders.clock()),))
        )
        many_orders.sort()
    seen, path = [], "/orders?limit=3"
    while path:
        response = orders.get(path)
        seen += [order["order_id"] for order in response.json]
        link = re.fullmatch(r'<(.+)>; rel="next"', response.headers.get("Link", ""))
        path = f"/orders{link[1]}" if link else ""
    assert seen == many_orders[::-1]
    # A full page is not said to have one after it, unless it has.
    assert "Link" not in orders.get("/orders?limit=7").headers


def test_filters(orders: Api, many_orders: list[str]) -> None:
    of_one = orders.get("/orders?user_id=user1&limit=2")
    assert [order["order_id"] for order in of_one.json] == [many_orders[5], many_orders[3]]
    assert "user_id=user1" in of_one.headers["Link"]
    assert len(orders.get("/orders?status=CREATED").json) == 7
    assert orders.get("/orders?status=PAID").json == []
    assert orders.get("/orders?user_id=nobody").json == []
    assert len(orders.get("/orders?unverified=true").json) == 7
    assert orders.get("/orders?unverified=false").json == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=LOST", "status"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("after=x", "after"),
    ],
)
def test_bad_input_is_named(orders: Api, query: str, field: str) -> None:
    response = orders.get(f"/orders?{query}")
    assert response.status_code == 422
    assert response.json["detail"].startswith(f"{field}: ")


def test_an_unknown_order_is_404(orders: Api) -> None:
    response = orders.get("/orders/nope")
    assert response.status_code == 404
    assert response.json == {"detail": "Order nope not found"}
