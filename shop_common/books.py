"""What the databases of all four apps say, for who reconciles them; nothing is judged here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shop_common.clock import to_iso
from shop_common.db import Database, Row, Transaction

# How long a message may wait, and an unverified order, before someone should know.
WAIT_S = 120.0
_OPEN_MESSAGES = (
    "SELECT id, topic, aggregate, partner, parked_at, last_error, created_at FROM outbox"
    " WHERE closed_at IS NULL ORDER BY id"
)


@dataclass(slots=True)
class Books:
    """What the databases say, by id; amounts in minor units."""

    old: str  # what is older than this was not taken up by a sweeper in its time
    waiting: str  # what waits since before this waits too long
    orders: dict[str, Row] = field(default_factory=dict)
    shipped: set[str] = field(default_factory=set)
    payments: dict[str, Row] = field(default_factory=dict)
    refunds: dict[str, Row] = field(default_factory=dict)
    products: dict[int, Row] = field(default_factory=dict)
    reservations: dict[str, Row] = field(default_factory=dict)
    checkouts: dict[str, Row] = field(default_factory=dict)
    messages: dict[str, list[Row]] = field(default_factory=dict)

    def is_told(self, app: str, aggregate: str) -> bool:
        """Whether no message of the app about this is on its way."""
        return not any(row["aggregate"] == aggregate for row in self.messages[app])


def read_books(databases: Mapping[str, Database], now: datetime, sweep_after_s: float) -> Books:
    """What they say, each in a snapshot of its own, read one after the other."""
    books = Books(
        old=to_iso(now - timedelta(seconds=2 * sweep_after_s + 10)),
        waiting=to_iso(now - timedelta(seconds=WAIT_S + 2 * sweep_after_s)),
    )
    for app, database in databases.items():
        with database.read() as tx:
            books.messages[app] = tx.all(_OPEN_MESSAGES)
            _READERS[app](books, tx)
    return books


def _read_orders(books: Books, tx: Transaction) -> None:
    sql = (
        "SELECT order_id, status, total_amount, items, unverified, payment_id, created_at"
        " FROM orders"
    )
    books.orders = {row["order_id"]: row for row in tx.stream(sql)}
    sql = "SELECT order_id FROM order_history WHERE to_status = 'SHIPPED'"
    books.shipped = {row["order_id"] for row in tx.stream(sql)}


def _read_payments(books: Books, tx: Transaction) -> None:
    sql = (
        "SELECT payment_id, order_id, amount, status, refunded_minor, succeeded_minor,"
        " created_at FROM payments"
    )
    books.payments = {row["payment_id"]: row for row in tx.stream(sql)}
    sql = "SELECT refund_id, payment_id, amount, status, created_at FROM refunds"
    books.refunds = {row["refund_id"]: row for row in tx.stream(sql)}


def _read_catalog(books: Books, tx: Transaction) -> None:
    sql = (
        "SELECT products.id, stock, COALESCE(SUM(delta), 0) AS moved,"
        " COALESCE(SUM(CASE WHEN order_id IS NULL THEN 0 ELSE delta END), 0) AS held"
        " FROM products LEFT JOIN stock_movements ON product_id = products.id"
        " GROUP BY products.id, stock"
    )
    books.products = {row["id"]: row for row in tx.stream(sql)}
    sql = "SELECT order_id, status, items, created_at FROM reservations"
    books.reservations = {row["order_id"]: row for row in tx.stream(sql)}


def _read_cart(books: Books, tx: Transaction) -> None:
    sql = (
        "SELECT order_id, user_id, created_at FROM checkouts"
        " WHERE status = 'TAKEN' AND settled_at IS NULL"
    )
    books.checkouts = {row["order_id"]: row for row in tx.stream(sql)}


_READERS = {
    "cart": _read_cart,
    "catalog": _read_catalog,
    "orders": _read_orders,
    "payments": _read_payments,
}
