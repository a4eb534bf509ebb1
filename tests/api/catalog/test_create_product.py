"""POST /products."""

import time
from typing import Any

import pytest

from tests.api.harness import Api


def test_a_full_product(catalog: Api) -> None:
    """201 with the product and where it is; texts are tidied, the stock has a history."""
    sent = {
        "name": "  Red\u00a0Shirt ",
        "price": 10.5,
        "stock": 7,
        "sku": "RS-1",
        "description": "One\r\ntwo  \n\n\n\nthree",
        "category": "Tops",
        "image_url": "https://x.test/é.jpg?v=1",
    }
    answer = catalog.post("/products", json=sent)
    assert answer.status_code == 201
    assert answer.headers["Location"] == "products/4"
    product = answer.json
    read = catalog.get("/products/4")
    assert (product, answer.headers["ETag"]) == (read.json, read.headers["ETag"])
    expected = sent | {"id": 4, "name": "Red Shirt", "description": "One\ntwo\n\nthree"}
    assert {name: product[name] for name in expected} == expected
    history = catalog.get("/products/4/stock/history").json
    assert [(row["delta"], row["reason"]) for row in history] == [(7, "initial")]


def test_the_least(catalog: Api) -> None:
    """A name and a price are enough; without stock there is no movement."""
    answer = catalog.post("/products", json={"name": "Mug", "price": 0})
    assert answer.status_code == 201
    assert (answer.json["stock"], answer.json["price"], answer.json["sku"]) == (0, 0, "")
    assert catalog.get("/products/4/stock/history").json == []


@pytest.mark.parametrize("price", [0.1, 1059.97, 99999999.99, 5])
def test_prices_are_exact(catalog: Api, price: float) -> None:
    """Every price comes back as it was sent."""
    assert catalog.post("/products", json={"name": "x", "price": price}).json["price"] == price


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"name": None}, "name"),
        ({"name": "  "}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x" * 501}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": "\x9b2J"}, "name"),
        ({"price": None}, "price"),
        ({"price": "5"}, "price"),
        ({"price": -0.01}, "price"),
        ({"price": 1.005}, "price"),
        ({"price": 100_000_000}, "price"),
        ({"price": 10**400}, "price"),
        ({"price": True}, "price"),
        ({"stock": -1}, "stock"),
        ({"stock": 1.5}, "stock"),
        ({"stock": 1_000_000_001}, "stock"),
        ({"stock": "1"}, "stock"),
        ({"sku": "x" * 201}, "sku"),
        ({"description": "x" * 20_001}, "description"),
        ({"description": ["x"]}, "description"),
        ({"category": "x" * 201}, "category"),
        ({"image_url": "javascript:alert(1)"}, "image_url"),
        ({"image_url": "https://"}, "image_url"),
        ({"image_url": 'https://x.test/"onload='}, "image_url"),
        ({"image_url": "https://x.test/" + "x" * 2000}, "image_url"),
        ({"colour": "red"}, "colour"),
        ({"\ud800": "half a character as a name"}, "\ud800"),
    ],
)
def test_bad_input(catalog: Api, change: dict[str, Any], name: str) -> None:
    """422 that names the field; nothing is added."""
    answer = catalog.post("/products", json={"name": "Mug", "price": 1} | change)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [name]
    assert len(catalog.get("/products").json) == 3


def test_a_long_address_is_refused_at_once(catalog: Api) -> None:
    """Though it is none only at its very end."""
    began = time.process_time()
    image_url = f"https://{'x' * 50_000}<"
    answer = catalog.post("/products", json={"name": "Mug", "price": 1, "image_url": image_url})
    assert answer.status_code == 422
    assert time.process_time() - began < 2


@pytest.mark.parametrize("body", ["", "[]", "5", "{", '{"name": "x", "price": NaN}'])
def test_no_object(catalog: Api, body: str) -> None:
    """A body that is no JSON object is 422."""
    answer = catalog.post("/products", data=body, content_type="application/json")
    assert answer.status_code == 422


def test_other_media(catalog: Api) -> None:
    """A body of another type is 415."""
    assert catalog.post("/products", data={"name": "x"}).status_code == 415
