"""Crowds, outages and kills on the running shop: the books balance afterwards."""

import concurrent.futures
import os
import random
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.system.running import APPS, RunningShop, wait_for

CROWD = 16
# Long rounds: pytest --rounds 200 --kill-seconds 300 tests/system/test_books.py
PRODUCT = [{"product_id": 1, "quantity": 1, "price": 999.99}]


def send(shop: RunningShop, method: str, path: str, **options: Any) -> requests.Response:
    """As the shop's own helper, from any thread."""
    with requests.Session() as session:
        session.trust_env = False
        headers = {"X-API-Key": shop.key, **options.pop("headers", {})}
        return session.request(method, shop.url + path, headers=headers, timeout=20, **options)


def set_stock(shop: RunningShop, product_id: int, stock: int) -> None:
    now = shop.get(f"/api/catalog/products/{product_id}").json()["stock"]
    body = {"delta": stock - now, "reason": "count"}
    path = f"/api/catalog/products/{product_id}/stock"
    assert stock == now or shop.post(path, json=body).status_code == 200


def assert_sound(shop: RunningShop, patience_s: int = 10) -> None:
    done = shop.run("doctor", "--patience", str(patience_s))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_crowd_pays_each_order_once(shop: RunningShop, request: pytest.FixtureRequest) -> None:
    """32 payments of one order at once, with four keys: one payment, replays byte for byte."""
    set_stock(shop, 1, 1000)
    rounds = request.config.getoption("--rounds")
    with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
        for _ in range(rounds):
            order_id = shop.post("/api/orders?user_id=u", json=PRODUCT).json()["order_id"]
            keys = [str(uuid.uuid4()) for _ in range(4)]
            path = f"/api/pay?order_id={order_id}&amount=999.99"
            answers = list(
                pool.map(
                    lambda n, path=path, keys=keys: (  # type: ignore[misc] # bound here
                        keys[n % 4],
                        send(shop, "POST", path, headers={"Idempotency-Key": keys[n % 4]}),
                    ),
                    range(32),
                )
            )
            assert {answer.status_code for _, answer in answers} == {200, 409}
            paid = [(key, answer) for key, answer in answers if answer.status_code == 200]
            assert len({key for key, _ in paid}) == 1
            again = send(shop, "POST", path, headers={"Idempotency-Key": paid[0][0]})
            assert {answer.content for _, answer in paid} == {again.content}
            assert len(shop.get(f"/api/payments?order_id={order_id}").json()) == 1
    assert_sound(shop)


def test_no_more_is_sold_than_there_is(shop: RunningShop) -> None:
    """200 buyers, 50 units."""
    set_stock(shop, 2, 50)
    body = [{"product_id": 2, "quantity": 1}]
    with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
        statuses = Counter(
            pool.map(
                lambda n: send(shop, "POST", f"/api/orders?user_id=b{n}", json=body).status_code,
                range(200),
            )
        )
    assert statuses == {200: 50, 409: 150}
    assert shop.get("/api/catalog/products/2").json()["stock"] == 0
    assert_sound(shop)


def test_two_clicks_make_one_order(shop: RunningShop) -> None:
    set_stock(shop, 3, 100)
    for _ in range(10):
        user_id = f"clicker-{uuid.uuid4()}"
        shop.post(f"/api/cart/{user_id}/add?product_id=3&quantity=2").raise_for_status()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            path = f"/api/orders?user_id={user_id}"
            statuses = Counter(
                answer.status_code
                for answer in pool.map(lambda _, p=path: send(shop, "POST", p), range(4))  # type: ignore[misc]
            )
        assert statuses == {200: 1, 409: 3}
        assert shop.get(f"/api/cart/{user_id}").json()["cart"] == []
        assert len(shop.get(path).json()) == 1
    assert_sound(shop)


def test_an_outage_of_the_catalogue_is_made_good(
    tmp_path: Path, database_settings: Callable[[], dict[str, str]]
) -> None:
    """60 orders of a product with 50 while it is away, half of them paid: 50 stand, 10 do not."""
    settings = {"SWEEP_AFTER_S": "2", "UPSTREAM_FIRST_BYTE_S": "2", **database_settings()}
    shop = RunningShop(tmp_path / "var", **settings)
    shop.up()
    set_stock(shop, 1, 50)
    catalog = shop.pids()["catalog"][0]
    os.killpg(os.getpgid(catalog), signal.SIGSTOP)
    order_ids = []
    for number in range(60):
        created = send(shop, "POST", f"/api/orders?user_id=u{number}", json=PRODUCT)
        assert created.status_code == 200, created.text
        assert created.json()["unverified"] is True
        order_ids.append(created.json()["order_id"])
        if number % 2:
            paid = shop.post(f"/api/pay?order_id={order_ids[-1]}&amount=999.99")
            assert paid.status_code == 200, paid.text
    os.killpg(os.getpgid(catalog), signal.SIGCONT)

    def orders() -> list[dict[str, Any]]:
        return [shop.get(f"/api/orders/{order_id}").json() for order_id in order_ids]

    wait_for(lambda: not any(o["unverified"] and o["status"] != "CANCELLED" for o in orders()))
    found = orders()
    cancelled = [order for order in found if order["status"] == "CANCELLED"]
    assert len(cancelled) == 10
    assert cancelled == found[50:], "in the order taken"
    assert all("of product 1 left" in order["reason"] for order in cancelled)

    def refunded() -> bool:
        payments = [shop.get(f"/api/payments/{o['payment_id']}").json() for o in cancelled[1::2]]
        return all(payment["refunded_amount"] == 999.99 for payment in payments)

    wait_for(refunded)
    assert shop.get("/api/catalog/products/1").json()["stock"] == 0
    assert_sound(shop)
    shop.down()


class Buyer(threading.Thread):
    """Makes whole purchases until it is told to stop, and remembers what it was answered."""

    def __init__(self, shop: RunningShop, seed: int) -> None:
        super().__init__()
        self.shop = shop
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.adds: Counter[str] = Counter()
        self.orders: dict[str, str] = {}  # id to the status it must have reached at least
        self.payments: dict[str, str] = {}

    def run(self) -> None:
        while not self.stopping.wait(0.002):
            user_id = f"user-{uuid.uuid4()}"
            if not self.try_to("POST", f"/api/cart/{user_id}/add?product_id=2&quantity=1"):
                continue
            self.adds[user_id] += 1
            if self.random.random() < 0.3:
                continue
            order = self.try_to("POST", f"/api/orders?user_id={user_id}", str(uuid.uuid4()))
            if not order:
                self.adds.pop(user_id)  # what became of the lines was not answered
                continue
            self.adds.pop(user_id)
            order_id = order["order_id"]
            self.orders[order_id] = "CREATED"
            path = f"/api/pay?order_id={order_id}&amount={order['total_amount']}"
            paid = self.try_to("POST", path, str(uuid.uuid4()))
            if paid:
                self.payments[paid["payment_id"]] = order_id
                if paid["status"] == "PAID":
                    self.orders[order_id] = "PAID"
            elif self.random.random() < 0.5:
                self.try_to("POST", f"/api/orders/{order_id}/cancel", str(uuid.uuid4()))
                self.orders[order_id] = "ANY"

    def try_to(self, method: str, path: str, key: str | None = None) -> dict[str, Any] | None:
        """The answer of a success; a request with a key is sent again under it after a fault."""
        headers = {"Idempotency-Key": key} if key else {}
        for _ in range(3 if key else 1):
            try:
                answer = send(self.shop, method, path, headers=headers)
            except requests.RequestException:
                continue
            if answer.status_code in (200, 202):
                body: dict[str, Any] = answer.json()
                return body
            if answer.status_code < 500:
                return None
        return None

    def check(self) -> None:
        for user_id, quantity in self.adds.items():
            cart = self.shop.get(f"/api/cart/{user_id}").json()["cart"]
            assert cart[0]["quantity"] >= quantity
        for order_id, status in self.orders.items():
            found = self.shop.get(f"/api/orders/{order_id}").json()
            assert status in ("CREATED", "ANY") or found["status"] == status, found
        for payment_id, order_id in self.payments.items():
            payment = self.shop.get(f"/api/payments/{payment_id}").json()
            assert (payment["order_id"], payment["status"]) == (order_id, "COMPLETED")


def test_kills_at_random_lose_nothing(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    database_settings: Callable[[], dict[str, str]],
) -> None:
    """kill -9 of one process after the other under whole purchases; the doctor after each round."""
    seconds = request.config.getoption("--kill-seconds")
    shop = RunningShop(tmp_path / "var", SWEEP_AFTER_S="1", **database_settings())
    shop.up()
    set_stock(shop, 2, 100_000)
    chance = random.Random(7)
    buyers = [Buyer(shop, seed) for seed in range(4)]
    for buyer in buyers:
        buyer.start()
    end = time.monotonic() + seconds
    kills: Counter[str] = Counter()
    while time.monotonic() < end:
        name = chance.choice([*APPS, *APPS, "nginx"])
        pids = shop.pids()[name]
        victim = chance.choice(pids)
        os.kill(victim, signal.SIGKILL)
        kills[name] += 1
        time.sleep(chance.uniform(0.3, 1.2))
    for buyer in buyers:
        buyer.stopping.set()
    for buyer in buyers:
        buyer.join()
    wait_for(lambda: all(shop.answers(f"/api/health/{app}") for app in APPS))
    done = sum(len(buyer.payments) for buyer in buyers)
    print(f"{sum(kills.values())} kills, {done} payments")  # noqa: T201 - for who runs it by hand
    assert done > 0
    for buyer in buyers:
        buyer.check()
    assert_sound(shop, 10)
    shop.down()
