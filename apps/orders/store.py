"""The orders tables and their SQL; every function takes the open transaction first."""

from collections.abc import Iterator, Sequence
from typing import Any

from apps.orders.model import (
    ABANDONED,
    CREATED,
    GIVEN_BACK,
    PAID,
    STATUSES,
    Line,
    Order,
    RefundReport,
)
from shop_common import json_text
from shop_common.db import Row, Transaction, Where, marks
from shop_common.errors import NotFoundError
from shop_common.paging import list_newest

_SHOWN = f"status <> '{ABANDONED}'"


def insert_order(tx: Transaction, order: Order) -> bool:
    """Write the order; False if its id is taken: someone has claimed it."""
    items = [[line.product_id, line.quantity, line.price_minor] for line in order.lines]
    return tx.any(
        "INSERT INTO orders (order_id, user_id, items, status, total_amount, unverified, reason,"
        " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (order_id) DO NOTHING RETURNING order_id",
        (
            order.order_id,
            order.user_id,
            json_text.dump(items),
            order.status,
            order.total_minor,
            int(order.unverified),
            order.reason,
            order.created_at,
            order.updated_at,
        ),
    )


def get_order(tx: Transaction, order_id: str, *, lock: bool = False) -> Order:
    """With `lock` nobody else moves it until the end of the transaction. Raises NotFoundError."""
    sql = f"SELECT * FROM orders WHERE order_id = ? AND {_SHOWN}"
    row = tx.one(sql + " FOR UPDATE" if lock else sql, (order_id,))
    if row is None:
        raise NotFoundError(f"Order {order_id} not found")
    return _load(row)


def find_statuses(tx: Transaction, order_ids: Sequence[str]) -> dict[str, str]:
    """The status of those ids that have a row, ABANDONED ones too."""
    sql = f"SELECT order_id, status FROM orders WHERE order_id IN ({marks(order_ids)})"
    rows = tx.all(sql, order_ids)
    return {row["order_id"]: row["status"] for row in rows}


def save_status(
    tx: Transaction, order: Order, to_status: str, reason: str | None, paid_by: str | None, now: str
) -> bool:
    """Move the order on from the state it was read in; False if it has left it.

    `paid_by` is the payment that makes it PAID.
    """
    paid_at = None if paid_by is None else now
    return tx.any(
        "UPDATE orders SET status = ?, reason = ?, updated_at = ?,"
        " payment_id = COALESCE(payment_id, ?), paid_at = COALESCE(paid_at, ?)"
        " WHERE order_id = ? AND status = ? RETURNING order_id",
        (to_status, reason, now, paid_by, paid_at, order.order_id, order.status),
    )


def save_verified(tx: Transaction, order_id: str, now: str) -> None:
    tx.execute(
        "UPDATE orders SET unverified = 0, updated_at = ? WHERE order_id = ?", (now, order_id)
    )


def count_check_failure(tx: Transaction, order_id: str) -> None:
    tx.execute(
        "UPDATE orders SET check_failures = check_failures + 1 WHERE order_id = ?", (order_id,)
    )


def list_unverified(tx: Transaction, limit: int) -> list[Order]:
    """Orders to be checked against the catalogue, as they were taken, what failed thrice last."""
    rows = tx.all(
        # An expression, so that the index of the states does not fit: it would read all of those.
        "SELECT * FROM orders WHERE unverified = 1 AND status || '' IN (?, ?)"
        " ORDER BY check_failures / 3, created_at, order_id LIMIT ?",
        (CREATED, PAID, limit),
    )
    return [_load(row) for row in rows]


def list_unpaid(tx: Transaction, before: str, limit: int) -> list[str]:
    """Ids of unpaid orders made before that time, oldest first."""
    rows = tx.all(
        "SELECT order_id FROM orders WHERE status = ? AND created_at < ?"
        " ORDER BY created_at, order_id LIMIT ?",
        (CREATED, before, limit),
    )
    return [row["order_id"] for row in rows]


def list_orders(
    tx: Transaction,
    user_id: str | None,
    status: str | None,
    after: str | None,
    limit: int,
    *,
    unverified: bool | None = None,
) -> list[Order]:
    """Orders, newest first: of one user or status if given, those before the order `after`."""
    where = Where()
    where.add("user_id = ?", user_id)
    # Few are unverified, many are in any state: then only their own index fits the expression.
    where.add("status || '' = ?" if unverified else "status = ?", status)
    if unverified is not None:
        where.add("unverified = 1" if unverified else "unverified = 0")
    rows = list_newest(tx, "*", "orders", "order_id", where, after, limit, among=_SHOWN)
    return [_load(row) for row in rows]


def list_sold(tx: Transaction, since: str, until: str) -> Iterator[tuple[Any, int, int]]:
    """What was paid from `since` to before `until` and is not given back, equal orders as one.

    Their lines, as `[product_id, quantity, price_minor]`, how many they are and what they brought.
    """
    # Written as NOT IN, so that the index of the time is the only one that fits: with the states
    # that are sold, SQLite reads all orders of those.
    rows = tx.stream(
        "SELECT items, COUNT(*) AS orders, CAST(SUM(total_amount) AS BIGINT) AS revenue"
        " FROM orders WHERE paid_at >= ? AND paid_at < ? AND status NOT IN (?, ?) GROUP BY items",
        (since, until, *GIVEN_BACK),
    )
    for row in rows:
        yield json_text.load(row["items"]), row["orders"], row["revenue"]


def count_statuses(tx: Transaction, since: str, until: str) -> dict[str, int]:
    """How many orders made from `since` to before `until` are in each state; none: left out."""
    # All states are named, since the index has the state before the time.
    rows = tx.all(
        f"SELECT status, COUNT(*) AS orders FROM orders WHERE status IN ({marks(STATUSES)})"
        " AND created_at >= ? AND created_at < ? GROUP BY status",
        (*STATUSES, since, until),
    )
    return {row["status"]: row["orders"] for row in rows}


def add_history(
    tx: Transaction,
    order_id: str,
    from_status: str | None,
    to_status: str,
    actor: str,
    reason: str | None,
    now: str,
) -> None:
    tx.execute(
        "INSERT INTO order_history (order_id, from_status, to_status, actor, reason, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (order_id, from_status, to_status, actor, reason, now, now),
    )


def list_history(tx: Transaction, order_id: str) -> list[dict[str, Any]]:
    """What the order has been through, newest first."""
    rows = tx.all(
        'SELECT created_at AS at, actor AS "by", from_status AS "from", to_status AS "to", reason'
        " FROM order_history WHERE order_id = ? ORDER BY id DESC",
        (order_id,),
    )
    return [dict(row) for row in rows]


def find_judged_payment(tx: Transaction, payment_id: str) -> Row | None:
    """`order_id` and `refusal` (null: taken) of a payment that was reported before."""
    return tx.one(
        "SELECT order_id, refusal FROM order_payments WHERE payment_id = ?", (payment_id,)
    )


def insert_judged_payment(
    tx: Transaction, payment_id: str, order_id: str, amount: int, refusal: str | None, now: str
) -> None:
    tx.execute(
        "INSERT INTO order_payments (payment_id, order_id, amount, refusal, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?)",
        (payment_id, order_id, amount, refusal, now, now),
    )


def insert_refund(tx: Transaction, order_id: str, report: RefundReport, now: str) -> None:
    """Record a reported refund, once."""
    tx.execute(
        "INSERT INTO order_refunds (payment_id, refund_id, amount, refunded_amount, order_id,"
        " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (refund_id) DO NOTHING",
        (*report, order_id, now, now),
    )


def _load(row: Row) -> Order:
    return Order(
        order_id=row["order_id"],
        user_id=row["user_id"],
        lines=tuple(Line(*line) for line in json_text.load(row["items"])),
        status=row["status"],
        total_minor=row["total_amount"],
        unverified=bool(row["unverified"]),
        payment_id=row["payment_id"],
        paid_at=row["paid_at"],
        reason=row["reason"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
