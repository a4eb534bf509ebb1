"""The operations on carts; each owns its transaction, and none speaks HTTP inside one."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from apps.cart import clients, model, store
from apps.cart.listing import listing_of
from apps.cart.model import RESTORED, TAKEN, Checkout, Lines
from shop_common import idempotency
from shop_common.background import in_batches
from shop_common.clock import to_iso
from shop_common.context import Context
from shop_common.db import Transaction
from shop_common.errors import BusyError, ConflictError, NotFoundError
from shop_common.holdings import Holdings

SWEPT_AT_ONCE = 500
CHECKOUTS = Holdings("checkouts", "order_id, user_id, created_at", "settled_at IS NULL")


def get_cart(context: Context, user_id: str) -> Lines:
    """The user's lines, those let in unchecked checked now if the catalogue answers."""
    with context.db.read() as tx:
        lines = store.get_lines(tx, user_id, _not_before(context))
    mark = _check_unverified(context, lines)
    if mark is None:
        return lines
    try:
        return _change(context, user_id, mark)
    except BusyError:
        return mark(lines)  # a read waits for no writer: the next one writes it down


def get_quote(context: Context, user_id: str) -> dict[str, Any]:
    with context.db.read() as tx:
        lines = store.get_lines(tx, user_id, _not_before(context))
    product_ids = [line.product_id for line in lines]
    offers = clients.quote_prices(context, product_ids) if lines else {}
    return model.dump_quote(user_id, lines, offers)


def add_to_cart(context: Context, user_id: str, product_id: int, quantity: int) -> Lines:
    """Put `quantity` more of a product into the cart; an Idempotency-Key makes it once.

    Raises NotFoundError if the catalogue does not sell it, ConflictError past the bounds.
    """
    unverified = _validate(context, product_id)
    add = partial(model.add_line, product_id=product_id, quantity=quantity, unverified=unverified)
    return _change(context, user_id, add)


def set_item(context: Context, user_id: str, product_id: int, quantity: int) -> Lines:
    """Make it exactly `quantity` of a product; 0 takes it out. Errors as `add_to_cart`."""
    if quantity == 0:
        return remove_item(context, user_id, product_id)
    unverified = _validate(context, product_id)
    put = partial(model.set_line, product_id=product_id, quantity=quantity, unverified=unverified)
    return _change(context, user_id, put)


def remove_item(context: Context, user_id: str, product_id: int) -> Lines:
    return _change(context, user_id, partial(model.remove_line, product_id=product_id))


def clear_cart(context: Context, user_id: str) -> None:
    context.db.write(lambda tx: store.delete_cart(tx, user_id))


def take_cart(context: Context, user_id: str, order_id: str) -> dict[str, Any]:
    """Move the lines out of the cart, to be kept under the order's id; again: the same lines.

    Raises ConflictError for a cart that no order can be made of, and for an id that was restored.
    """
    try:
        return _take(context, user_id, order_id, None)
    except _UncheckedError as found:
        mark = _check_unverified(context, found.lines)
    return _take(context, user_id, order_id, mark or (lambda lines: lines))


class _UncheckedError(Exception):
    """There are lines that the catalogue is to be asked about first."""

    def __init__(self, lines: Lines) -> None:
        super().__init__("unchecked lines")
        self.lines = lines


def _take(
    context: Context, user_id: str, order_id: str, mark: Callable[[Lines], Lines] | None
) -> dict[str, Any]:
    """Without `mark` only lines that need none are taken. Raises _UncheckedError for others."""
    now, not_before = to_iso(context.clock()), _not_before(context)

    def take(tx: Transaction) -> dict[str, Any]:
        idempotency.claim(tx)
        lines = store.lock_lines(tx, user_id, not_before, now)
        if mark is not None:
            lines = mark(lines)
        elif model.unverified_lines(lines):
            raise _UncheckedError(lines)
        if store.add_checkout(tx, Checkout(order_id, user_id, TAKEN, lines), None, now):
            model.check_can_be_taken(lines)
            store.save_lines(tx, user_id, (), now)
        else:
            checkout = store.lock_checkout(tx, order_id)
            model.check_owner(checkout, user_id)
            if checkout.status != TAKEN:
                raise ConflictError(f"Check-out {order_id} was restored")
            lines = checkout.lines
        return idempotency.keep(tx, model.dump_checkout(order_id, user_id, lines))

    return context.db.write(take)


def restore_cart(context: Context, user_id: str, order_id: str) -> dict[str, str]:
    """Put the lines of a check-out back into the cart, once.

    An id that nothing was taken under yet is marked, so that nothing can be any more.
    """
    now, not_before = to_iso(context.clock()), _not_before(context)

    def restore(tx: Transaction) -> dict[str, str]:
        idempotency.claim(tx)
        lines = store.lock_lines(tx, user_id, not_before, now)
        if not store.add_checkout(tx, Checkout(order_id, user_id, RESTORED, ()), now, now):
            checkout = store.lock_checkout(tx, order_id)
            model.check_owner(checkout, user_id)
            if store.restore_checkout(tx, order_id, now):
                store.save_lines(tx, user_id, model.give_back(lines, checkout.lines), now)
        return idempotency.keep(tx, {"order_id": order_id, "status": RESTORED})

    return context.db.write(restore)


def sweep(context: Context) -> None:
    """Delete carts that nobody has touched, and check-outs that were settled, CART_TTL_DAYS ago."""
    not_before = _not_before(context)
    for delete in (store.delete_idle_carts, store.delete_old_checkouts):
        in_batches(context.db, partial(delete, not_before=not_before, limit=SWEPT_AT_ONCE))


def _check_unverified(context: Context, lines: Lines) -> Callable[[Lines], Lines] | None:
    """What the catalogue's answer about the unverified lines makes of a cart; None: nothing."""
    unverified = model.unverified_lines(lines)
    if not unverified:
        return None
    sold = clients.check_products(context, [line.product_id for line in unverified])
    if sold is None:
        return None
    return lambda lines: model.settle_lines(lines, unverified, sold)


def _validate(context: Context, product_id: int) -> bool:
    """Whether the product is let through unchecked. Raises NotFoundError for an unknown one."""
    if listing_of(context).sells(product_id):
        return False
    sold = clients.validate_product(context, product_id)
    if sold is False:
        raise NotFoundError(f"Product {product_id} not found in catalog")
    return sold is None


def _change(context: Context, user_id: str, change: Callable[[Lines], Lines]) -> Lines:
    """Apply `change` to the user's lines, alone with them; the lines as they are then."""
    now, not_before = to_iso(context.clock()), _not_before(context)

    def apply(tx: Transaction) -> Lines:
        idempotency.claim(tx)
        old = store.lock_lines(tx, user_id, not_before, now)
        lines = change(old)
        if lines != old:
            store.save_lines(tx, user_id, lines, now)
        idempotency.keep(tx, model.dump_change("Item added", lines))
        return lines

    return context.db.write(apply)


def _not_before(context: Context) -> str:
    return to_iso(context.clock() - timedelta(days=context.config.cart_ttl_days))
