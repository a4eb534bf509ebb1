"""The operations on payments; each owns its transaction, and none speaks HTTP inside one."""

import logging
from typing import NamedTuple

from apps.payments import clients, model, refunds, store
from apps.payments.model import Key, Payment, Refund
from apps.payments.providers import ABSENT, Outcome, Status, provider_of
from shop_common import json_text
from shop_common.clock import Clock, to_iso, too_far_ahead
from shop_common.context import Context
from shop_common.db import ConflictRetryError, Row, Transaction
from shop_common.errors import (
    BusyError,
    KeyReusedError,
    KeyRunningError,
    ShopError,
    UnknownOutcomeError,
)
from shop_common.exchange import Answer
from shop_common.ids import new_id

logger = logging.getLogger("shop.payments")

SWEPT_AT_ONCE = 100


class Paid(NamedTuple):
    """`is_told`: orders has heard of it; else it is told later. `is_replay`: answered before."""

    payment: Payment
    is_told: bool
    is_replay: bool = False


def pay(context: Context, order_id: str, amount_minor: int, key: Key) -> Paid:
    """Pay an order in full; a key that has paid is answered by what has become of that payment.

    Raises NotFoundError for an unknown order, ConflictError for another amount, an order that
    cannot be paid or one that is paid (naming the payment), PaymentDeclinedError, PartnerError
    if orders does not answer, in which case nothing is charged.
    """
    if known := _find_known(context, key):
        return _resume(context, known)
    try:
        model.check_payable(clients.get_order(context, order_id), amount_minor)
        payment, row = _begin(context, order_id, amount_minor, key)
    except UnknownOutcomeError:
        raise  # nothing can be looked up: whoever sends it again hears what has become of it
    except ShopError:
        # Another try under the key may have got ahead of this one, and be what it met.
        if known := _find_known(context, key):
            return _resume(context, known)
        raise
    if payment.status == model.PENDING:
        payment, row = _charge_now(context, payment, is_first=True)
    if payment.status == model.COMPLETED and row is None:
        return _resume(context, payment)  # the sweeper was quicker
    return _finish(context, payment, row)


def _find_known(context: Context, key: Key) -> Payment | None:
    if key.key is None:
        return None
    with context.db.read() as tx:
        known = store.find_by_key(tx, Payment, key.key)
    if known and known.fingerprint != key.fingerprint:
        raise KeyReusedError
    return known


def _begin(
    context: Context, order_id: str, amount_minor: int, key: Key
) -> tuple[Payment, Row | None]:
    """Write the payment before the money moves; with the charge and the message if that can be."""
    provider, moment = provider_of(context), context.clock()
    payment_id, now = new_id(moment), to_iso(moment)

    def begin(tx: Transaction) -> tuple[Payment, Row | None]:
        is_charged = provider.charge_within(tx, payment_id, amount_minor, context.config.currency)
        status = model.COMPLETED if is_charged else model.PENDING
        sweep_at = None if is_charged else refunds.later(context)
        payment = Payment(payment_id, order_id, amount_minor, status, now, now, *key, sweep_at)
        if store.insert(tx, payment):
            message = clients.paid_message(payment)
            return payment, context.outbox.add(tx, message) if is_charged else None
        if standing := store.find_standing_payment(tx, order_id):
            raise model.already_paid(order_id, standing.payment_id, standing.status)
        if key.key and store.find_by_key(tx, Payment, key.key):
            raise KeyRunningError
        raise ConflictRetryError  # what stood in the way has failed meanwhile

    return context.db.write(begin)


def _charge_now(
    context: Context, payment: Payment, *, is_first: bool = False
) -> tuple[Payment, Row | None]:
    """As `_charge`; if its outcome cannot be written down, PENDING still, for the sweeper."""
    try:
        return _charge(context, payment, is_first=is_first)
    except BusyError as error:
        # A 503 would say that nothing was done, and the payment is there.
        logger.warning("payment %s is left to the sweeper: %s", payment.payment_id, error.detail)
        return payment, None


def _charge(
    context: Context, payment: Payment, *, is_first: bool = False, by_relay: bool = False
) -> tuple[Payment, Row | None]:
    """Ask the provider and settle the payment.

    A PENDING one that the provider does not know is charged under the same id, never FAILED: a
    paused writer may be about to charge it.
    """
    provider = provider_of(context)
    outcome = ABSENT if is_first else refunds.ask(provider.find_charge, payment.payment_id)
    if outcome == ABSENT and payment.status == model.PENDING:
        outcome = refunds.ask(
            provider.charge, payment.payment_id, payment.amount_minor, context.config.currency
        )
    return settle_payment(context, payment.payment_id, outcome, by_relay=by_relay)


def settle_payment(
    context: Context, payment_id: str, outcome: Outcome, *, by_relay: bool = False
) -> tuple[Payment, Row | None]:
    """Write down what the provider said; the payment, and its message if this COMPLETED it."""
    now, later = to_iso(context.clock()), refunds.later(context)
    is_paid = outcome.status is Status.SUCCEEDED
    status = model.COMPLETED if is_paid else model.FAILED
    refusal = None if is_paid else outcome.reason

    def settle(tx: Transaction) -> tuple[Payment, Row | None]:
        row = None
        if outcome.status is Status.OPEN:
            store.put_off(tx, Payment, payment_id, later, now)
        elif outcome.status is not Status.ABSENT and (
            moved := store.settle_payment(tx, payment_id, status, refusal, later, now)
        ):
            if is_paid:
                row = context.outbox.add(tx, clients.paid_message(moved), by_relay=by_relay)
            if is_paid and moved.owed_reason:
                refunds.owe(tx, moved, moved.owed_reason, now)
        elif is_paid and (found := store.lock_failed_payment(tx, payment_id)):
            refunds.owe(tx, found, "charged after it was declined", now)
        else:
            store.end_check(tx, payment_id)
        return store.get_payment(tx, payment_id), row

    return context.db.write(settle)


def _finish(context: Context, payment: Payment, row: Row | None) -> Paid:
    """Tell orders, and what the client hears."""
    if payment.status == model.FAILED:
        detail = f"Payment declined: {payment.refusal}"
        raise model.PaymentDeclinedError(detail, payment_id=payment.payment_id)
    return _judge(payment, context.outbox.deliver(row) if row else None)


def _judge(payment: Payment, answer: Answer | None) -> Paid:
    if answer is not None and answer.status == 409:
        raise model.refused(payment, _refusal(answer))
    return Paid(payment, answer is not None and answer.status == 200)


def _resume(context: Context, payment: Payment) -> Paid:
    """What a further try says: what has become of the payment, its message sent first if open."""
    if payment.status == model.PENDING:
        model.check_not_running(payment, context.clock())
        payment, row = _charge_now(context, payment)
        if row or payment.status != model.COMPLETED:
            return _finish(context, payment, row)
    with context.db.read() as tx:
        payment = store.get_payment(tx, payment.payment_id)
        report = context.outbox.find_open(tx, payment.order_id, "paid")
    if payment.refusal:
        raise model.refused(payment, payment.refusal)
    if report is None:
        return Paid(payment, is_told=True, is_replay=True)
    if context.outbox.is_with_writer(report):
        raise KeyRunningError
    return _judge(payment, context.outbox.hurry(report["id"]))._replace(is_replay=True)


def refuse_payment(time_source: Clock, tx: Transaction, row: Row, answer: Answer) -> None:
    """Orders did not take the payment: it goes back, from the moment its message is closed."""
    payment = store.get_payment(tx, json_text.load(row["body"])["payment_id"], lock=True)
    refunds.owe(tx, payment, _refusal(answer), to_iso(time_source()), is_refused=True)


def _refusal(answer: Answer) -> str:
    return answer.detail or "Orders refused the payment"


def get_payment(context: Context, payment_id: str) -> Payment:
    """Raises NotFoundError."""
    with context.db.read() as tx:
        return store.get_payment(tx, payment_id)


def list_payments(
    context: Context, order_id: str | None, status: str | None, after: str | None, limit: int
) -> list[Payment]:
    """A page of payments, newest first. Raises InvalidInputError for an unknown `after`."""
    with context.db.read() as tx:
        filters = {"order_id": order_id, "status": status}
        return store.list_page(tx, Payment, filters, after, limit)


def sweep(context: Context) -> None:
    """Take up payments and refunds that were left half done; safe in several workers at once."""
    for payment in _list_due(context, Payment):
        if not _take(context, payment):
            continue
        if payment.owed_reason and payment.status != model.PENDING:
            refunds.return_payment(context, payment.payment_id, payment.owed_reason)
        else:
            _charge(context, payment, by_relay=True)
    for refund in _list_due(context, Refund):
        if _take(context, refund):
            refunds.ask_provider(context, refund)


def _list_due(context: Context, kind: type[store.Record]) -> list[store.Record]:
    now = context.clock()
    too_far = too_far_ahead(now, context.config.sweep_after_s)
    with context.db.read() as tx:
        return store.list_due(tx, kind, to_iso(now), too_far, SWEPT_AT_ONCE)


def _take(context: Context, due: Payment | Refund) -> bool:
    return context.db.write(lambda tx: store.take_due(tx, due, refunds.later(context)))
