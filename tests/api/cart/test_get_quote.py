"""GET /cart/<user_id>/quote: the cart at the prices that the catalogue has now."""

from typing import Any

import pytest
import requests
import responses

from tests.api.cart.taking import PRODUCTS, add, sell, silence
from tests.api.harness import Api

LAPTOP = {"id": 1, "name": "Laptop", "price": 999.99, "stock": 50}
MOUSE = {"id": 2, "name": "Mouse", "price": 29.99, "stock": 3}


@pytest.fixture
def full_cart(cart: Api, partners: responses.RequestsMock) -> Api:
    """One of product 1 and three of product 2; what the catalogue says next is up to the test."""
    sell(partners, 1, 2)
    add(cart, 1)
    add(cart, 2, 3)
    partners.reset()
    return cart


def offer(partners: responses.RequestsMock, *products: dict[str, Any]) -> None:
    partners.get(PRODUCTS, json=products)


def quote(cart: Api) -> Any:
    response = cart.get("/cart/u/quote")
    assert response.status_code == 200
    return response.json


def test_every_line_at_its_price(full_cart: Api, partners: responses.RequestsMock) -> None:
    offer(partners, LAPTOP, MOUSE)
    assert quote(full_cart) == {
        "user_id": "u",
        "lines": [
            {
                "product_id": 1,
                "quantity": 1,
                "name": "Laptop",
                "price": 999.99,
                "available": True,
                "stock": 50,
                "line_total": 999.99,
            },
            {
                "product_id": 2,
                "quantity": 3,
                "name": "Mouse",
                "price": 29.99,
                "available": True,
                "stock": 3,
                "line_total": 89.97,
            },
        ],
        "subtotal": 1089.96,
        "complete": True,
    }
    assert [call.request.url for call in partners.calls] == [f"{PRODUCTS}?ids=1%2C2"]


def test_the_prices_are_those_of_now(full_cart: Api, partners: responses.RequestsMock) -> None:
    offer(partners, LAPTOP, MOUSE)
    quote(full_cart)
    partners.reset()
    offer(partners, LAPTOP | {"price": 0.1}, MOUSE | {"price": 0.2})
    assert quote(full_cart)["subtotal"] == 0.7


def test_short_stock_is_not_available(full_cart: Api, partners: responses.RequestsMock) -> None:
    offer(partners, LAPTOP, MOUSE | {"stock": 2})
    quoted = quote(full_cart)
    assert [line["available"] for line in quoted["lines"]] == [True, False]
    assert quoted["lines"][1]["stock"] == 2
    assert (quoted["subtotal"], quoted["complete"]) == (1089.96, False)


def test_what_is_not_sold_has_no_price(full_cart: Api, partners: responses.RequestsMock) -> None:
    offer(partners, LAPTOP)
    quoted = quote(full_cart)
    assert quoted["lines"][1] == {
        "product_id": 2,
        "quantity": 3,
        "name": None,
        "price": None,
        "available": False,
        "stock": None,
        "line_total": None,
    }
    assert (quoted["subtotal"], quoted["complete"]) == (999.99, False)


def test_a_line_known_as_unavailable_stays_so(cart: Api, partners: responses.RequestsMock) -> None:
    """A check-out would refuse it."""
    silence(partners)
    add(cart, 1)
    partners.reset()
    offer(partners)
    cart.get("/cart/u")
    partners.reset()
    offer(partners, LAPTOP)
    assert quote(cart)["lines"][0]["available"] is False


def test_an_empty_cart_asks_nobody(cart: Api, partners: responses.RequestsMock) -> None:
    assert quote(cart) == {"user_id": "u", "lines": [], "subtotal": 0.0, "complete": True}
    assert len(partners.calls) == 0


@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.ConnectionError("refused")},
        {"status": 503, "json": {"detail": "busy"}},
        {"status": 404, "json": {"detail": "no such route"}},
        {"json": [{"id": 1}]},
        {"json": [LAPTOP | {"price": "free"}]},
        {"json": [LAPTOP | {"name": "\ud800"}]},
        {"json": [LAPTOP | {"stock": 2**64}]},
        {"body": "<html>", "content_type": "text/html"},
    ],
    ids=str,
)
def test_a_silent_catalogue_is_said_and_not_guessed(
    full_cart: Api, partners: responses.RequestsMock, answer: dict[str, object]
) -> None:
    partners.get(PRODUCTS, **answer)  # type: ignore[arg-type] # one table for all its arguments
    quoted = quote(full_cart)
    assert quoted["subtotal"] is None
    assert quoted["complete"] is False
    for line in quoted["lines"]:
        assert line | {"product_id": 0, "quantity": 0} == {
            "product_id": 0,
            "quantity": 0,
            "name": None,
            "price": None,
            "available": False,
            "stock": None,
            "line_total": None,
        }
