"""docs/statements.md says what a request asks the databases: held against what is executed."""

import textwrap
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.api.books.whole_shop import WholeShop
from tests.api.plans import Executed, Plans

DOCS = Path(__file__).parents[3] / "docs" / "statements.md"
# Before it the page says in words what these are.
BEGIN = "## Add to cart"


def test_the_statements_of_the_docs_are_those_executed(
    shop: WholeShop, plans: Plans, request: pytest.FixtureRequest
) -> None:
    """After a change `pytest tests/api/books/test_statements.py --write-docs` writes them anew."""
    words, _, _ = DOCS.read_text().partition(BEGIN)
    now = words + "\n".join(_render(plans, *asked) for asked in _ask(shop, plans))
    if request.config.getoption("--write-docs"):
        DOCS.write_text(now)
    assert DOCS.read_text() == now


def _ask(shop: WholeShop, plans: Plans) -> list[tuple[str, list[Executed]]]:
    """What is asked of the shop, and what that has executed."""
    asked = []

    def ask(
        title: str, app: str, method: str, path: str, key: str | None = None, **how: Any
    ) -> Any:
        response = shop.send(app, method, path, key, **how)
        assert response.status_code < 300, response.text
        asked.append((title, plans.executed[:]))
        plans.executed.clear()
        return response.json

    shop.send("cart", "POST", "/cart/u/add?product_id=1")
    shop.run_jobs_of("cart")  # from now on it knows what is for sale
    plans.executed.clear()
    ask("Add to cart", "cart", "POST", "/cart/u/add?product_id=1")
    ask("The first add of a user", "cart", "POST", "/cart/new/add?product_id=1")
    ask("An add with an Idempotency-Key", "cart", "POST", "/cart/u/add?product_id=2", "k")
    shop.send("catalog", "POST", "/products", json={"name": "New", "price": 1, "stock": 9})
    plans.executed.clear()
    path = "/cart/u/add?product_id=4"
    ask("An add of a product that the cart has not heard of yet", "cart", "POST", path)
    ask("Read a cart", "cart", "GET", "/cart/u")
    ask("A page of products", "catalog", "GET", "/products?limit=100&after=1")
    ask("A search of two words", "catalog", "GET", "/products?q=lap top&limit=10")
    ask("Check out a cart of three lines", "orders", "POST", "/orders?user_id=u")
    lines = [{"product_id": 1, "quantity": 1}]
    order = ask("Create an order of one line", "orders", "POST", "/orders?user_id=u", json=lines)
    order_id, amount = order["order_id"], order["total_amount"]
    ask("Pay", "payments", "POST", f"/pay?order_id={order_id}&amount={amount}")
    ask("See an order", "orders", "GET", f"/orders/{order_id}")
    return asked


def _render(plans: Plans, title: str, executed: list[Executed]) -> str:
    parts = [f"## {title}\n"]
    for (database, _), of_one in groupby(executed, lambda e: (e.database, id(e.transaction))):
        lines = [f"In `{database}`:\n", "```sql"]
        for sql, times in Counter(e.sql for e in of_one).items():
            lines += textwrap.wrap(sql, 110, subsequent_indent="  ")
            lines += [f"    -- {step}" for step in plans.by_statement[sql]]
            lines += [f"    -- {times} times"] if times > 1 else []
        parts.append("\n".join([*lines, "```\n"]))
    return "\n".join(parts)
