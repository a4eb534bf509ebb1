"""kill -9 at every commit and call of every flow: sent again, it is done once, and all is sound."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests

from shop_common.crash import POINTS
from tests.system.running import APPS, RunningShop, wait_for

LAPTOP = [{"product_id": 1, "quantity": 1, "price": 999.99}]
# Further than the longest flow goes: who is asked to die later than that lives.
TIMES = (1, 2, 3)
# What a client may be told while processes die; 0 for no answer at all.
ANSWERS = {0, 200, 202, 409, 502, 503, 504}


@pytest.fixture(scope="module")
def crashing_shop(
    tmp_path_factory: pytest.TempPathFactory, database_settings: Callable[[], dict[str, str]]
) -> Iterator[RunningShop]:
    settings = {"CRASH_POINTS": "1", "SWEEP_AFTER_S": "1", **database_settings()}
    shop = RunningShop(tmp_path_factory.mktemp("crash") / "var", **settings)
    shop.up()
    body = {"delta": 10_000, "reason": "count"}
    shop.post("/api/catalog/products/1/stock", json=body).raise_for_status()
    yield shop
    shop.down()


def prepare(shop: RunningShop, path: str, body: Any = None) -> dict[str, Any]:
    """The answer to a POST that a flow needs first, sent as a client does until it is done.

    What was killed may have left work to a relay, which dies of it in the middle of this one.
    """
    headers, answers = {"Idempotency-Key": str(uuid.uuid4())}, list[requests.Response]()

    def is_done() -> bool:
        try:
            answers.append(shop.post(path, json=body, headers=headers))
        except requests.RequestException:
            return False
        assert answers[-1].status_code in ANSWERS, answers[-1].text
        return answers[-1].status_code in (200, 202)

    wait_for(is_done)
    content: dict[str, Any] = answers[-1].json()
    return content


def make_order(shop: RunningShop) -> str:
    return str(prepare(shop, "/api/orders?user_id=u", LAPTOP)["order_id"])


def pay(shop: RunningShop, order_id: str) -> str:
    return str(prepare(shop, f"/api/pay?order_id={order_id}&amount=999.99")["payment_id"])


def adding(shop: RunningShop) -> tuple[str, Any]:
    return f"/api/cart/user-{uuid.uuid4()}/add?product_id=1", None


def ordering(_: RunningShop) -> tuple[str, Any]:
    return "/api/orders?user_id=u", LAPTOP


def checking_out(shop: RunningShop) -> tuple[str, Any]:
    user_id = f"user-{uuid.uuid4()}"
    prepare(shop, f"/api/cart/{user_id}/add?product_id=1")
    return f"/api/orders?user_id={user_id}", None


def paying(shop: RunningShop) -> tuple[str, Any]:
    return f"/api/pay?order_id={make_order(shop)}&amount=999.99", None


def cancelling(shop: RunningShop) -> tuple[str, Any]:
    order_id = make_order(shop)
    pay(shop, order_id)
    return f"/api/orders/{order_id}/cancel", None


def refunding(shop: RunningShop) -> tuple[str, Any]:
    return f"/api/payments/{pay(shop, make_order(shop))}/refund", {"amount": 100}


FLOWS: dict[Callable[[RunningShop], tuple[str, Any]], tuple[str, ...]] = {
    adding: ("cart",),
    ordering: ("orders", "catalog"),
    checking_out: ("orders", "cart", "catalog"),
    paying: ("payments", "orders"),
    cancelling: ("orders", "catalog", "payments"),
    refunding: ("payments", "orders"),
}


def send(shop: RunningShop, path: str, body: Any, request_id: str, key: str) -> int:
    headers = {"X-Request-ID": request_id, "Idempotency-Key": key}
    try:
        return shop.post(path, json=body, headers=headers).status_code
    except requests.RequestException:
        return 0


def send_until_done(shop: RunningShop, path: str, body: Any, key: str, name: str) -> list[int]:
    """All answers to a client that tries again: a try that died holds its key for a while."""
    answers: list[int] = []

    def is_done() -> bool:
        answers.append(send(shop, path, body, name, key))
        return answers[-1] in (200, 202)

    wait_for(is_done, every_s=0.2)
    return answers


def go_on(shop: RunningShop, path: str, body: Any, key: str) -> list[int]:
    """Do what was killed, and once more: what is done stays done under its key."""
    answers = send_until_done(shop, path, body, key, f"retry-{key[:8]}")
    return answers + send_until_done(shop, path, body, key, f"again-{key[:8]}")


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_a_flow_that_is_killed_anywhere_is_done_once(
    crashing_shop: RunningShop,
    flow: Callable[[RunningShop], tuple[str, Any]],
) -> None:
    shop, crashes = crashing_shop, 0
    points = list(itertools.product(FLOWS[flow], POINTS, TIMES))
    clients: dict[str, Future[list[int]]] = {}
    # Each goes on trying while the next ones are killed: most of its time it waits for the lease.
    with ThreadPoolExecutor(len(points)) as pool:
        for app, point, times in points:
            wait_for(lambda: all(shop.answers(f"/api/health/{app}") for app in APPS))
            path, body = flow(shop)
            key = str(uuid.uuid4())
            request_id = f"crash.{app}.{point}.{times}.{key[:8]}"
            assert send(shop, path, body, request_id, key) in ANSWERS, request_id
            crashes += (shop.data_dir / f"crashed-{request_id}").exists()
            clients[request_id] = pool.submit(go_on, shop, path, body, key)
    for request_id, client in clients.items():
        assert set(client.result()) <= ANSWERS, request_id
    # Every flow begins with a commit of its own app; an add may come by no other points, since it
    # asks the catalogue only what the cart has not heard of.
    assert crashes >= 2, "the points are where the flow comes by"
    wait_for(lambda: all(shop.answers(f"/api/health/{app}") for app in APPS))
    examined = shop.run("doctor", "--patience", "20")
    assert examined.returncode == 0, examined.stdout + examined.stderr
