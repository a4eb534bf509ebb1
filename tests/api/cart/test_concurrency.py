"""Many processes on one cart at the same time."""

import multiprocessing
from collections.abc import Callable

import pytest

from apps.cart import model, service
from shop_common.config import Config
from shop_common.context import Context, make_context
from tests.api.harness import Api

PROCESSES = 4
PRODUCTS = 8


def _open(config: Config) -> Context:
    return make_context("apps.cart", config)


def _add_up(config: Config, changes: int) -> None:
    context = _open(config)
    for number in range(changes):
        product_id = 1 + number % PRODUCTS
        service._change(
            context,
            "u",
            lambda lines, product_id=product_id: model.add_line(  # type: ignore[misc] # bound here
                lines, product_id, 1, unverified=False
            ),
        )


def run(target: Callable[..., None], *args: object) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=target, args=args) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0


def test_no_change_of_a_cart_is_lost(cart: Api, pytestconfig: pytest.Config) -> None:
    """Four processes read, change and write one cart, a thousand times each with --rounds 25."""
    changes = 40 * pytestconfig.getoption("--rounds")
    run(_add_up, cart.context.config, changes)
    quantities = {line["product_id"]: line["quantity"] for line in cart.get("/cart/u").json["cart"]}
    assert quantities == {n: PROCESSES * changes // PRODUCTS for n in range(1, PRODUCTS + 1)}
