"""The products in SQL: functions that take the open transaction first. Stock: store_stock.py."""

from collections.abc import Sequence
from typing import Any

from apps.catalog.model import (
    ANSWERED,
    DATA,
    ImportRow,
    Origin,
    ProductData,
    ProductNotFoundError,
    StoredProduct,
)
from shop_common import json_text
from shop_common.db import Row, Transaction, Where, marks
from shop_common.fields import MAX_ID

PRODUCT = f"{', '.join(ANSWERED)}, version"
STORED = f"id, stock, {', '.join(DATA)}, handle, options, archived_at"
# How many values one statement looks for: well below what either engine takes.
BATCH = 500

_SET_DATA = ", ".join(f"{column} = ?" for column in (*DATA, "search_text"))
# Read by each row of a file: the number that its transaction wrote.
_LISTING = "(SELECT listing FROM catalog_state)"
_INSERT = (
    f"INSERT INTO products ({', '.join(DATA)}, search_text, handle, options, source_key, stock,"
    " version, listing, created_at, updated_at)"
    f" VALUES ({', '.join('?' * 11)}, 1, {_LISTING}, ?, ?)"
)
# Beginnings of words that are indexed; of a longer one SQLite would first collect all matches.
LONGEST_PREFIX = 8
RUNNING_LOW = 10  # as in the index products_running_low
_MATCHES_WORDS = {
    "sqlite": "products_fts MATCH ?",
    "postgres": "search_vector @@ CAST(? AS tsquery)",
}
# Where to look for words, and the id that gives the order. SQLite walks through the matches until
# there are enough of them; as a subquery it would first collect them all.
_FOUND_BY_WORDS = {
    "sqlite": (
        "products_fts CROSS JOIN products ON products.id = products_fts.rowid",
        "products_fts.rowid",
    ),
    "postgres": ("products", "id"),
}


def list_products(
    tx: Transaction,
    words: Sequence[str],
    limit: int,
    *,
    ids: Sequence[int] | None = None,
    category: str | None = None,
    in_stock: bool | None = None,
    max_stock: int | None = None,
    archived: bool = False,
    after: int | None = None,
) -> list[Row]:
    """Products for sale by id, with `archived` others too; every word must begin one of theirs."""
    source, product_id = ("products", "id") if not words else _FOUND_BY_WORDS[tx.engine]
    where = Where("TRUE" if archived else "archived_at IS NULL")
    if ids is not None:
        where.add(f"{product_id} IN ({marks(ids)})", *ids)
    where.add(f"{product_id} > ?", after)
    if words:
        where.add(_MATCHES_WORDS[tx.engine], _prefix_query(tx.engine, words))
        for word in words if tx.engine == "sqlite" else ():
            if len(word) > LONGEST_PREFIX:
                where.add("instr(' ' || products.search_text, ' ' || ?) > 0", word)
    where.add("category = ?", category)
    where.add("stock <= ?", max_stock)
    if in_stock is not None:
        where.add("stock > 0" if in_stock else "stock = 0")
    if in_stock is False or (max_stock is not None and max_stock <= RUNNING_LOW):
        # As the index has it: a database does not see by itself that the other says more.
        where.add(f"stock <= {RUNNING_LOW}")
    return tx.all(
        f"SELECT {PRODUCT} FROM {source} WHERE {where} ORDER BY {product_id} LIMIT ?",
        (*where.params, limit),
    )


def _prefix_query(engine: str, words: Sequence[str]) -> str:
    # Words hold letters and digits alone, so nothing in them can end the quotes.
    if engine == "sqlite":
        return " ".join(f'"{word[:LONGEST_PREFIX]}"*' for word in words)
    return " & ".join(f"'{word}':*" for word in words)


def get_product(tx: Transaction, product_id: int, *, lock: bool = False) -> Row:
    """A product for sale, with its `version`. Raises ProductNotFoundError."""
    sql = f"SELECT {PRODUCT} FROM products WHERE id = ? AND archived_at IS NULL"
    sql += " FOR UPDATE" if lock else ""
    row = tx.one(sql, (product_id,)) if product_id <= MAX_ID else None
    if row is None:
        raise ProductNotFoundError(product_id)
    return row


def is_known(tx: Transaction, product_id: int) -> bool:
    """Whether there is or was such a product."""
    sql = "SELECT id FROM products WHERE id = ?"
    return product_id <= MAX_ID and tx.any(sql, (product_id,))


def insert_product(tx: Transaction, origin: Origin, data: ProductData, stock: int, now: str) -> Row:
    """Insert a product with its first movement."""
    _change_listing(tx)
    row = tx.get(f"{_INSERT} RETURNING {PRODUCT}", _insert_params(origin, data, stock, now))
    if stock:
        add_movement(tx, row, stock, "initial", now)
    return row


def _insert_params(origin: Origin, data: ProductData, stock: int, now: str) -> tuple[Any, ...]:
    return (*_data_params(data), *_origin_params(origin), stock, now, now)


def _data_params(data: ProductData) -> tuple[Any, ...]:
    return (*(getattr(data, column) for column in DATA), data.search_text)


def _origin_params(origin: Origin) -> tuple[str, str, str]:
    return origin.handle, json_text.dump(origin.options), origin.source_key


def update_product(tx: Transaction, product_id: int, data: ProductData, now: str) -> Row:
    return tx.get(
        f"UPDATE products SET {_SET_DATA}, version = version + 1, updated_at = ?"
        f" WHERE id = ? RETURNING {PRODUCT}",
        (*_data_params(data), now, product_id),
    )


def archive_product(tx: Transaction, product_id: int, now: str) -> None:
    _change_listing(tx)
    tx.execute(
        f"UPDATE products SET archived_at = ?, updated_at = ?, version = version + 1,"
        f" listing = {_LISTING} WHERE id = ?",
        (now, now, product_id),
    )


def add_movement(
    tx: Transaction, row: Row, delta: int, reason: str, now: str, order_id: str | None = None
) -> None:
    """`row` is the product's after the change."""
    tx.execute(
        "INSERT INTO stock_movements (product_id, delta, stock_after, reason, order_id, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (row["id"], delta, row["stock"], reason, order_id, now),
    )


def _change_listing(tx: Transaction) -> None:
    """Count one more change of what is for sale; those who make one wait for each other here.

    So the numbers become visible in their order, and whoever reads on after one misses nothing.
    """
    tx.execute("UPDATE catalog_state SET listing = listing + 1")


def get_listing(tx: Transaction) -> tuple[str, int]:
    """Which catalogue this is, by when it was begun, and the number of its last change."""
    row = tx.get("SELECT seeded_at, listing FROM catalog_state")  # it is seeded before it serves
    return row["seeded_at"], row["listing"]


def list_changes(tx: Transaction, after: tuple[int, int], limit: int) -> list[Row]:
    """Products by the last change of whether they are for sale; those after (listing, id)."""
    return tx.all(
        "SELECT id, listing, archived_at IS NULL AS is_sold FROM products"
        " WHERE (listing, id) > (?, ?) ORDER BY listing, id LIMIT ?",
        (*after, limit),
    )


def list_categories(tx: Transaction, after: str, limit: int) -> list[Row]:
    """The categories of products for sale, each with how many there are."""
    return tx.all(
        "SELECT category, count(*) AS products FROM products"
        " WHERE archived_at IS NULL AND category > ? GROUP BY category ORDER BY category LIMIT ?",
        (after, limit),
    )


def start_catalogue(tx: Transaction, now: str) -> bool:
    """Whether this is the first start on this database; true once for ever."""
    sql = "INSERT INTO catalog_state (id, seeded_at) VALUES (1, ?) ON CONFLICT DO NOTHING"
    return tx.any(f"{sql} RETURNING id", (now,))


def is_started(tx: Transaction) -> bool:
    return tx.any("SELECT id FROM catalog_state")


def lock_imports(tx: Transaction) -> None:
    """Let one import at a time go on from here."""
    tx.one("SELECT id FROM catalog_state FOR UPDATE")


def fingerprint(tx: Transaction) -> Row:
    """Another row after any change of products but their stock: versions only rise."""
    return tx.get("SELECT count(*) AS products, sum(version) AS versions FROM products")


def find_stored(tx: Transaction, column: str, values: Sequence[str]) -> list[StoredProduct]:
    """All products, archived ones too, with one of the values as `source_key` or `sku`."""
    found: list[StoredProduct] = []
    for start in range(0, len(values), BATCH):
        some = values[start : start + BATCH]
        sql = f"SELECT {STORED} FROM products WHERE {column} IN ({marks(some)}) ORDER BY id"
        found += map(_stored_product, tx.all(sql, some))
    return found


def list_stored(tx: Transaction, after: tuple[str, int], limit: int) -> list[StoredProduct]:
    """Products for sale by handle and id, those after `after`."""
    rows = tx.all(
        f"SELECT {STORED} FROM products WHERE (handle, id) > (?, ?) AND archived_at IS NULL"
        " ORDER BY handle, id LIMIT ?",
        (*after, limit),
    )
    return [_stored_product(row) for row in rows]


def _stored_product(row: Row) -> StoredProduct:
    options = tuple((name, value) for name, value in json_text.load(row["options"]))
    return StoredProduct(
        id=row["id"],
        origin=Origin(row["handle"], options),
        data=read_data(row),
        stock=row["stock"],
        is_archived=row["archived_at"] is not None,
    )


def read_data(row: Row) -> ProductData:
    return ProductData(**{column: row[column] for column in DATA})


def insert_imported(tx: Transaction, rows: Sequence[ImportRow], now: str) -> None:
    """Insert the products of a file, each with a movement `import` for the stock it brings."""
    _change_listing(tx)
    tx.many(_INSERT, (_insert_params(row.origin, row.data, row.stock or 0, now) for row in rows))
    keys = [row.origin.source_key for row in rows if row.stock]
    for start in range(0, len(keys), BATCH):
        some = keys[start : start + BATCH]
        tx.execute(
            "INSERT INTO stock_movements (product_id, delta, stock_after, reason, created_at)"
            " SELECT id, stock, stock, 'import', created_at FROM products"
            f" WHERE source_key IN ({marks(some)}) ORDER BY id",
            some,
        )


def update_imported(
    tx: Transaction, updated: Sequence[tuple[StoredProduct, ImportRow]], now: str
) -> None:
    """Give products what their row says, their stock aside; archived ones are for sale again."""
    _change_listing(tx)
    tx.many(
        f"UPDATE products SET {_SET_DATA}, handle = ?, options = ?, source_key = ?,"
        f" version = version + 1, listing = {_LISTING}, archived_at = NULL, updated_at = ?"
        " WHERE id = ?",
        (
            (*_data_params(row.data), *_origin_params(row.origin), now, product.id)
            for product, row in updated
        ),
    )
