"""Whether the books balance: reconciles what the databases of all four apps say (books.py).

They are read one after the other, while the shop goes on working. So a difference counts only if it
is still there when they are read again, for as long as an operation between apps may take; what a
message that is on its way will put right is none.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shop_common import json_text
from shop_common.books import Books, read_books
from shop_common.clock import Clock, to_iso
from shop_common.db import Database, Row
from shop_common.errors import DamagedError
from shop_common.money import to_number

LOOK_AGAIN_S = 1.0
_GAVE_BACK = ("ABANDONED", "CANCELLED", "EXPIRED")


@dataclass(frozen=True, slots=True)
class Repair:
    """A request that is safe to send, whatever has happened meanwhile."""

    app: str
    path: str
    body: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: its kind, what it is about, and what puts it right, if we can."""

    kind: str
    id: str
    detail: str = field(compare=False)  # its numbers may change while it stays wrong
    repair: Repair | None = field(default=None, compare=False)

    @property
    def remedy(self) -> str:
        return "put it right: ./shop doctor --repair" if self.repair else _BY_HAND[self.kind]


# What to do about what we cannot put right ourselves.
_BY_HAND = {
    "database_damaged": "stop the shop and restore the databases, all from one backup",
    "unverified_waits": "see why catalog does not answer orders (./shop logs orders)",
    "total_differs": "compare the order with its payment and correct it by hand",
    "paid_without_payment": "do not ship it; look the payment up at the provider",
    "paid_order_missing": "restore the databases, all from one backup, or refund it by hand",
    "amount_differs": "cancel the order, or refund or charge the difference by hand",
    "refund_waits": "look the refund up at the provider",
    "refund_sums_differ": "compare its refunds with the provider's",
    "refund_differs": "compare its refunds with the provider's",
    "payment_waits": "look the payment up at the provider",
    "stock_differs": "count it, and adjust the stock with a reason",
    "held_differs": "count it, and adjust the stock with a reason",
    "orphan_hold": "see ./shop logs orders: the sweep",
    "order_without_stock": "do not ship it; cancel it, or take its stock by hand",
    "lost_cart": "see ./shop logs orders: the sweep",
    "message_waits": "see why that app does not answer",
}


def diagnose(
    databases: Mapping[str, Database], time_source: Clock, sweep_after_s: float, patience_s: float
) -> list[Finding]:
    """What is wrong and stays so; in a moment if nothing is, after up to `patience_s` if not."""
    findings = examine(databases, time_source(), sweep_after_s)
    end = time.monotonic() + patience_s
    while findings and time.monotonic() < end:
        time.sleep(LOOK_AGAIN_S)
        known = set(findings)
        again = examine(databases, time_source(), sweep_after_s)
        findings = [finding for finding in again if finding in known]
    return findings


def report(findings: Sequence[Finding], now: datetime) -> dict[str, Any]:
    """What is stored and served: `{"checked_at", "clean", "findings": [{"kind", "id", ...}]}`."""
    return {
        "checked_at": to_iso(now),
        "clean": not findings,
        "findings": [
            {"kind": f.kind, "id": f.id, "detail": f.detail, "remedy": f.remedy} for f in findings
        ],
    }


def examine(
    databases: Mapping[str, Database], now: datetime, sweep_after_s: float
) -> list[Finding]:
    """Every difference that there is at this moment, also those of work in progress."""
    found = [*_check_files(databases)]
    if found:
        return found  # what else stands in them is not to be relied on, or not to be read
    books = read_books(databases, now, sweep_after_s)
    for check in (_check_orders, _check_payments, _check_stock, _check_holds, _check_carts):
        found += check(books)
    return [*found, *_check_messages(books)]


def _check_files(databases: Mapping[str, Database]) -> Iterator[Finding]:
    for app, database in databases.items():
        if database.engine == "sqlite":
            try:
                with database.read() as tx:
                    rows = tx.all("PRAGMA quick_check")
                results = [next(iter(dict(row).values())) for row in rows]
            except DamagedError as error:
                results = [str(error.__cause__)]
            if results != ["ok"]:
                said = "; ".join(map(str, results[:3]))
                yield Finding("database_damaged", app, f"SQLite's own check says: {said}")


def _check_orders(books: Books) -> Iterator[Finding]:
    for order_id, order in books.orders.items():
        is_open = order["status"] in ("CREATED", "PAID")
        if order["unverified"] and is_open and order["created_at"] < books.waiting:
            detail = "the order has not been checked against the catalogue"
            yield Finding("unverified_waits", order_id, detail)
        items = json_text.load(order["items"])
        if order["total_amount"] != sum(quantity * price for _, quantity, price in items):
            detail = "the order's total is not the sum of its lines"
            yield Finding("total_differs", order_id, detail)
        if order["payment_id"] is None:
            continue
        payment = books.payments.get(order["payment_id"])
        if payment is None or payment["status"] != "COMPLETED" or payment["order_id"] != order_id:
            paid_by = order["payment_id"]
            detail = f"the order is paid by {paid_by}, which is no completed payment of it"
            yield Finding("paid_without_payment", order_id, detail)
        elif payment["amount"] != order["total_amount"]:
            paid, total = to_number(payment["amount"]), to_number(order["total_amount"])
            yield Finding("amount_differs", order_id, f"{paid} was paid for an order of {total}")


def _check_payments(books: Books) -> Iterator[Finding]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for refund_id, refund in books.refunds.items():
        sums[refund["payment_id"]][refund["status"]] += refund["amount"]
        if refund["status"] == "REQUESTED" and refund["created_at"] < books.waiting:
            detail = "the provider has not said whether the refund succeeded"
            yield Finding("refund_waits", refund_id, detail)
    for payment_id, payment in books.payments.items():
        succeeded = sums[payment_id]["SUCCEEDED"]
        counted = (payment["refunded_minor"], payment["succeeded_minor"])
        if counted != (succeeded + sums[payment_id]["REQUESTED"], succeeded):
            detail = "what the payment counts as refunded is not the sum of its refunds"
            yield Finding("refund_sums_differ", payment_id, detail)
        if payment["status"] == "PENDING" and payment["created_at"] < books.waiting:
            detail = "the provider has not said whether the payment succeeded"
            yield Finding("payment_waits", payment_id, detail)
        if payment["status"] == "COMPLETED":
            yield from _check_completed(books, payment_id, payment, succeeded)


def _check_completed(
    books: Books, payment_id: str, payment: Row, succeeded: int
) -> Iterator[Finding]:
    """A completed payment has paid its order, or all of it has gone back."""
    order_id = payment["order_id"]
    order = books.orders.get(order_id)
    is_back = succeeded == payment["amount"]
    if not books.is_told("payments", order_id):
        return
    left = f"{to_number(payment['amount'] - succeeded)} was paid for order {order_id}"
    if order is None or order["status"] == "ABANDONED":
        # The order may be in a backup, or in another file: that is no reason to refund it.
        if not is_back:
            yield Finding("paid_order_missing", payment_id, f"{left}, which is not there")
        return
    pays = order["payment_id"] == payment_id
    if order["status"] == "CREATED" and not is_back:
        detail = f"order {order_id} does not know that it is paid"
        repair = Repair("orders", f"/orders/{order_id}/payment")
        yield Finding("payment_not_told", payment_id, detail, repair)
    elif not is_back and (not pays or order["status"] == "CANCELLED"):
        if books.is_told("orders", f"payments/{order_id}"):
            detail = f"{left}, which does not take it, and has not gone back"
            repair = Repair("payments", f"/payments/{payment_id}/return", {"reason": "doctor"})
            yield Finding("not_refunded", payment_id, detail, repair)
    elif pays and order["status"] != "CANCELLED":
        # What was free is back from the start.
        if (order["status"] == "REFUNDED") == is_back or payment["amount"] == 0:
            return
        back = f"{to_number(succeeded)} of {to_number(payment['amount'])} has gone back"
        detail = f"order {order_id} is {order['status']}, and {back}"
        yield Finding("refund_differs", payment_id, detail)


def _check_stock(books: Books) -> Iterator[Finding]:
    held = Counter[int]()
    for reservation in books.reservations.values():
        if reservation["status"] == "HELD":
            held.update(_sums(reservation))
    for product_id, product in books.products.items():
        if product["stock"] < 0 or product["stock"] != product["moved"]:
            detail = f"the stock is {product['stock']}, its history adds up to {product['moved']}"
            yield Finding("stock_differs", str(product_id), detail)
        if held[product_id] != -product["held"]:
            detail = f"orders hold {held[product_id]}, the history says {-product['held']}"
            yield Finding("held_differs", str(product_id), detail)


def _check_holds(books: Books) -> Iterator[Finding]:
    for order_id, reservation in books.reservations.items():
        order = books.orders.get(order_id)
        if reservation["status"] != "HELD" or not books.is_told("orders", f"catalog/{order_id}"):
            continue
        if order is None:
            if reservation["created_at"] < books.old:
                detail = "stock is held, but there is no such order"
                yield Finding("orphan_hold", order_id, detail)
        elif order["status"] in _GAVE_BACK or (
            order["status"] == "REFUNDED" and order_id not in books.shipped
        ):
            repair = Repair("catalog", f"/reservations/{order_id}/release", {"reason": "doctor"})
            detail = f"stock is held, but the order is {order['status']}"
            yield Finding("orphan_hold", order_id, detail, repair)
    for order_id, order in books.orders.items():
        if order["unverified"] or order["status"] in (*_GAVE_BACK, "REFUNDED"):
            continue
        held = books.reservations.get(order_id)
        if held is None or held["status"] != "HELD" or _sums(held) != _sums(order):
            detail = f"the order is {order['status']} and what it holds is not what was ordered"
            yield Finding("order_without_stock", order_id, detail)


def _sums(row: Row) -> Counter[int]:
    sums = Counter[int]()
    for product_id, quantity, _ in json_text.load(row["items"]):
        sums[product_id] += quantity
    return sums


def _check_carts(books: Books) -> Iterator[Finding]:
    for order_id, checkout in books.checkouts.items():
        status = books.orders[order_id]["status"] if order_id in books.orders else "ABANDONED"
        if (
            status == "ABANDONED"
            and checkout["created_at"] < books.old
            and books.is_told("orders", f"cart/{order_id}")
        ):
            detail = f"lines of {checkout['user_id']}'s cart were taken, not ordered, not restored"
            yield Finding("lost_cart", order_id, detail)


def _check_messages(books: Books) -> Iterator[Finding]:
    for app, rows in books.messages.items():
        for row in rows:
            message = f"{row['topic']}: {row['last_error']}"
            if row["parked_at"]:
                retry = Repair(app, f"/admin/outbox/{row['id']}/retry")
                detail = f"{row['partner']} refused {message}"
                yield Finding("message_parked", f"{app}/{row['id']}", detail, retry)
            elif row["created_at"] < books.waiting:
                detail = f"{row['partner']} has not taken {message}"
                yield Finding("message_waits", f"{app}/{row['id']}", detail)
