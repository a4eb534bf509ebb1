"""The stock in SQL: its movements, and what is reserved; the transaction comes first."""

from collections.abc import Sequence

from apps.catalog.model import HELD, RELEASED, Line
from apps.catalog.store import add_movement
from shop_common import json_text
from shop_common.db import Row, Transaction, marks


def take_stock(
    tx: Transaction, product_id: int, quantity: int, order_id: str, now: str
) -> Row | None:
    """Take it for an order; None where the product is not for sale or there is not as much."""
    row = tx.one(
        "UPDATE products SET stock = stock - ?, updated_at = ? WHERE id = ? AND archived_at IS NULL"
        " AND stock >= ? RETURNING id, price, stock",
        (quantity, now, product_id, quantity),
    )
    if row is not None:
        add_movement(tx, row, -quantity, "reservation", now, order_id)
    return row


def add_stock(
    tx: Transaction, product_id: int, delta: int, reason: str, now: str, order_id: str | None = None
) -> None:
    """Add to the stock whatever it is, also to that of a product that is no longer for sale."""
    row = tx.get(
        "UPDATE products SET stock = stock + ?, updated_at = ? WHERE id = ? RETURNING id, stock",
        (delta, now, product_id),
    )
    add_movement(tx, row, delta, reason, now, order_id)


def set_stock(tx: Transaction, product_id: int, stock: int, reason: str, now: str) -> None:
    """Set the stock, whatever it is by now, with a movement for the difference."""
    old = tx.get("SELECT stock FROM products WHERE id = ? FOR UPDATE", (product_id,))
    add_stock(tx, product_id, stock - old["stock"], reason, now)


def list_movements(tx: Transaction, product_id: int, before: int, limit: int) -> list[Row]:
    """Movements of a product's stock, newest first."""
    return tx.all(
        "SELECT id, delta, stock_after, reason, order_id, created_at FROM stock_movements"
        " WHERE product_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
        (product_id, before, limit),
    )


def find_offers(tx: Transaction, product_ids: Sequence[int]) -> list[Row]:
    """Price and stock of those that are for sale."""
    sql = f"SELECT id, price, stock FROM products WHERE id IN ({marks(product_ids)})"
    return tx.all(f"{sql} AND archived_at IS NULL", product_ids)


def insert_reservation(tx: Transaction, order_id: str, status: str, now: str) -> bool:
    """Write a reservation of nothing; False if the order has one."""
    return tx.any(
        "INSERT INTO reservations (order_id, status, items, created_at, updated_at)"
        " VALUES (?, ?, '[]', ?, ?) ON CONFLICT (order_id) DO NOTHING RETURNING order_id",
        (order_id, status, now, now),
    )


def save_reserved(tx: Transaction, order_id: str, lines: Sequence[Line]) -> None:
    tx.execute(
        "UPDATE reservations SET items = ? WHERE order_id = ?",
        (json_text.dump([tuple(line) for line in lines]), order_id),
    )


def get_reservation(tx: Transaction, order_id: str) -> tuple[str, list[Line]]:
    """Status and lines of a reservation that there is."""
    row = tx.get("SELECT status, items FROM reservations WHERE order_id = ?", (order_id,))
    return row["status"], _read_lines(row)


def release_reservation(tx: Transaction, order_id: str, now: str) -> list[Line]:
    """Mark it; the lines to give back, none where it is marked already."""
    row = tx.one(
        "UPDATE reservations SET status = ?, updated_at = ? WHERE order_id = ? AND status = ?"
        " RETURNING items",
        (RELEASED, now, order_id, HELD),
    )
    return _read_lines(row) if row else []


def _read_lines(row: Row) -> list[Line]:
    return [Line(*item) for item in json_text.load(row["items"])]
