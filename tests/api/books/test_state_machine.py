"""Random histories of the whole shop against a small model; the books balance after each step."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.api.books.whole_shop import WholeShop

PRICES = {1: 99999, 2: 2999, 3: 0}
STOCK = {1: 4, 2: 6, 3: 5}
USERS = ("ann", "bob")
ORDER_TTL_S = 5000
# What a client may do to an order, written down once more: from where, and whether what it had
# taken is in stock again. The app's own table is what is under test.
CLIENT_MOVES = {
    ("CREATED", "cancel"): ("CANCELLED", True),
    ("PAID", "cancel"): ("CANCELLED", True),
    ("PAID", "ship"): ("SHIPPED", False),
    ("SHIPPED", "deliver"): ("DELIVERED", False),
}
# Most tries are right, or a history gets nowhere.
MOSTLY = st.sampled_from([True, True, True, False])


@dataclass
class Order:
    """What the model knows of an order; amounts in minor units."""

    lines: dict[int, int]
    total: int
    unverified: bool
    is_right: bool  # the price is the catalogue's
    status: str = "CREATED"
    payment_id: str | None = None
    refunded: int = 0


@dataclass(frozen=True)
class Answered:
    """A request with a key, and what it must be answered for ever."""

    app: str
    path: str
    key: str
    body: Any
    answer: bytes


class ShopMachine(RuleBasedStateMachine):
    """Users add, check out, order, pay, cancel; partners and answers are lost and come back."""

    make_shop: Callable[..., WholeShop]
    orders = Bundle("orders")

    @initialize()
    def open(self) -> None:
        self.shop = type(self).make_shop(ORDER_TTL_S=str(ORDER_TTL_S))
        self.model: dict[str, Order] = {}
        self.stock = dict(STOCK)
        self.carts: dict[str, dict[int, int]] = {user: {} for user in USERS}
        self.answered: list[Answered] = []
        self.number = 0
        free = self.shop.send("catalog", "PATCH", "/products/3", json={"price": PRICES[3] / 100})
        assert free.status_code == 200
        for product, stock in STOCK.items():
            now = self.shop.get("catalog", f"/products/{product}")["stock"]
            body = {"delta": stock - now, "reason": "count"}
            self.post("catalog", f"/products/{product}/stock", body=body)

    @property
    def is_away(self) -> bool:
        return "catalog" in self.shop.away

    @rule(user=st.sampled_from(USERS), product=st.sampled_from(list(PRICES)), n=st.integers(1, 3))
    def add(self, user: str, product: int, n: int) -> None:
        answer = self.post("cart", f"/cart/{user}/add?product_id={product}&quantity={n}")
        assert answer.status_code == 200
        self.carts[user][product] = self.carts[user].get(product, 0) + n

    @rule(target=orders, user=st.sampled_from(USERS))
    def check_out(self, user: str) -> Any:
        lines = self.carts[user]
        if not lines:
            self.add(user, 2, 1)
        answer = self.post("orders", f"/orders?user_id={user}")
        if self.is_away:  # a cart has no prices
            assert answer.status_code == 503
            return multiple()
        if not self.has(lines):
            assert answer.status_code == 409
            assert answer.json["short"]
            return multiple()
        assert answer.status_code == 200
        self.carts[user] = {}
        again = self.shop.send("orders", "POST", f"/orders?user_id={user}")
        assert again.status_code == 409  # the second click finds an empty cart
        return self.took(answer.json, lines, is_right=True)

    @rule(
        target=orders,
        lines=st.dictionaries(st.sampled_from(list(PRICES)), st.integers(1, 2), min_size=1),
        is_right=MOSTLY,
    )
    def order(self, lines: dict[int, int], is_right: bool) -> Any:
        body = [
            {
                "product_id": product,
                "quantity": quantity,
                "price": (PRICES[product] if is_right else 100) / 100,
            }
            for product, quantity in lines.items()
        ]
        answer = self.post("orders", "/orders?user_id=eve", body=body)
        if not self.is_away and not (is_right and self.has(lines)):
            assert answer.status_code == 409
            return multiple()
        assert answer.status_code == 200
        return self.took(answer.json, lines, is_right=is_right)

    @rule(order_id=orders, is_right=MOSTLY, is_lost=st.booleans())
    def pay(self, order_id: str, is_right: bool, is_lost: bool) -> None:
        order = self.model[order_id]
        amount = (order.total if is_right else order.total + 1) / 100
        path, key = f"/pay?order_id={order_id}&amount={amount:.2f}", self.next_key()
        if order.status != "CREATED" or not is_right:
            assert self.shop.send("payments", "POST", path, key).status_code == 409
            return
        if is_lost:
            # Orders hears of it, but not payments of that: it is said again by the relay.
            self.shop.mute.add("orders")
            late = self.shop.send("payments", "POST", path, key)
            self.shop.mute.clear()
            assert (late.status_code, late.json["status"]) == (202, "COMPLETED")
            self.work_off()
        answer = self.shop.send("payments", "POST", path, key)
        assert answer.status_code == 200, answer.text
        self.answered.append(Answered("payments", path, key, None, answer.data))
        order.status, order.payment_id = "PAID", answer.json["payment_id"]
        # By the same key and by another one.
        self.replay(-1)
        assert self.shop.send("payments", "POST", path, self.next_key()).status_code == 409

    @rule(order_id=orders, verb=st.sampled_from(["cancel", "cancel", "ship", "deliver"]))
    def move(self, order_id: str, verb: str) -> None:
        order = self.model[order_id]
        to_status, gives_back = CLIENT_MOVES.get((order.status, verb), (None, False))
        answer = self.post("orders", f"/orders/{order_id}/{verb}")
        if to_status is None or (verb == "ship" and order.unverified):
            assert answer.status_code == 409
            return
        assert answer.status_code == 200
        self.left(order, to_status, gives_back=gives_back)

    @rule(order_id=orders, amount=st.sampled_from([100, 3000, None, None]))
    def refund(self, order_id: str, amount: int | None) -> None:
        order = self.model[order_id]
        if order.payment_id is None:
            return
        left = order.total - order.refunded
        body = None if amount is None else {"amount": amount / 100}
        answer = self.post("payments", f"/payments/{order.payment_id}/refund", body=body)
        if (amount or 0) > left or (left == 0 < order.total):
            assert answer.status_code == 409
            return
        assert answer.status_code == 200, answer.text
        order.refunded += left if amount is None else amount
        self.work_off()
        if order.refunded == order.total and order.status in ("PAID", "SHIPPED", "DELIVERED"):
            self.left(order, "REFUNDED", gives_back=order.status == "PAID")

    @rule()
    def expire(self) -> None:
        self.shop.clock.turn(seconds=ORDER_TTL_S + 1)
        self.work_off()
        for order in self.model.values():
            if order.status == "CREATED":
                self.left(order, "EXPIRED", gives_back=True)

    @precondition(lambda self: not self.is_away)
    @rule()
    def catalogue_goes(self) -> None:
        self.work_off()
        self.shop.away.add("catalog")

    @precondition(lambda self: self.is_away)
    @rule()
    def catalogue_comes_back(self) -> None:
        """What was taken meanwhile is reserved in the order taken, as far as there is stock."""
        self.shop.settle()
        for order in self.model.values():
            if not order.unverified or order.status not in ("CREATED", "PAID"):
                continue
            if order.is_right and self.has(order.lines):
                order.unverified = False
                self.take(order.lines)
            else:
                self.left(order, "CANCELLED", gives_back=False)

    @precondition(lambda self: self.answered)
    @rule(number=st.integers(0, 30))
    def replay(self, number: int) -> None:
        """However long ago, and whatever has happened since: the same answer, and no effect."""
        old = self.answered[number % len(self.answered)]
        again = self.shop.send(old.app, "POST", old.path, old.key, old.body)
        assert (again.status_code, again.data) == (200, old.answer)

    @precondition(lambda self: self.model)
    @rule()
    def say_all_again(self) -> None:
        """Every message comes a second time, as if its acknowledgement had not been stored."""
        for app in ("orders", "payments"):
            with self.shop.context(app).db.read() as tx:
                rows = tx.all(
                    "SELECT partner, path, body FROM outbox WHERE closed_at IS NOT NULL ORDER BY id"
                )
            for row in rows:
                answer = self.shop.send(
                    row["partner"], "POST", row["path"], json=json.loads(row["body"])
                )
                assert answer.status_code == 200, answer.text

    @invariant()
    def stock_is_conserved(self) -> None:
        if not hasattr(self, "shop"):
            return
        with self.shop.context("catalog").db.read() as tx:
            rows = tx.all("SELECT id, stock FROM products WHERE id IN (1, 2, 3)")
            stock = {row["id"]: row["stock"] for row in rows}
            held = dict.fromkeys(STOCK, 0)
            for row in tx.all("SELECT items FROM reservations WHERE status = 'HELD'"):
                for product, quantity, _ in json.loads(row["items"]):
                    held[product] += quantity
        assert {product: stock[product] + held[product] for product in STOCK} == STOCK
        if not self.is_away:  # else what is to be given back waits
            assert stock == self.stock

    @invariant()
    def every_order_is_as_the_model_says(self) -> None:
        if not hasattr(self, "shop"):
            return
        found = self.shop.get("orders", "/orders?limit=100")
        assert {
            order["order_id"]: (order["status"], order["unverified"], order["payment_id"])
            for order in found
        } == {
            order_id: (order.status, order.unverified, order.payment_id)
            for order_id, order in self.model.items()
        }
        assert all((order["paid_at"] is None) == (order["payment_id"] is None) for order in found)

    @invariant()
    def every_paid_order_has_one_payment_in_full(self) -> None:
        if not hasattr(self, "shop"):
            return
        found = self.shop.get("payments", "/payments?limit=100")
        payments = {payment["payment_id"]: payment for payment in found}
        paid = {order_id: order for order_id, order in self.model.items() if order.payment_id}
        assert {payment["order_id"] for payment in found} == paid.keys()
        assert len(found) == len(paid)
        for order in paid.values():
            payment = payments[order.payment_id or ""]
            assert payment["status"] == "COMPLETED"
            assert round(payment["amount"] * 100) == order.total
            assert round(payment["refunded_amount"] * 100) == order.refunded

    @invariant()
    def carts_are_as_the_model_says(self) -> None:
        if not hasattr(self, "shop"):
            return
        with self.shop.context("cart").db.read() as tx:
            rows = tx.all("SELECT user_id, items FROM carts")
        carts: dict[str, dict[int, int]] = {user: {} for user in USERS}
        for row in rows:
            carts[row["user_id"]] = {
                line["product_id"]: line["quantity"] for line in json.loads(row["items"])
            }
        assert carts == self.carts

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.shop.settle()
            assert self.shop.findings() == []

    def post(self, app: str, path: str, body: Any = None) -> Any:
        """With a key of its own, which is remembered if it was answered."""
        key = self.next_key()
        answer = self.shop.send(app, "POST", path, key, body)
        if answer.status_code == 200:
            self.answered.append(Answered(app, path, key, body, answer.data))
        return answer

    def work_off(self) -> None:
        """Background work now; while the catalogue is away, what it must hear waits."""
        self.shop.clock.turn(seconds=8)
        for app in ("payments", "orders"):
            for name, client in self.shop.context(app).partners.items():
                if name not in self.shop.away:
                    client.call("GET", "/livez", probe=True)
        self.shop.run_jobs()
        self.shop.run_jobs()

    def next_key(self) -> str:
        self.number += 1
        return f"key-{self.number}"

    def has(self, lines: dict[int, int]) -> bool:
        return all(self.stock[product] >= quantity for product, quantity in lines.items())

    def take(self, lines: dict[int, int]) -> None:
        for product, quantity in lines.items():
            self.stock[product] -= quantity

    def took(self, body: dict[str, Any], lines: dict[int, int], *, is_right: bool) -> str:
        order_id, prices = str(body["order_id"]), PRICES if is_right else dict.fromkeys(PRICES, 100)
        total = sum(prices[product] * quantity for product, quantity in lines.items())
        assert round(body["total_amount"] * 100) == total
        self.model[order_id] = Order(dict(lines), total, self.is_away, is_right)
        if not self.is_away:
            self.take(lines)
        return order_id

    def left(self, order: Order, status: str, *, gives_back: bool) -> None:
        """The order has been moved; its stock is back, and its money once that is worked off."""
        if gives_back and not order.unverified:
            for product, quantity in order.lines.items():
                self.stock[product] += quantity
        if status == "CANCELLED" and order.payment_id:
            order.refunded = order.total
        order.status = status
        self.work_off()


def test_random_histories(
    make_shop: Callable[..., WholeShop], request: pytest.FixtureRequest
) -> None:
    ShopMachine.make_shop = staticmethod(make_shop)
    run_state_machine_as_test(
        ShopMachine,
        settings=settings(
            max_examples=request.config.getoption("--examples"),
            stateful_step_count=30,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
