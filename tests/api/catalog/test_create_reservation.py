"""POST /reservations."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from apps.catalog import store_stock
from tests.api.harness import Api


def item(product_id: int, quantity: int, **price: float | None) -> dict[str, Any]:
    return {"product_id": product_id, "quantity": quantity, **price}


def reserve(catalog: Api, *items: dict[str, Any], order_id: str = "o-1") -> TestResponse:
    return catalog.post("/reservations", json={"order_id": order_id, "items": items})


def stocks(catalog: Api) -> list[int]:
    return [product["stock"] for product in catalog.get("/products").json]


def test_it_takes_the_stock(catalog: Api) -> None:
    """Each line comes back as sent, at the catalogue's price; the history names the order."""
    answer = reserve(catalog, item(2, 3), item(1, 2, price=999.99))
    assert answer.status_code == 200
    assert answer.json == {
        "order_id": "o-1",
        "status": "HELD",
        "items": [item(2, 3, price=29.99), item(1, 2, price=999.99)],
    }
    assert stocks(catalog) == [48, 197, 150]
    movement = catalog.get("/products/1/stock/history").json[0]
    expected = {"delta": -2, "stock_after": 48, "reason": "reservation", "order_id": "o-1"}
    assert {name: movement[name] for name in expected} == expected


def test_lines_of_one_product_are_summed(catalog: Api) -> None:
    """They are taken together, in one movement, and answered one by one."""
    lines = [item(1, 20), item(2, 1), item(1, 30, price=999.99)]
    answer = reserve(catalog, *lines)
    assert [line["quantity"] for line in answer.json["items"]] == [20, 1, 30]
    assert stocks(catalog) == [0, 199, 150]
    assert catalog.get("/products/1/stock/history").json[0]["delta"] == -50
    answer = reserve(catalog, item(3, 100), item(3, 51), order_id="o-2")
    assert answer.status_code == 409
    assert answer.json["short"] == [{"product_id": 3, "wanted": 151, "stock": 150}]


def test_all_or_nothing(catalog: Api) -> None:
    """One line that cannot be had leaves every other product as it was, the history too."""
    for bad in (item(3, 151), item(999, 1), item(3, 1, price=1)):
        assert reserve(catalog, item(1, 1), item(2, 1), bad).status_code in (404, 409)
        assert stocks(catalog) == [50, 200, 150]
        assert len(catalog.get("/products/1/stock/history").json) == 1
    assert reserve(catalog, item(1, 1)).status_code == 200, "a refused try burns no id"


def test_products_are_taken_by_id(catalog: Api) -> None:
    """Whatever the order of the lines, so that two orders never wait for each other in a circle."""
    reserve(catalog, item(3, 1), item(1, 1), item(2, 1))
    movements = [catalog.get(f"/products/{n}/stock/history").json[0]["id"] for n in (1, 2, 3)]
    assert movements == sorted(movements)


def test_unknown_products(catalog: Api) -> None:
    """404 in the usual words, naming all of them, before anything else is said."""
    catalog.delete("/products/2")
    answer = reserve(catalog, item(999, 1), item(1, 51, price=5), item(2, 1))
    assert answer.status_code == 404
    assert answer.json == {"detail": "Product 2 not found in catalog", "unknown": [2, 999]}


def test_prices_are_compared_before_the_stock(catalog: Api) -> None:
    """409 with the right prices, also for what there is too little of."""
    answer = reserve(catalog, item(2, 1, price=29.98), item(1, 51, price=999), item(3, 999))
    assert answer.status_code == 409
    assert answer.json == {
        "detail": "The price of product 1 is 999.99",
        "prices": [{"product_id": 1, "price": 999.99}, {"product_id": 2, "price": 29.99}],
    }
    assert stocks(catalog) == [50, 200, 150]


def test_each_line_of_a_product_has_its_own_price(catalog: Api) -> None:
    """One of two that is wrong is wrong."""
    answer = reserve(catalog, item(1, 1), item(1, 1, price=999.99), item(1, 1, price=1))
    assert answer.json["prices"] == [{"product_id": 1, "price": 999.99}]


def test_short_stock(catalog: Api) -> None:
    """409 naming each product that there is too little of."""
    answer = reserve(catalog, item(3, 151), item(1, 52), item(2, 200))
    assert answer.status_code == 409
    assert answer.json == {
        "detail": "Only 50 of product 1 left, not 52",
        "short": [
            {"product_id": 1, "wanted": 52, "stock": 50},
            {"product_id": 3, "wanted": 151, "stock": 150},
        ],
    }


def test_stock_that_came_in_between_is_no_refusal(
    catalog: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There was too little when it was to be taken, and enough when it was to be named."""

    def find_too_little(*_: Any) -> None:
        monkeypatch.undo()

    monkeypatch.setattr(store_stock, "take_stock", find_too_little)
    assert reserve(catalog, item(1, 50)).status_code == 200
    assert stocks(catalog) == [0, 200, 150]


def test_the_same_again(catalog: Api) -> None:
    """The same answer, also when everything has changed since, and nothing more is taken."""
    first = reserve(catalog, item(1, 50, price=999.99), item(2, 1))
    catalog.patch("/products/1", json={"price": 5})
    catalog.patch("/products/2", json={"price": 5})
    catalog.delete("/products/2")
    again = reserve(catalog, item(1, 50, price=999.99), item(2, 1))
    assert (again.status_code, again.data) == (200, first.data)
    assert catalog.get("/products/1").json["stock"] == 0
    assert len(catalog.get("/products/1/stock/history").json) == 2


@pytest.mark.parametrize(
    "others",
    [
        [item(1, 2), item(2, 1)],
        [item(1, 1)],
        [item(2, 1), item(1, 1)],
        [item(1, 1), item(2, 1), item(3, 1)],
        [item(1, 1, price=5), item(2, 1)],
    ],
)
def test_the_same_order_with_other_lines(catalog: Api, others: list[dict[str, Any]]) -> None:
    """409, and nothing moves."""
    reserve(catalog, item(1, 1), item(2, 1))
    answer = reserve(catalog, *others)
    assert (answer.status_code, list(answer.json)) == (409, ["detail"])
    assert stocks(catalog) == [49, 199, 150]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"order_id": "o-1"},
        {"order_id": "o-1", "items": []},
        {"order_id": "", "items": [item(1, 1)]},
        {"order_id": "x" * 65, "items": [item(1, 1)]},
        {"order_id": 5, "items": [item(1, 1)]},
        {"order_id": "o-1", "items": [item(1, 1)] * 101},
        {"order_id": "o-1", "items": [item(1, 0)]},
        {"order_id": "o-1", "items": [item(1, -1)]},
        {"order_id": "o-1", "items": [item(0, 1)]},
        {"order_id": "o-1", "items": [item(1, 1, price=1.001)]},
        {"order_id": "o-1", "items": [{"product_id": 1}]},
        {"order_id": "o-1", "items": [{"product_id": 1, "quantity": 1, "colour": "red"}]},
    ],
)
def test_bad_input(catalog: Api, body: dict[str, Any]) -> None:
    """422, and nothing moves."""
    assert catalog.post("/reservations", json=body).status_code == 422
    assert stocks(catalog) == [50, 200, 150]


def test_the_largest_numbers(catalog: Api) -> None:
    """What no stock can hold is short, however much it adds up to."""
    answer = reserve(catalog, *[item(1, 10**9)] * 100)
    assert answer.json["short"] == [{"product_id": 1, "wanted": 10**11, "stock": 50}]
    assert reserve(catalog, item(2**31 - 1, 1)).status_code == 404
