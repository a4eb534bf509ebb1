"""POST /cart/<user_id>/add."""

import pytest
import requests
import responses

from apps.cart.listing import listing_of
from tests.api.harness import Api

PRODUCTS = "http://localhost:8002/products"


def sells(partners: responses.RequestsMock, *product_ids: int) -> None:
    partners.get(
        PRODUCTS, json=[{"id": i, "name": "x", "price": 1.0, "stock": 1} for i in product_ids]
    )


def test_a_known_product_is_added(cart: Api, partners: responses.RequestsMock) -> None:
    """The seed's flow 1: its body, its members, their order."""
    sells(partners, 1)
    response = cart.post("/cart/demo-user/add?product_id=1&quantity=1")
    assert response.status_code == 200
    assert response.text == '{"message":"Item added","cart":[{"product_id":1,"quantity":1}]}\n'
    assert partners.calls[0].request.url == f"{PRODUCTS}?ids=1"
    assert partners.calls[0].request.headers["X-API-Key"] == "a-key-for-tests"


def test_quantity_defaults_to_one(cart: Api, partners: responses.RequestsMock) -> None:
    sells(partners, 1)
    assert cart.post("/cart/u/add?product_id=1").json["cart"][0]["quantity"] == 1


def test_the_same_product_adds_to_its_line(cart: Api, partners: responses.RequestsMock) -> None:
    sells(partners, 1, 2)
    cart.post("/cart/u/add?product_id=1&quantity=2")
    cart.post("/cart/u/add?product_id=2&quantity=1")
    response = cart.post("/cart/u/add?product_id=1&quantity=3")
    assert response.json["cart"] == [
        {"product_id": 1, "quantity": 5},
        {"product_id": 2, "quantity": 1},
    ]


def test_an_unknown_product_is_refused(cart: Api, partners: responses.RequestsMock) -> None:
    """The seed's flow 3 B."""
    sells(partners, 1, 2, 3)
    response = cart.post("/cart/u/add?product_id=999")
    assert response.status_code == 404
    assert response.json == {"detail": "Product 999 not found in catalog"}
    assert cart.get("/cart/u").json == {"user_id": "u", "cart": []}


@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.ConnectionError("refused")},
        {"body": TimeoutError("slow")},
        {"status": 500, "json": {"detail": "boom"}},
        {"status": 503, "json": {"detail": "busy"}},
        {"status": 404, "json": {"detail": "no such route"}},
        {"status": 401, "json": {"detail": "Invalid API Key"}},
        {"status": 302, "headers": {"Location": "http://localhost:8002/elsewhere"}},
        {"body": "<html>", "content_type": "text/html"},
        {"json": {"products": []}},
        {"json": {}},
        {"json": ""},
        {"json": [{"sku": "x"}]},
        {"json": [{"id": 1.5}]},
        {"body": '[{"id": 1e1000000}]', "content_type": "application/json"},
        {"json": [7]},
        {"json": None},
        {"body": ""},
    ],
    ids=str,
)
def test_a_catalogue_that_says_nothing_usable_lets_it_through(
    cart: Api, partners: responses.RequestsMock, answer: dict[str, object]
) -> None:
    """The seed's flow 3 C: allowed, and marked."""
    partners.get(PRODUCTS, **answer)  # type: ignore[arg-type] # one table for all its arguments
    response = cart.post("/cart/u/add?product_id=1&quantity=1")
    assert response.status_code == 200
    assert response.json == {
        "message": "Item added",
        "cart": [{"product_id": 1, "quantity": 1, "unverified": True}],
    }


def test_a_line_and_a_cart_are_bounded(cart: Api, partners: responses.RequestsMock) -> None:
    sells(partners, *range(1, 102))
    assert cart.post("/cart/u/add?product_id=1&quantity=999").status_code == 200
    response = cart.post("/cart/u/add?product_id=1&quantity=1")
    assert (response.status_code, response.json["detail"]) == (
        409,
        "A cart holds at most 999 of product 1",
    )
    for product_id in range(2, 101):
        assert cart.post(f"/cart/u/add?product_id={product_id}").status_code == 200
    response = cart.post("/cart/u/add?product_id=101")
    assert (response.status_code, response.json["detail"]) == (
        409,
        "A cart holds at most 100 different products",
    )


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "product_id"),
        ("product_id=x", "product_id"),
        ("product_id=1.5", "product_id"),
        ("product_id=0", "product_id"),
        ("product_id=-1", "product_id"),
        ("product_id=2147483648", "product_id"),
        ("product_id=99999999999999999999999", "product_id"),
        ("product_id=%D9%A1", "product_id"),
        ("product_id=1_0", "product_id"),
        ("product_id=1&quantity=0", "quantity"),
        ("product_id=1&quantity=1000", "quantity"),
        ("product_id=1&quantity=", "quantity"),
        ("product_id=1&quantity=1&quantity=2", "quantity"),
        ("product_id=1&quantty=2", "quantty"),
    ],
)
def test_bad_input_is_named(cart: Api, query: str, field: str) -> None:
    response = cart.post(f"/cart/u/add?{query}")
    assert response.status_code == 422
    assert response.json["detail"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    "user_id", ["a b", "josé", "<b>'\"", "a%2Bb", "x" * 128, "日本", "a.b@c.d"]
)
def test_user_ids_are_any_text(cart: Api, partners: responses.RequestsMock, user_id: str) -> None:
    sells(partners, 1)
    path = f"/cart/{requests.utils.quote(user_id, safe='')}"
    assert cart.post(f"{path}/add?product_id=1").status_code == 200
    assert cart.get(path).json == {
        "user_id": user_id,
        "cart": [{"product_id": 1, "quantity": 1}],
    }


@pytest.mark.parametrize("user_id", ["a%0Ab", "x" * 129, "%FF", "%ED%A0%80"])
def test_user_ids_that_no_database_holds_are_refused(cart: Api, user_id: str) -> None:
    response = cart.post(f"/cart/{user_id}/add?product_id=1")
    assert response.status_code == 422
    assert response.json["detail"].startswith("user_id: ")


def test_what_is_known_to_be_sold_is_not_asked_for(
    cart: Api, partners: responses.RequestsMock
) -> None:
    """The catalogue's changes are followed; a product that is not in them is asked for at once."""
    listing = {"is_continued": False, "sold": [[1, 3]], "gone": [], "next": "c"}
    partners.get("http://localhost:8002/changes", json={**listing, "is_complete": True})
    listing_of(cart.context).refresh(cart.context)
    assert cart.post("/cart/u/add?product_id=2").json["cart"] == [{"product_id": 2, "quantity": 1}]
    assert cart.put("/cart/u/items/3?quantity=2").status_code == 200
    sells(partners, 4)
    assert cart.post("/cart/u/add?product_id=4").status_code == 200
    assert cart.post("/cart/u/add?product_id=5").status_code == 404
    assert [call.request.url.rpartition("/")[2] for call in partners.calls] == [
        "changes?after=", "products?ids=4", "products?ids=5",
    ]  # fmt: skip
