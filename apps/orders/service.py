"""The operations on orders that there are; each owns its transaction. New ones: creation.py."""

import json
from typing import Any

from apps.orders import clients, model, store
from apps.orders.model import Order, RefundReport, dump_order
from shop_common import idempotency
from shop_common.clock import to_iso
from shop_common.context import Context
from shop_common.db import Row, Transaction
from shop_common.errors import ConflictError, NotFoundError


def get_order(context: Context, order_id: str) -> Order:
    """Raises NotFoundError."""
    with context.db.read() as tx:
        return store.get_order(tx, order_id)


def list_orders(context: Context, **asked: Any) -> list[Order]:
    """A page of orders; `asked` is what `store.list_orders` takes."""
    with context.db.read() as tx:
        return store.list_orders(tx, **asked)


def get_history(context: Context, order_id: str) -> list[dict[str, Any]]:
    """What the order has been through, newest first. Raises NotFoundError."""
    with context.db.read() as tx:
        store.get_order(tx, order_id)
        return store.list_history(tx, order_id)


def move_order(
    context: Context, order_id: str, to_status: str, reason: str | None, actor: str = model.CLIENT
) -> Order:
    """Raises NotFoundError, ConflictError for a move that there is not or that is another's."""

    def move(tx: Transaction) -> tuple[Order, list[Row]]:
        idempotency.claim(tx)
        order = store.get_order(tx, order_id, lock=True)
        rows = _move(context, tx, order, to_status, actor, reason)
        order = store.get_order(tx, order_id)
        idempotency.keep(tx, dump_order(order))
        return order, rows

    order, rows = context.db.write(move)
    context.outbox.deliver_all(rows)
    return order


def _move(
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
        message = clients.release_message(order.order_id, to_status.lower())
        rows.append(context.outbox.add(tx, message))
    if found.refunds:
        # By the relay alone: orders never waits for payments, which may be waiting for orders.
        why = reason or f"order {to_status.lower()}"
        message = clients.return_message(order.order_id, order.payment_id, why)
        context.outbox.add(tx, message, by_relay=True)
    return rows


def order_payment(
    context: Context, order_id: str, reported: tuple[str, int] | None
) -> dict[str, str]:
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
    return _judge_payment(context, order_id, *reported)


def _judge_payment(
    context: Context, order_id: str, payment_id: str, amount_minor: int
) -> dict[str, str]:
    answer = {"order_id": order_id, "status": model.PAID}

    def judge(tx: Transaction) -> tuple[str | None, Order]:
        order = store.get_order(tx, order_id, lock=True)
        judged = store.find_judged_payment(tx, payment_id)
        if judged is None:
            now = to_iso(context.clock())
            refusal = model.judge_payment(order, amount_minor)
            store.insert_judged_payment(tx, payment_id, order_id, amount_minor, refusal, now)
            if refusal is None:
                _move(context, tx, order, model.PAID, model.PAYMENTS, None, payment_id)
        elif judged["order_id"] != order_id:
            refusal = f"Payment {payment_id} is of another order"
        else:
            refusal = judged["refusal"]
        if refusal is None:
            # Not before: a refusal is written down too, and leaves the request's key free. What
            # came twice has no second effect anyway.
            idempotency.claim(tx)
            idempotency.keep(tx, answer)
        return refusal, order

    refusal, order = context.db.write(judge)
    if refusal is not None:
        # Not before: that it was refused is to be remembered too.
        members = {"payment_id": order.payment_id} if order.payment_id else {}
        raise ConflictError(refusal, **members)
    return answer


def record_refund(context: Context, order_id: str, report: RefundReport) -> dict[str, str]:
    """Record a refund that succeeded; the order is REFUNDED once all that paid it is back.

    Never refused for what the order is: the money has moved. Raises NotFoundError.
    """

    def record(tx: Transaction) -> tuple[dict[str, str], list[Row]]:
        rows: list[Row] = []
        idempotency.claim(tx)
        order = store.get_order(tx, order_id, lock=True)
        store.insert_refund(tx, order_id, report, to_iso(context.clock()))
        if model.is_refunded(order, report):
            rows = _move(context, tx, order, model.REFUNDED, model.PAYMENTS, None)
        order = store.get_order(tx, order_id)
        return idempotency.keep(tx, {"order_id": order_id, "status": order.status}), rows

    answer, rows = context.db.write(record)
    context.outbox.deliver_all(rows)
    return answer


def get_doctor_report(context: Context) -> dict[str, Any]:
    """The report that ./shop doctor left. Raises NotFoundError."""
    path = context.config.data_dir / "doctor.json"
    if not path.exists():
        raise NotFoundError("The doctor has not run yet")
    report: dict[str, Any] = json.loads(path.read_text())
    return report
