"""Adds, takes and restores of one cart by many threads: nothing is lost and nothing doubled."""

import random
from collections import Counter
from functools import partial

import pytest
import responses

from tests.api.cart.taking import add, at_once, items, lines, restore, sell, take
from tests.api.harness import Api

THREADS = 8
STEPS = 25
PRODUCTS = 3


def test_each_line_is_taken_once(cart: Api, partners: responses.RequestsMock) -> None:
    """Eight threads with eight ids, while the cart is filled."""
    sell(partners, 1, 2, 3)
    taken: list[Counter[int]] = []

    def take_all(name: int) -> None:
        for number in range(10):
            response = take(cart, f"o-{name}-{number}")
            assert response.status_code in (200, 409)
            if response.status_code == 200:
                taken.append(Counter(items(response)))

    def fill() -> None:
        for number in range(30):
            add(cart, 1 + number % 3)

    at_once(fill, *(partial(take_all, name) for name in range(8)))
    assert sum(taken, Counter(lines(cart))) == Counter({1: 10, 2: 10, 3: 10})


@pytest.mark.parametrize("seed", range(3))
def test_what_was_added_is_in_the_cart_or_taken(
    cart: Api, partners: responses.RequestsMock, seed: int
) -> None:
    """Every id is taken and restored by whoever likes to, also twice and in the wrong order."""
    sell(partners, *range(1, PRODUCTS + 1))
    order_ids = [f"o-{number}" for number in range(THREADS * 4)]
    added: Counter[int] = Counter()
    answers: dict[str, set[bytes]] = {order_id: set() for order_id in order_ids}

    def work(chance: random.Random) -> None:
        for _ in range(STEPS):
            order_id = chance.choice(order_ids)
            match chance.choice(("add", "add", "take", "take", "restore")):
                case "add":
                    product_id, quantity = chance.randint(1, PRODUCTS), chance.randint(1, 3)
                    add(cart, product_id, quantity)
                    mine[chance][product_id] += quantity
                case "take":
                    response = take(cart, order_id)
                    assert response.status_code in (200, 409), response.text
                    if response.status_code == 200:
                        answers[order_id].add(response.data)
                case "restore":
                    assert restore(cart, order_id).status_code == 200

    chances = [random.Random(f"{seed}-{number}") for number in range(THREADS)]
    mine: dict[random.Random, Counter[int]] = {chance: Counter() for chance in chances}
    at_once(*(partial(work, chance) for chance in chances))

    added = sum(mine.values(), Counter())
    left = Counter(lines(cart))
    taken: Counter[int] = Counter()
    for order_id in order_ids:
        assert len(answers[order_id]) <= 1, "an id has one answer"
        # Of those that were never taken none is asked: it would be taken now.
        response = take(cart, order_id) if answers[order_id] else None
        if response is not None and response.status_code == 200:
            taken.update(items(response))
    assert taken, "the seed is worth nothing: all was restored"
    assert left + taken == added
