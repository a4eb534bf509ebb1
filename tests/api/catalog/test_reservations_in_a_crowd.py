"""Reservations made, repeated and released by many at the same time: the books balance."""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.api.harness import Api

THREADS = 16
BUYERS = 200
STEPS = 40


def run(threads: int, target: Callable[[int], None]) -> None:
    """Call `target` in so many threads, each with its number; their errors are the test's."""
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            target(number)
        except BaseException as error:
            errors.append(error)
            raise

    started = [threading.Thread(target=guarded, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert not errors


def patiently(catalog: Api, path: str, body: dict[str, Any]) -> TestResponse:
    """The answer, asking again while the catalogue is busy."""
    while (answer := catalog.post(path, json=body)).status_code == 503:
        pass
    return answer


def reserve(catalog: Api, order_id: str, *wanted: tuple[int, int]) -> TestResponse:
    items = [{"product_id": product_id, "quantity": quantity} for product_id, quantity in wanted]
    return patiently(catalog, "/reservations", {"order_id": order_id, "items": items})


def test_fifty_units_for_two_hundred_buyers(catalog: Api) -> None:
    """Exactly fifty get one; the others are told how many there are."""
    answers: list[TestResponse] = []

    def buy(number: int) -> None:
        for buyer in range(number, BUYERS, THREADS):
            answers.append(reserve(catalog, f"o-{buyer}", (1, 1)))

    run(THREADS, buy)
    assert Counter(answer.status_code for answer in answers) == {200: 50, 409: BUYERS - 50}
    refused = [answer.json for answer in answers if answer.status_code == 409]
    assert all(body["short"] == [{"product_id": 1, "wanted": 1, "stock": 0}] for body in refused)
    history = catalog.get("/products/1/stock/history").json
    assert [row["stock_after"] for row in history] == list(range(51))
    assert len({row["order_id"] for row in history if row["order_id"]}) == 50


def test_one_order_many_times_at_once(catalog: Api) -> None:
    """It takes its stock once, and every try gets the same answer."""
    for number in range(5):
        answers: list[tuple[int, bytes]] = []
        barrier = threading.Barrier(8)

        def ask(
            _: int,
            number: int = number,
            answers: list[tuple[int, bytes]] = answers,
            barrier: threading.Barrier = barrier,
        ) -> None:
            barrier.wait(10)
            answer = reserve(catalog, f"o-{number}", (1, 3), (2, 1))
            answers.append((answer.status_code, answer.data))

        run(8, ask)
        assert len(answers) == 8
        assert set(answers) == {(200, answers[0][1])}
        assert catalog.get("/products/1").json["stock"] == 50 - 3 * (number + 1)


def test_products_in_any_order(catalog: Api) -> None:
    """Orders that name the same products the other way round do not hold each other up."""

    def buy(number: int) -> None:
        for step in range(10):
            wanted = [(1, 1), (2, 1), (3, 1)][:: 1 if number % 2 else -1]
            assert reserve(catalog, f"o-{number}-{step}", *wanted).status_code in (200, 409)

    run(8, buy)
    assert [product["stock"] for product in catalog.get("/products").json] == [0, 150, 100]


@pytest.mark.parametrize("seed", range(3))
def test_no_unit_is_lost_or_made(catalog: Api, seed: int) -> None:
    """After anything at all, stock and what is held are what came in, for each product."""
    adjusted = Counter({1: 50, 2: 200, 3: 150})
    lock = threading.Lock()
    order_ids = [f"o-{number}" for number in range(40)]

    def act(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        for _ in range(STEPS):
            order_id = chance.choice(order_ids)
            product_id = chance.randint(1, 3)
            match chance.randrange(5):
                case 0 | 1:
                    wanted = [(chance.randint(1, 3), chance.randint(1, 9)) for _ in range(3)]
                    reserve(catalog, order_id, *wanted)
                case 2:
                    path = f"/reservations/{order_id}/release"
                    assert patiently(catalog, path, {}).status_code == 200
                case 3:
                    delta = chance.choice((-7, -1, 2, 4))
                    answer = patiently(catalog, f"/products/{product_id}/stock", {"delta": delta})
                    if answer.status_code == 200:
                        with lock:
                            adjusted[product_id] += delta
                case _:
                    patiently(catalog, "/reservations/settle", {"order_ids": [order_id]})

    run(8, act)
    with catalog.context.db.read() as tx:
        held = Counter[int]()
        for row in tx.all("SELECT items FROM reservations WHERE status = 'HELD'"):
            for product_id, quantity, _ in json.loads(row["items"]):
                held[product_id] += quantity
        stock = {row["id"]: row["stock"] for row in tx.all("SELECT id, stock FROM products")}
        moved = tx.all(
            "SELECT product_id, sum(delta) AS n FROM stock_movements GROUP BY product_id"
        )
        taken = tx.all(
            "SELECT product_id, sum(delta) AS n FROM stock_movements WHERE order_id IS NOT NULL"
            " GROUP BY product_id"
        )
    assert {product_id: stock[product_id] + held[product_id] for product_id in stock} == adjusted
    assert {row["product_id"]: row["n"] for row in moved} == stock
    assert Counter({row["product_id"]: -int(row["n"]) for row in taken}) == held
    assert min(stock.values()) >= 0
