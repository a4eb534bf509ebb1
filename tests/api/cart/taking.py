"""What the tests of check-outs share: a cart with lines, and the calls that orders makes."""

import threading
from collections.abc import Callable

import requests
import responses
from werkzeug.test import TestResponse

from tests.api.harness import Api

PRODUCTS = "http://localhost:8002/products"


def sell(partners: responses.RequestsMock, *product_ids: int) -> None:
    partners.get(PRODUCTS, json=[{"id": product_id} for product_id in product_ids])


def silence(partners: responses.RequestsMock) -> None:
    partners.reset()
    partners.get(PRODUCTS, body=requests.ConnectionError("refused"))


def add(cart: Api, product_id: int, quantity: int = 1) -> None:
    path = f"/cart/u/add?product_id={product_id}&quantity={quantity}"
    assert cart.post(path).status_code == 200


def take(cart: Api, order_id: str, user_id: str = "u", **kwargs: object) -> TestResponse:
    return cart.post(f"/cart/{user_id}/checkouts", json={"order_id": order_id}, **kwargs)


def restore(cart: Api, order_id: str, user_id: str = "u", **kwargs: object) -> TestResponse:
    return cart.post(f"/cart/{user_id}/checkouts/{order_id}/restore", json={}, **kwargs)


def lines(cart: Api) -> dict[int, int]:
    """The cart as `{product_id: quantity}`."""
    return {line["product_id"]: line["quantity"] for line in cart.get("/cart/u").json["cart"]}


def items(response: TestResponse) -> dict[int, int]:
    """What was taken as `{product_id: quantity}`."""
    assert response.status_code == 200, response.text
    return {item["product_id"]: item["quantity"] for item in response.json["items"]}


def unsettled(cart: Api) -> list[str]:
    answer = cart.get("/checkouts?unsettled_for=0").json
    return [checkout["order_id"] for checkout in answer]


def at_once(*works: Callable[[], None]) -> None:
    """Run each of `works` in a thread of its own, all let go together."""
    gate = threading.Barrier(len(works))
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        gate.wait(10)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if failures:
        raise failures[0]
