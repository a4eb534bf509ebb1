"""The products, carts and orders that a benchmark begins with, and how they get into databases.

The shop's are written with its own tables in mind and leave its books balanced: every order is
paid, its stock taken, its payment there. They are loaded while the shop is stopped.
"""

import csv
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from apps.catalog import store
from apps.catalog.model import ImportRow, Origin, ProductData
from shop_common import clock
from shop_common.config import load_config
from shop_common.db import Database, Transaction, open_database

# These five are in tests/bench/lua too.
LINES = 5
STRIDE = 611953
FIRST = ("Oak", "Steel", "Linen", "Paper", "Stone", "Cotton", "Glass", "Copper")
SECOND = ("Bowl", "Lamp", "Chair", "Towel", "Shelf", "Plate", "Clock", "Frame")
STOCK = 100_000_000
FIRST_ORDER_MS = 1_767_225_600_000  # the beginning of 2026
# A larger file than the catalogue's limit for one would be needed; more is loaded straight in.
MOST_IMPORTED = 20_000
BATCH = 20_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of everything a system is filled with."""

    products: int
    carts: int
    orders: int


def product_of(user: int, line: int, products: int) -> int:
    """The product of a line, from 0, of the cart of a user, from 1."""
    return 1 + ((user - 1) * LINES + line) * STRIDE % products


def price_of(product: int) -> int:
    """In whole units of the currency."""
    return 1 + product % 50


def name_of(product: int) -> str:
    return f"{FIRST[product % 8]} {SECOND[product // 8 % 8]}"


def sku_of(product: int) -> str:
    return f"N{product:07}"


def description_of(product: int) -> str:
    return f"Made by hand in a small workshop, number {product}."


def write_csv(path: Path, products: int) -> None:
    """A product export of that many, as `./shop import` takes it."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["Handle", "Title", "Body (HTML)", "Variant SKU", "Variant Price",
             "Variant Inventory Qty"]
        )  # fmt: skip
        for number in range(1, products + 1):
            sku, price = sku_of(number), price_of(number)
            row = (sku, name_of(number), description_of(number), sku, price, STOCK)
            writer.writerow(row)


def load_shop(data_dir: Path, amounts: Amounts) -> None:
    """Put carts, orders and, if they are too many for an import, products into a stopped shop."""
    now = clock.to_iso(clock.now())
    if amounts.products > MOST_IMPORTED:
        with _database(data_dir, "catalog") as database:
            for rows in _batches(map(_import_row, range(1, amounts.products + 1))):
                database.write(partial(store.insert_imported, rows=rows, now=now))
    with _database(data_dir, "cart") as database:
        sql = (
            "INSERT INTO carts (user_id, items, created_at, updated_at, changed_on)"
            " VALUES (?, ?, ?, ?, ?)"
        )
        _write(database, sql, ((*cart, now, now, now[:10]) for cart in _carts(amounts)))
    for app, tables in _TABLES.items():
        with _database(data_dir, app) as database:
            for sql in tables:
                _write(database, sql, _orders(amounts, now))
            if app == "catalog":
                _take_stock(database, amounts, now)


def _database(data_dir: Path, app: str) -> closing[Database]:
    return closing(open_database(load_config(app, {"SHOP_DATA_DIR": str(data_dir)})))


def _write(database: Database, sql: str, rows: Iterable[Any]) -> None:
    for some in _batches(rows):
        database.write(partial(Transaction.many, sql=sql, rows=some))


def _take_stock(database: Database, amounts: Amounts, now: str) -> None:
    """What the orders hold leaves the stock, with a movement for each."""
    taken = Counter[int]()

    def movements() -> Iterator[tuple[Any, ...]]:
        for number in range(amounts.orders):
            product = _ordered(number, amounts.products)
            taken[product] += 1
            left = STOCK - taken[product]
            yield product, -1, left, "reserved", _order_id(number, "0"), now

    sql = (
        "INSERT INTO stock_movements (product_id, delta, stock_after, reason, order_id, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)"
    )
    _write(database, sql, movements())
    sql = "UPDATE products SET stock = stock - ? WHERE id = ?"
    _write(database, sql, ((count, product) for product, count in taken.items()))


def _import_row(number: int) -> ImportRow:
    data = ProductData(
        name_of(number), price_of(number) * 100, sku_of(number), description_of(number)
    )
    return ImportRow(number + 1, Origin(sku_of(number)), data, STOCK)


def _carts(amounts: Amounts) -> Iterator[tuple[str, str]]:
    for user in range(1, amounts.carts + 1):
        lines = [product_of(user, line, amounts.products) for line in range(LINES)]
        items = [{"product_id": product, "quantity": 1} for product in lines]
        yield f"u{user}", json.dumps(items)


def _ordered(number: int, products: int) -> int:
    return 1 + number * STRIDE % products


def _order_id(number: int, kind: str) -> str:
    """Of version 7, as the apps make them: four seconds apart, and the same each time."""
    milliseconds = f"{FIRST_ORDER_MS + number * 4000:012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}-7{kind * 3}-8000-{number:012x}"


def _orders(amounts: Amounts, now: str) -> Iterator[dict[str, Any]]:
    """One order of one product each, paid in full, with all that any table says of it."""
    for number in range(amounts.orders):
        product = _ordered(number, amounts.products)
        cents = price_of(product) * 100
        yield {
            "order_id": _order_id(number, "0"),
            "payment_id": _order_id(number, "1"),
            "user_id": f"u{number % amounts.carts + 1}",
            "items": f"[[{product}, 1, {cents}]]",
            "cents": cents,
            "now": now,
        }


_TABLES = {
    "catalog": (
        "INSERT INTO reservations (order_id, status, items, settled_at, created_at, updated_at)"
        " VALUES (:order_id, 'HELD', :items, :now, :now, :now)",
    ),
    "orders": (
        "INSERT INTO orders (order_id, user_id, items, status, total_amount, unverified,"
        " payment_id, paid_at, created_at, updated_at)"
        " VALUES (:order_id, :user_id, :items, 'PAID', :cents, 0, :payment_id, :now, :now, :now)",
        "INSERT INTO order_history (order_id, to_status, actor, created_at, updated_at)"
        " VALUES (:order_id, 'CREATED', 'client', :now, :now)",
        "INSERT INTO order_history (order_id, from_status, to_status, actor, created_at,"
        " updated_at) VALUES (:order_id, 'CREATED', 'PAID', 'payments', :now, :now)",
        "INSERT INTO order_payments (payment_id, order_id, amount, created_at, updated_at)"
        " VALUES (:payment_id, :order_id, :cents, :now, :now)",
    ),
    "payments": (
        "INSERT INTO payments (payment_id, order_id, amount, status, created_at, updated_at)"
        " VALUES (:payment_id, :order_id, :cents, 'COMPLETED', :now, :now)",
        "INSERT INTO simulated_charges (payment_id, amount, currency, status, reason, created_at,"
        " updated_at) VALUES (:payment_id, :cents, 'USD', 'SUCCEEDED', '', :now, :now)",
    ),
}


def load_peer(data_dir: Path, amounts: Amounts) -> None:
    """The same for the peer, whose tables are the description's."""
    _fill(
        data_dir / "products.db",
        "INSERT INTO products (id, name, price, stock) VALUES (?, ?, ?, ?)",
        ((n, name_of(n), float(price_of(n)), STOCK) for n in range(1, amounts.products + 1)),
    )
    sql = "INSERT INTO carts (user_id, items) VALUES (?, ?)"
    _fill(data_dir / "carts.db", sql, _carts(amounts))
    _fill(
        data_dir / "orders.db",
        "INSERT INTO orders (order_id, user_id, items, status, total_amount)"
        " VALUES (:order_id, :user_id, :items, 'PAID', :cents / 100.0)",
        _orders(amounts, ""),
    )
    _fill(
        data_dir / "payments.db",
        "INSERT INTO payments (payment_id, order_id, amount, status)"
        " VALUES (:payment_id, :order_id, :cents / 100.0, 'COMPLETED')",
        _orders(amounts, ""),
    )


def _fill(path: Path, sql: str, rows: Iterable[Any]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(sql, rows)


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(rows)
    while some := list(islice(remaining, BATCH)):
        yield some
