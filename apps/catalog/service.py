"""The catalogue's operations, one function each; they own the transactions."""

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from apps.catalog import model, store, store_stock
from apps.catalog.model import (
    MAX_STOCK,
    Cursor,
    ImportPlan,
    Line,
    Origin,
    ProductData,
    ProductNotFoundError,
    StoredProduct,
)
from apps.catalog.shopify import ProductFile
from apps.catalog.text import words
from shop_common import idempotency
from shop_common.clock import to_iso
from shop_common.context import Context
from shop_common.db import MAX_ATTEMPTS, ConflictRetryError, Row, Transaction
from shop_common.errors import BusyError, ConflictError, PreconditionFailedError
from shop_common.holdings import Holdings

RESERVATIONS = Holdings(
    "reservations", "order_id, created_at", "status = 'HELD' AND settled_at IS NULL"
)
# Their handles have a prefix, so that no file of a real shop changes them by accident.
FIRST_PRODUCTS = (
    (Origin("cornershop-laptop"), ProductData("Laptop", 999_99), 50),
    (Origin("cornershop-mouse"), ProductData("Mouse", 29_99), 200),
    (Origin("cornershop-keyboard"), ProductData("Keyboard", 79_99), 150),
)
EXPORT_PAGE = 500

Answer = tuple[dict[str, Any], int, dict[str, str]]


def seed_catalog(context: Context) -> None:
    """Put the first products into a new catalogue unless it is to start empty; once for ever."""
    with context.db.read() as tx:
        if store.is_started(tx):
            return
    now = to_iso(context.clock())

    def start(tx: Transaction) -> None:
        if store.start_catalogue(tx, now) and not context.config.catalog_empty:
            for origin, data, stock in FIRST_PRODUCTS:
                store.insert_product(tx, origin, data, stock, now)

    context.db.write(start)


def list_products(context: Context, *, q: str = "", limit: int, **narrowed: Any) -> list[Row]:
    """Products for sale by id; `narrowed` is what `store.list_products` takes."""
    asked = words(q)
    if (q.strip() and not asked) or narrowed.get("ids") == []:
        return []
    with context.db.read() as tx:
        return store.list_products(tx, asked, limit, **narrowed)


def list_changes(context: Context, after: str, limit: int) -> dict[str, Any]:
    """What has come for sale or has gone since `after`; all of it if that is not of here."""
    with context.db.read() as tx:
        catalogue, newest = store.get_listing(tx)
        since = Cursor.parse(after)
        # A cursor from the future is one from before a backup was put back.
        if since is None or since.catalogue != catalogue or since.listing > newest:
            since = None
        at = since or Cursor(catalogue, 0, 0)
        rows = store.list_changes(tx, (at.listing, at.product_id), limit)
    if rows:
        at = Cursor(catalogue, rows[-1]["listing"], rows[-1]["id"])
    return {
        "is_continued": since is not None,
        "sold": model.ranges(row["id"] for row in rows if row["is_sold"]),
        "gone": model.ranges(row["id"] for row in rows if not row["is_sold"]),
        "next": at.dump(),
        "is_complete": len(rows) < limit,
    }


def get_product(context: Context, product_id: int) -> Row:
    with context.db.read() as tx:
        return store.get_product(tx, product_id)


def create_product(context: Context, data: ProductData, stock: int) -> Answer:
    # Random at its end: the handle of another shop's product of this name is another one.
    handle = "-".join([*words(data.name)[:8], secrets.token_hex(5)])

    def create(tx: Transaction) -> Answer:
        idempotency.claim(tx)
        row = store.insert_product(tx, Origin(handle), data, stock, to_iso(context.clock()))
        # Relative, so that it is right behind Nginx as well as on the app's own port.
        return _keep_product(tx, row, 201, {"Location": f"products/{row['id']}"})

    return context.db.write(create)


def _keep_product(tx: Transaction, row: Row, status: int, headers: Mapping[str, str]) -> Answer:
    """The product as an answer that is kept for the request's key."""
    answer = model.dump_product(row), status, {"ETag": f'"{model.version_tag(row)}"', **headers}
    idempotency.keep(tx, *answer)
    return answer


def update_product(
    context: Context, product_id: int, changes: Mapping[str, Any], editions: Collection[str] | None
) -> Row:
    """Change what `changes` names, if the product's edition is one of `editions` (None: any)."""

    def update(tx: Transaction) -> Row:
        row = _lock_edition(tx, product_id, editions)
        data = store.read_data(row)
        changed = replace(data, **changes)
        if changed == data:
            return row
        return store.update_product(tx, product_id, changed, to_iso(context.clock()))

    return context.db.write(update)


def archive_product(context: Context, product_id: int, editions: Collection[str] | None) -> None:
    def archive(tx: Transaction) -> None:
        _lock_edition(tx, product_id, editions)
        store.archive_product(tx, product_id, to_iso(context.clock()))

    context.db.write(archive)


def _lock_edition(tx: Transaction, product_id: int, editions: Collection[str] | None) -> Row:
    """The product, if it is in one of `editions` still; nobody else changes it meanwhile."""
    row = store.get_product(tx, product_id, lock=True)
    if editions is not None and model.edition(row) not in editions:
        raise PreconditionFailedError(f"Product {product_id} was changed meanwhile; read it again")
    return row


def change_stock(context: Context, product_id: int, delta: int, reason: str) -> Answer:
    """Add `delta` to the stock. Raises ConflictError where it would leave 0 to MAX_STOCK."""

    def change(tx: Transaction) -> Answer:
        idempotency.claim(tx)
        stock = store.get_product(tx, product_id, lock=True)["stock"]
        # What has been given back may have made it more than anybody may.
        if not 0 <= stock + delta <= max(stock, MAX_STOCK):
            bound = f"; {MAX_STOCK} is the most" if delta > 0 else ""
            raise ConflictError(f"Product {product_id} has a stock of {stock}{bound}", stock=stock)
        store_stock.add_stock(tx, product_id, delta, reason, to_iso(context.clock()))
        return _keep_product(tx, store.get_product(tx, product_id), 200, {})

    return context.db.write(change)


def get_stock_history(context: Context, product_id: int, after: int, limit: int) -> list[Row]:
    """Movements of the stock, newest first, those before `after`; of archived products too."""
    with context.db.read() as tx:
        if not store.is_known(tx, product_id):
            raise ProductNotFoundError(product_id)
        return store_stock.list_movements(tx, product_id, after, limit)


def list_categories(context: Context, after: str, limit: int) -> list[Row]:
    with context.db.read() as tx:
        return store.list_categories(tx, after, limit)


def import_products(
    context: Context, file: ProductFile, *, dry_run: bool, set_stock: bool
) -> dict[str, Any]:
    """Make the catalogue hold what the file says: all of it, or with any bad row nothing."""
    if file.errors:
        raise model.FileError(file.errors)
    for _ in range(MAX_ATTEMPTS):
        # Planned outside the write lock: a file that changes little holds it for as little.
        with context.db.read() as tx:
            planned_for = store.fingerprint(tx)
            plan = _plan_import(tx, file, set_stock=set_stock)
        with suppress(_ChangedMeanwhileError):
            return _import(context, file, plan, None if dry_run else planned_for)
    raise BusyError("The catalogue changes too often for an import.")


class _ChangedMeanwhileError(Exception):
    """The products are others than those that the import was planned for."""


def _import(
    context: Context, file: ProductFile, plan: ImportPlan, planned_for: Row | None
) -> dict[str, Any]:
    """Carry out the plan, alone; without `planned_for` only say what it would do."""
    now = to_iso(context.clock())

    def carry_out(tx: Transaction) -> dict[str, Any]:
        idempotency.claim(tx)
        if planned_for is not None and (plan.created or plan.updated or plan.stock_set):
            store.lock_imports(tx)
            if store.fingerprint(tx) != planned_for:
                raise _ChangedMeanwhileError
            store.insert_imported(tx, plan.created, now)
            store.update_imported(tx, plan.updated, now)
            for product, stock in plan.stock_set:
                store_stock.set_stock(tx, product.id, stock, "import", now)
        notices = sorted([*file.notices, *plan.notices], key=lambda notice: notice.line)
        answer = {
            "created": len(plan.created),
            "updated": len(file.rows) - len(plan.created) - plan.unchanged,
            "unchanged": plan.unchanged,
            "dry_run": planned_for is None,
            "notices": [asdict(notice) for notice in notices],
        }
        return idempotency.keep(tx, answer)

    return context.db.write(carry_out, alone=True)


def _plan_import(tx: Transaction, file: ProductFile, *, set_stock: bool) -> ImportPlan:
    stored = store.find_stored(tx, "source_key", [row.origin.source_key for row in file.rows])
    keys = {product.origin.source_key for product in stored}
    skus = {row.data.sku for row in file.rows if row.origin.source_key not in keys}
    stored += store.find_stored(tx, "sku", sorted(skus - {""}))
    unique = {product.id: product for product in stored}
    return model.plan_import(file.rows, list(unique.values()), set_stock=set_stock)


def export_products(context: Context) -> Iterator[StoredProduct]:
    """Every product for sale by handle; a page a transaction, so that a slow reader holds none."""
    after = ("", 0)
    while True:
        with context.db.read() as tx:
            page = store.list_stored(tx, after, EXPORT_PAGE)
        yield from page
        if len(page) < EXPORT_PAGE:
            return
        after = (page[-1].origin.handle, page[-1].id)


def create_reservation(context: Context, order_id: str, lines: Sequence[Line]) -> dict[str, Any]:
    """Take the stock of all lines for an order, or of none; asked again, the same answer.

    Raises NotFoundError and ConflictError as `model.price_lines` and `model.check_repeated` do.
    """
    now = to_iso(context.clock())

    def reserve(tx: Transaction) -> dict[str, Any]:
        idempotency.claim(tx)
        # The row comes first: whoever asks or releases at the same time waits for it.
        if store_stock.insert_reservation(tx, order_id, model.HELD, now):
            held = _take(tx, order_id, lines, now)
            store_stock.save_reserved(tx, order_id, held)
        else:
            status, held = store_stock.get_reservation(tx, order_id)
            model.check_repeated(order_id, status, held, lines)
        return idempotency.keep(tx, model.dump_reservation(order_id, held))

    return context.db.write(reserve)


def _take(tx: Transaction, order_id: str, lines: Sequence[Line], now: str) -> list[Line]:
    prices, missed = dict[int, int](), dict[int, int]()
    for product_id, quantity in model.sum_lines(lines).items():
        row = store_stock.take_stock(tx, product_id, quantity, order_id, now)
        if row is None:
            missed[product_id] = quantity
        else:
            prices[product_id] = row["price"]
    left = {}
    for row in store_stock.find_offers(tx, list(missed)) if missed else ():
        if row["stock"] >= missed[row["id"]]:
            # Some came in since.
            raise ConflictRetryError
        prices[row["id"]], left[row["id"]] = row["price"], row["stock"]
    return model.price_lines(lines, prices, left)


def release_reservation(context: Context, order_id: str, reason: str) -> dict[str, Any]:
    """Give back once what an order holds; one that holds nothing yet never will."""
    now = to_iso(context.clock())

    def release(tx: Transaction) -> dict[str, Any]:
        idempotency.claim(tx)
        if not store_stock.insert_reservation(tx, order_id, model.RELEASED, now):
            lines = store_stock.release_reservation(tx, order_id, now)
            for product_id, quantity in model.sum_lines(lines).items():
                store_stock.add_stock(tx, product_id, quantity, reason, now, order_id)
        return idempotency.keep(tx, {"order_id": order_id, "status": model.RELEASED})

    return context.db.write(release)
