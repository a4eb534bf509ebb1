"""The operations on orders; each owns its transaction, and none speaks HTTP inside one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from apps.orders import clients, model, store
from apps.orders.model import Line, Order, WantedLine, dump_order
from shop_common import idempotency
from shop_common.clock import to_iso
from shop_common.context import Context
from shop_common.db import Row, Transaction, retry_on_conflict
from shop_common.errors import BusyError, ConflictError, InvalidInputError, NotFoundError, ShopError
from shop_common.idempotency import AnsweredError
from shop_common.ids import new_id
from shop_common.outbox import Message


@dataclass(slots=True)
class _Try:
    """A try to make an order: what it may hold elsewhere under its id, and has to give back."""

    order_id: str
    user_id: str
    may_hold_stock: bool = False
    may_hold_cart: bool = False


def create_order(context: Context, user_id: str, wanted: Sequence[WantedLine] | None) -> Order:
    """Take an order at the catalogue's prices, its stock reserved; None: check out the cart.

    While the catalogue is silent the order is taken as it was sent, and checked later. Raises
    what the client is told: NotFoundError, ConflictError, BusyError if a price is not to be had
    or a partner that must answer does not.
    """
    if wanted is not None:
        model.check_size(wanted)
    attempt = _Try(new_id(context.clock()), user_id)
    with idempotency.lease(context.db):
        try:
            return _create(context, attempt, wanted)
        except clients.RefusedError as refusal:
            _give_up(context, attempt)
            raise refusal.error from refusal
        except (ShopError, AnsweredError):
            _give_up(context, attempt)
            raise


def _create(context: Context, attempt: _Try, wanted: Sequence[WantedLine] | None) -> Order:
    from_cart = wanted is None
    if wanted is None:
        wanted = _take_cart(context, attempt)
    lines = _reserve(context, attempt, wanted)
    unverified = lines is None
    if lines is None:
        if any(line.price_minor is None for line in wanted):
            raise BusyError("The catalogue does not answer and the order names no price.")
        lines = tuple(Line(w.product_id, w.quantity, w.price_minor or 0) for w in wanted)
    now = to_iso(context.clock())
    order = Order(
        order_id=attempt.order_id,
        user_id=attempt.user_id,
        lines=lines,
        status=model.CREATED,
        total_minor=model.total_minor(lines),
        unverified=unverified,
        from_cart=from_cart,
        payment_id=None,
        paid_at=None,
        reason=None,
        created_at=now,
        updated_at=now,
    )
    _insert(context, order)
    return order


def _take_cart(context: Context, attempt: _Try) -> list[WantedLine]:
    attempt.may_hold_cart = True
    try:
        return clients.take_cart(context, attempt.user_id, attempt.order_id)
    except clients.RefusedError:
        attempt.may_hold_cart = False  # an answered no has moved nothing
        raise


def _reserve(
    context: Context, attempt: _Try, wanted: Sequence[WantedLine]
) -> tuple[Line, ...] | None:
    attempt.may_hold_stock = True
    try:
        return clients.reserve(context, attempt.order_id, wanted)
    except clients.RefusedError:
        attempt.may_hold_stock = False  # all or nothing: an answered no has taken nothing
        raise


@retry_on_conflict
def _insert(context: Context, order: Order) -> None:
    """The insert of the id decides: if it is there, this try was given up by someone."""
    with context.db.write() as tx:
        idempotency.claim(tx)
        if not store.insert_order(tx, order):
            raise BusyError("The order took too long and was given up; try again.")
        store.add_history(
            tx, order.order_id, None, order.status, model.CLIENT, None, order.created_at
        )
        idempotency.keep(tx, dump_order(order))


def _give_up(context: Context, attempt: _Try) -> None:
    """Claim the id of a try that failed, with what it has to give back."""
    if attempt.may_hold_stock or attempt.may_hold_cart:
        user_id = attempt.user_id if attempt.may_hold_cart else None
        _deliver(context, claim(context, attempt.order_id, user_id))


@retry_on_conflict
def claim(context: Context, order_id: str, user_id: str | None) -> list[Row]:
    """Make the id one that no order can have, and give back what is held under it.

    `user_id` says whose cart its lines came from, if they did. Nobody gives anything back without
    having inserted this row, or having found it.
    """
    now = to_iso(context.clock())
    row = Order(
        order_id, user_id or "", (), model.ABANDONED, 0, False, user_id is not None,
        None, None, None, now, now,
    )  # fmt: skip
    with context.db.write() as tx:
        store.insert_order(tx, row)
        if store.find_statuses(tx, [order_id]) != {order_id: model.ABANDONED}:
            return []
        messages = [_release(order_id, "abandoned")]
        if user_id is not None:
            messages.append(_restore(order_id, user_id))
        return [
            context.outbox.add(tx, message)
            for message in messages
            if not context.outbox.has_open(tx, message.aggregate)
        ]


def get_order(context: Context, order_id: str) -> Order:
    """Raises NotFoundError."""
    with context.db.read() as tx:
        return _found(store.find_order(tx, order_id), order_id)


def list_orders(
    context: Context,
    user_id: str | None,
    status: str | None,
    unverified: bool | None,
    after: str | None,
    limit: int,
) -> list[Order]:
    """A page of orders, newest first. Raises InvalidInputError for an unknown `after`."""
    with context.db.read() as tx:
        if after is not None and store.find_order(tx, after) is None:
            raise InvalidInputError(f"after: There is no order {after}.")
        return store.list_orders(tx, user_id, status, after, limit, unverified=unverified)


def get_history(context: Context, order_id: str) -> list[dict[str, Any]]:
    """What the order has been through, newest first. Raises NotFoundError."""
    with context.db.read() as tx:
        _found(store.find_order(tx, order_id), order_id)
        return store.list_history(tx, order_id)


def move_order(context: Context, order_id: str, to_status: str, reason: str | None) -> Order:
    """Cancel, ship or deliver. Raises NotFoundError, ConflictError for a move there is not."""
    order, rows = _move_order(context, order_id, to_status, reason)
    _deliver(context, rows)
    return order


@retry_on_conflict
def _move_order(
    context: Context, order_id: str, to_status: str, reason: str | None
) -> tuple[Order, list[Row]]:
    with context.db.write() as tx:
        idempotency.claim(tx)
        order = _found(store.lock_order(tx, order_id), order_id)
        rows = move(context, tx, order, to_status, model.CLIENT, reason)
        order = _found(store.find_order(tx, order_id), order_id)
        idempotency.keep(tx, dump_order(order))
    return order, rows


def move(
    context: Context,
    tx: Transaction,
    order: Order,
    to_status: str,
    actor: str,
    reason: str | None,
    paid_by: str | None = None,
) -> list[Row]:
    """Move an order that the caller has locked; what must be told at once after the commit.

    Its history, the payment that it is `paid_by`, and all that the move sets off are written with
    it. Raises ConflictError.
    """
    found = model.find_move(order, to_status, actor)
    now = to_iso(context.clock())
    if not store.save_status(tx, order, to_status, reason, paid_by, now):
        raise ConflictError(f"Order {order.order_id} has just changed")
    store.add_history(tx, order.order_id, order.status, to_status, actor, reason, now)
    rows = []
    if found.releases:
        rows.append(context.outbox.add(tx, _release(order.order_id, to_status.lower())))
    if found.refunds:
        # By the relay alone: orders never waits for payments, which may be waiting for orders.
        message = Message(
            topic="return",
            aggregate=f"payments/{order.order_id}",
            partner="payments",
            path=f"/payments/{order.payment_id}/return",
            body={"reason": reason or f"order {to_status.lower()}"},
        )
        context.outbox.add(tx, message, by_relay=True)
    return rows


def order_payment(context: Context, order_id: str, reported: tuple[str, int] | None) -> None:
    """Mark an order PAID by the payment `reported` (id, minor units), or by what payments says.

    The same payment always gets its first answer. Raises NotFoundError, ConflictError for a
    payment that the order cannot take or if there is none, PartnerError if payments has to be
    asked and is silent.
    """
    if reported is None:
        get_order(context, order_id)
        reported = clients.find_completed_payment(context, order_id)
        if reported is None:
            raise ConflictError(f"Order {order_id} has no completed payment")
    _judge_payment(context, order_id, *reported)


@retry_on_conflict
def _judge_payment(context: Context, order_id: str, payment_id: str, amount_minor: int) -> None:
    with context.db.write() as tx:
        order = _found(store.lock_order(tx, order_id), order_id)
        judged = store.find_judged_payment(tx, payment_id)
        if judged is None:
            now = to_iso(context.clock())
            refusal = model.judge_payment(order, amount_minor)
            store.insert_judged_payment(tx, payment_id, order_id, amount_minor, refusal, now)
            if refusal is None:
                move(context, tx, order, model.PAID, model.PAYMENTS, None, payment_id)
        elif judged["order_id"] != order_id:
            refusal = f"Payment {payment_id} is of another order"
        else:
            refusal = judged["refusal"]
        if refusal is None:
            # Not before: a refusal is written down too, and leaves the request's key free. What
            # came twice has no second effect anyway.
            idempotency.claim(tx)
            idempotency.keep(tx, {"order_id": order_id, "status": model.PAID})
    # Outside: that it was refused is to be remembered too.
    if refusal is not None:
        members = {"payment_id": order.payment_id} if order.payment_id else {}
        raise ConflictError(refusal, **members)


@retry_on_conflict
def record_refund(
    context: Context,
    order_id: str,
    *,
    payment_id: str,
    refund_id: str,
    amount_minor: int,
    refunded_minor: int,
) -> Order:
    """Record a refund that succeeded; the order is REFUNDED once all that paid it is back.

    Never refused for what the order is: the money has moved. Raises NotFoundError.
    """
    rows: list[Row] = []
    with context.db.write() as tx:
        idempotency.claim(tx)
        order = _found(store.lock_order(tx, order_id), order_id)
        now = to_iso(context.clock())
        store.insert_refund(tx, refund_id, order_id, payment_id, amount_minor, refunded_minor, now)
        if model.is_refunded(order, payment_id, refunded_minor):
            rows = move(context, tx, order, model.REFUNDED, model.PAYMENTS, None)
        order = _found(store.find_order(tx, order_id), order_id)
        idempotency.keep(tx, {"order_id": order_id, "status": order.status})
    _deliver(context, rows)
    return order


def get_doctor_report(context: Context) -> dict[str, Any]:
    """The report that ./shop doctor left. Raises NotFoundError."""
    path = context.config.data_dir / "doctor.json"
    if not path.exists():
        raise NotFoundError("The doctor has not run yet")
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def _found(order: Order | None, order_id: str) -> Order:
    if order is None:
        raise NotFoundError(f"Order {order_id} not found")
    return order


def _release(order_id: str, reason: str) -> Message:
    return Message(
        topic="release",
        aggregate=f"catalog/{order_id}",
        partner="catalog",
        path=f"/reservations/{order_id}/release",
        body={"reason": reason},
    )


def _restore(order_id: str, user_id: str) -> Message:
    return Message(
        topic="restore",
        aggregate=f"cart/{order_id}",
        partner="cart",
        path=f"/cart/{quote(user_id, safe='')}/checkouts/{order_id}/restore",
        body={},
    )


def _deliver(context: Context, rows: Sequence[Row]) -> None:
    for row in rows:
        context.outbox.deliver(row)
