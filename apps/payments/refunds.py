"""The operations on refunds, asked for or owed; each owns its transaction, as in service.py."""

import logging
from collections.abc import Callable
from datetime import timedelta

from apps.payments import clients, model, store
from apps.payments.model import NO_KEY, Key, Payment, Refund
from apps.payments.providers import ABSENT, OPEN, Outcome, Status, provider_of
from shop_common import idempotency
from shop_common.clock import from_iso, to_iso
from shop_common.context import Context
from shop_common.db import ConflictRetryError, Transaction
from shop_common.errors import BusyError, KeyReusedError
from shop_common.ids import new_id

logger = logging.getLogger("shop.payments")


def refund_payment(
    context: Context, payment_id: str, amount_minor: int | None, reason: str | None, key: Key
) -> tuple[Refund, bool]:
    """Give back an amount, or the rest; the refund, and whether its key was answered before.

    Raises NotFoundError, ConflictError for more than is left (naming it) or a payment that took
    no money, PaymentDeclinedError if the provider does not give it back.
    """
    refund, is_new = _request(context, payment_id, amount_minor, reason, key)
    is_replay = refund.status == model.SUCCEEDED and not is_new
    if refund.status == model.REQUESTED:
        try:
            refund = ask_provider(context, refund, is_first=is_new)
        except BusyError as error:
            # A 503 would say that nothing was done, and sent again it would be made twice.
            logger.warning("refund %s is left to the sweeper: %s", refund.refund_id, error.detail)
    if refund.status == model.FAILED:
        detail = f"Refund declined: {refund.refusal}"
        raise model.PaymentDeclinedError(detail, refund_id=refund.refund_id)
    return refund, is_replay


def _request(
    context: Context, payment_id: str, amount_minor: int | None, reason: str | None, key: Key
) -> tuple[Refund, bool]:
    now = context.clock()

    def request(tx: Transaction) -> tuple[Refund, bool]:
        payment = store.get_payment(tx, payment_id, lock=True)
        if key.key and (known := store.find_by_key(tx, Refund, key.key)):
            if known.fingerprint != key.fingerprint:
                raise KeyReusedError
            if known.status == model.REQUESTED:
                model.check_not_running(known, now)
            return known, False
        wanted_minor = payment.left_minor if amount_minor is None else amount_minor
        # The rest of a free order is nothing, and is given back all the same: see below.
        is_over = wanted_minor == 0 < payment.amount_minor
        if is_over or not store.take_from_payment(tx, payment_id, wanted_minor, to_iso(now)):
            raise model.not_refundable(payment)
        refund = _make(payment_id, wanted_minor, reason, key, to_iso(now), later(context))
        if not store.insert(tx, refund):
            raise ConflictRetryError  # the key came with another payment at the same moment
        if payment.amount_minor == 0:
            # All of a free order is back with the first refund: orders has to hear of that too.
            context.outbox.add(tx, clients.refunded_message(payment, refund), by_relay=True)
        return refund, True

    return context.db.write(request)


def _make(
    payment_id: str, amount_minor: int, reason: str | None, key: Key, now: str, sweep_at: str
) -> Refund:
    refund_id = new_id(from_iso(now))
    # Nobody has to be asked for nothing; the row holds the key all the same.
    status, due = (model.REQUESTED, sweep_at) if amount_minor else (model.SUCCEEDED, None)
    return Refund(refund_id, payment_id, amount_minor, status, reason, now, now, *key, due)


def ask(call: Callable[..., Outcome], *args: object) -> Outcome:
    """What the provider says; OPEN for no answer."""
    try:
        return call(*args)
    except BusyError:
        return OPEN


def ask_provider(context: Context, refund: Refund, *, is_first: bool = False) -> Refund:
    """Have the refund made, unless the provider knows of it already, and settle it."""
    provider = provider_of(context)
    outcome = ABSENT if is_first else ask(provider.find_refund, refund.refund_id)
    if outcome == ABSENT:
        outcome = ask(provider.refund, refund.refund_id, refund.payment_id, refund.amount_minor)
    return settle_refund(context, refund, outcome)


def settle_refund(context: Context, refund: Refund, outcome: Outcome) -> Refund:
    """Write down what the provider said; orders hears of a refund that SUCCEEDED."""
    now = to_iso(context.clock())
    is_given = outcome.status is Status.SUCCEEDED
    status = model.SUCCEEDED if is_given else model.FAILED
    refusal = None if is_given else outcome.reason

    def settle(tx: Transaction) -> Refund:
        if outcome.status is Status.OPEN:
            store.put_off(tx, Refund, refund.refund_id, later(context), now)
        else:
            payment = store.settle_refund(tx, refund, status, refusal, later(context), now)
            if payment and is_given:
                # By the relay alone: orders may just be waiting for payments.
                context.outbox.add(tx, clients.refunded_message(payment, refund), by_relay=True)
        return store.find_refund(tx, refund.refund_id) or refund

    return context.db.write(settle)


def return_payment(context: Context, payment_id: str, reason: str) -> dict[str, str]:
    """All of the payment goes back, once it is COMPLETED. Raises NotFoundError."""

    def give_back(tx: Transaction) -> dict[str, str]:
        idempotency.claim(tx)
        payment = store.get_payment(tx, payment_id, lock=True)
        if payment.status != model.FAILED or payment.owed_reason:
            owe(tx, payment, reason, to_iso(context.clock()))
        return idempotency.keep(tx, {"payment_id": payment_id, "status": payment.status})

    return context.db.write(give_back)


def owe(
    tx: Transaction, payment: Payment, reason: str, now: str, *, is_refused: bool = False
) -> None:
    """All of the payment, which is locked, goes back: request what no refund has taken yet."""
    rest_minor = 0 if payment.status == model.PENDING else payment.left_minor
    refusal = reason if is_refused else None
    store.owe_payment(tx, payment.payment_id, rest_minor, reason, refusal, now)
    if rest_minor:
        # Due now: the sweeper asks the provider.
        store.insert(tx, _make(payment.payment_id, rest_minor, reason, NO_KEY, now, now))


def list_refunds(context: Context, payment_id: str, after: str | None, limit: int) -> list[Refund]:
    """A page of refunds, newest first. Raises NotFoundError, InvalidInputError for `after`."""
    with context.db.read() as tx:
        store.get_payment(tx, payment_id)
        return store.list_page(tx, Refund, {"payment_id": payment_id}, after, limit)


def later(context: Context) -> str:
    """When the sweeper takes up what nobody has finished by then."""
    return to_iso(context.clock() + timedelta(seconds=context.config.sweep_after_s))
