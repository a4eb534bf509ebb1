"""The tables carts and checkouts and their SQL; every function takes the open transaction first.

Who locks both a cart and a check-out locks the cart first, so that no two wait for each other.
"""

from apps.cart.model import TAKEN, Checkout, Line, Lines, dump_lines
from shop_common import json_text
from shop_common.db import ConflictRetryError, Row, Transaction


def get_lines(tx: Transaction, user_id: str, not_before: str) -> Lines:
    """The user's lines; none for a stranger or a cart untouched since `not_before`."""
    row = tx.one(
        "SELECT items FROM carts WHERE user_id = ? AND updated_at >= ?", (user_id, not_before)
    )
    return _load(row["items"]) if row else ()


def lock_lines(tx: Transaction, user_id: str, not_before: str, now: str) -> Lines:
    """As `get_lines`, with the cart locked until the end of the transaction, also a new one."""
    row = (
        _lock(tx, user_id)
        # A row that is not there cannot be locked: two first adds would overwrite each other.
        or tx.one(
            "INSERT INTO carts (user_id, items, created_at, updated_at, changed_on)"
            " VALUES (?, '[]', ?, ?, ?) ON CONFLICT (user_id) DO NOTHING"
            " RETURNING items, updated_at",
            (user_id, now, now, _day(now)),
        )
        or _lock(tx, user_id)
    )
    if row is None:
        # It was deleted between the two statements.
        raise ConflictRetryError
    return _load(row["items"]) if row["updated_at"] >= not_before else ()


def _lock(tx: Transaction, user_id: str) -> Row | None:
    return tx.one("SELECT items, updated_at FROM carts WHERE user_id = ? FOR UPDATE", (user_id,))


def save_lines(tx: Transaction, user_id: str, lines: Lines, now: str) -> None:
    row = tx.one(
        "UPDATE carts SET items = ?, updated_at = ? WHERE user_id = ? RETURNING changed_on",
        (json_text.dump(dump_lines(lines)), now, user_id),
    )
    # Apart, and once a day: only this writes to an index.
    if row and row["changed_on"] != _day(now):
        tx.execute("UPDATE carts SET changed_on = ? WHERE user_id = ?", (_day(now), user_id))


def delete_cart(tx: Transaction, user_id: str) -> None:
    tx.execute("DELETE FROM carts WHERE user_id = ?", (user_id,))


def delete_idle_carts(tx: Transaction, not_before: str, limit: int) -> int:
    """Delete up to `limit` carts untouched since before the day of `not_before`; how many."""
    return len(
        tx.all(
            "DELETE FROM carts WHERE user_id IN (SELECT user_id FROM carts WHERE changed_on < ?"
            " ORDER BY changed_on LIMIT ?) AND updated_at < ? RETURNING user_id",
            (_day(not_before), limit, not_before),
        )
    )


def add_checkout(tx: Transaction, checkout: Checkout, settled_at: str | None, now: str) -> bool:
    """Whether its id is new; an id that is there already keeps what it has."""
    return tx.any(
        "INSERT INTO checkouts (order_id, user_id, status, items, settled_at, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (order_id) DO NOTHING"
        " RETURNING order_id",
        (
            checkout.order_id,
            checkout.user_id,
            checkout.status,
            json_text.dump(dump_lines(checkout.lines)),
            settled_at,
            now,
            now,
        ),
    )


def lock_checkout(tx: Transaction, order_id: str) -> Checkout:
    """A check-out whose id `add_checkout` has just found."""
    row = tx.one("SELECT * FROM checkouts WHERE order_id = ? FOR UPDATE", (order_id,))
    if row is None:
        raise ConflictRetryError
    return Checkout(row["order_id"], row["user_id"], row["status"], _load(row["items"]))


def restore_checkout(tx: Transaction, order_id: str, now: str) -> bool:
    """Mark it RESTORED and settled; whether it was TAKEN until now."""
    return tx.any(
        "UPDATE checkouts SET status = 'RESTORED', settled_at = ?, updated_at = ?"
        " WHERE order_id = ? AND status = ? RETURNING order_id",
        (now, now, order_id, TAKEN),
    )


def delete_old_checkouts(tx: Transaction, not_before: str, limit: int) -> int:
    """Delete up to `limit` check-outs that were settled before `not_before`; how many."""
    return tx.delete_before("checkouts", "order_id", "settled_at", not_before, limit)


def _load(items: str) -> Lines:
    return tuple(Line(**item) for item in json_text.load(items))


def _day(moment: str) -> str:
    return moment[:10]
