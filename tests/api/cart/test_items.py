"""PUT and DELETE /cart/<user_id>/items/<product_id>, DELETE /cart/<user_id>/clear."""

import pytest
import requests
import responses

from tests.api.harness import Api

PRODUCTS = "http://localhost:8002/products"


@pytest.fixture
def full_cart(cart: Api, partners: responses.RequestsMock) -> Api:
    partners.get(PRODUCTS, json=[{"id": 1}, {"id": 2}])
    cart.post("/cart/u/add?product_id=1&quantity=5")
    cart.post("/cart/u/add?product_id=2&quantity=1")
    return cart


def test_a_quantity_is_set(full_cart: Api) -> None:
    response = full_cart.put("/cart/u/items/1?quantity=3")
    assert response.json == {
        "message": "Item updated",
        "cart": [{"product_id": 1, "quantity": 3}, {"product_id": 2, "quantity": 1}],
    }


def test_setting_what_is_not_there_adds_it(full_cart: Api) -> None:
    assert full_cart.put("/cart/v/items/2?quantity=4").json["cart"] == [
        {"product_id": 2, "quantity": 4}
    ]


def test_zero_removes(full_cart: Api) -> None:
    assert full_cart.put("/cart/u/items/1?quantity=0").json["cart"] == [
        {"product_id": 2, "quantity": 1}
    ]


def test_setting_an_unknown_product_is_refused(full_cart: Api) -> None:
    response = full_cart.put("/cart/u/items/999?quantity=3")
    assert response.status_code == 404
    assert response.json == {"detail": "Product 999 not found in catalog"}


def test_setting_while_the_catalogue_is_away_is_marked(
    full_cart: Api, partners: responses.RequestsMock
) -> None:
    partners.reset()
    partners.get(PRODUCTS, body=requests.ConnectionError("refused"))
    assert full_cart.put("/cart/u/items/7?quantity=3").json["cart"][-1] == {
        "product_id": 7,
        "quantity": 3,
        "unverified": True,
    }


@pytest.mark.parametrize("query", ["", "quantity=-1", "quantity=1000", "quantity=two"])
def test_bad_quantities_are_named(full_cart: Api, query: str) -> None:
    response = full_cart.put(f"/cart/u/items/1?{query}")
    assert response.status_code == 422
    assert response.json["detail"].startswith("quantity: ")


def test_products_that_no_id_can_name_are_refused(full_cart: Api) -> None:
    assert full_cart.put("/cart/u/items/2147483648?quantity=1").status_code == 422
    assert full_cart.put("/cart/u/items/x?quantity=1").status_code == 404


def test_a_line_is_removed_and_removing_it_again_changes_nothing(full_cart: Api) -> None:
    expected = {"message": "Item removed", "cart": [{"product_id": 2, "quantity": 1}]}
    assert full_cart.delete("/cart/u/items/1").json == expected
    assert full_cart.delete("/cart/u/items/1").json == expected


def test_a_cart_is_cleared(full_cart: Api) -> None:
    assert full_cart.delete("/cart/u/clear").text == '{"message":"Cart cleared"}\n'
    assert full_cart.get("/cart/u").json["cart"] == []
    assert full_cart.delete("/cart/stranger/clear").status_code == 200
