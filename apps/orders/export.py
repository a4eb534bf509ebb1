"""Orders written as CSV, one row each, for people and their spreadsheets; pure."""

from collections.abc import Iterable, Iterator

from apps.orders.model import Line, Order
from shop_common import money
from shop_common.csv_file import guard, write_csv

COLUMNS = [
    *("order_id", "user_id", "status", "total_amount", "currency"),
    *("created_at", "paid_at", "updated_at", "items", "payment_id", "unverified", "reason"),
]


def write_orders(orders: Iterable[Order], currency: str) -> Iterator[str]:
    """The file, in pieces."""
    return write_csv(COLUMNS, (_write_order(order, currency) for order in orders))


def _write_order(order: Order, currency: str) -> dict[str, str]:
    cells = {
        "order_id": order.order_id,
        "user_id": order.user_id,
        "status": order.status,
        "total_amount": money.to_text(order.total_minor),
        "currency": currency,
        "created_at": order.created_at,
        "paid_at": order.paid_at or "",
        "updated_at": order.updated_at,
        "items": "; ".join(map(_write_line, order.lines)),
        "payment_id": order.payment_id or "",
        "unverified": "true" if order.unverified else "false",
        "reason": order.reason or "",
    }
    return {column: guard(text) for column, text in cells.items()}


def _write_line(line: Line) -> str:
    return f"{line.product_id} x {line.quantity} @ {money.to_text(line.price_minor)}"
