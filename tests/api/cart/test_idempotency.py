"""Idempotency-Key on a POST that is one transaction, as every app has it."""

import threading

import pytest
import responses

from tests.api.harness import Api

PRODUCTS = "http://localhost:8002/products"
KEY = {"Idempotency-Key": "k-1"}


@pytest.fixture(autouse=True)
def _catalog(partners: responses.RequestsMock) -> None:
    partners.get(PRODUCTS, json=[{"id": 1}, {"id": 2}])


def quantity(cart: Api) -> int:
    return sum(line["quantity"] for line in cart.get("/cart/u").json["cart"])


def test_the_same_again_takes_effect_once_and_is_answered_byte_for_byte(cart: Api) -> None:
    first = cart.post("/cart/u/add?product_id=1", headers=KEY)
    assert first.json == {"message": "Item added", "cart": [{"product_id": 1, "quantity": 1}]}
    cart.post("/cart/u/add?product_id=2")
    again = cart.post("/cart/u/add?product_id=1", headers=KEY)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert quantity(cart) == 2


def test_it_is_replayed_whatever_has_changed(cart: Api, partners: responses.RequestsMock) -> None:
    first = cart.post("/cart/u/add?product_id=1", headers=KEY)
    partners.reset()
    partners.get(PRODUCTS, json=[])
    assert cart.post("/cart/u/add?product_id=1", headers=KEY).data == first.data


@pytest.mark.parametrize(
    "path",
    ["/cart/u/add?product_id=2", "/cart/v/add?product_id=1", "/cart/u/add?product_id=1&quantity=2"],
)
def test_another_request_under_the_key_is_refused(cart: Api, path: str) -> None:
    cart.post("/cart/u/add?product_id=1", headers=KEY)
    response = cart.post(path, headers=KEY)
    assert response.status_code == 422
    assert response.json["detail"].startswith("Idempotency-Key: ")
    assert quantity(cart) == 1


def test_a_failed_try_burns_no_key(cart: Api) -> None:
    assert cart.post("/cart/u/add?product_id=9", headers=KEY).status_code == 404
    assert cart.post("/cart/u/add?product_id=1", headers=KEY).status_code == 200


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é", '""'])
def test_what_is_no_key_is_refused(cart: Api, key: str) -> None:
    response = cart.post("/cart/u/add?product_id=1", headers={"Idempotency-Key": key})
    assert response.status_code == 422
    assert quantity(cart) == 0


def test_a_quoted_key_is_the_same_key(cart: Api) -> None:
    cart.post("/cart/u/add?product_id=1", headers=KEY)
    cart.post("/cart/u/add?product_id=1", headers={"Idempotency-Key": '"k-1"'})
    assert quantity(cart) == 1


def test_many_at_once_take_effect_once(cart: Api) -> None:
    answers: list[tuple[int, bytes]] = []

    def add() -> None:
        response = cart.client.post(
            "/cart/u/add?product_id=1", headers={"X-API-Key": "a-key-for-tests", **KEY}
        )
        answers.append((response.status_code, response.data))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1, answers
    assert quantity(cart) == 1


def test_keys_are_kept_for_two_days(cart: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are."""
    monkeypatch.setattr("shop_common.idempotency.PRUNED_AT_ONCE", 1)
    keys = [{"Idempotency-Key": key} for key in "abc"]
    for hours, expected in ((0, 3), (47, 3), (2, 6)):
        cart.clock.turn(hours=hours)
        cart.run_jobs()
        for key in keys:
            assert cart.post("/cart/u/add?product_id=1", headers=key).status_code == 200
        assert quantity(cart) == expected
