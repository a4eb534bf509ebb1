"""The routes of the payments app."""

from functools import partial
from typing import Any

from flask import Blueprint

from apps.payments import refunds, schemas, service
from apps.payments.model import COMPLETED, NO_KEY, SUCCEEDED, Key, dump_payment, dump_refund
from shop_common import idempotency, money
from shop_common.context import ctx
from shop_common.operations import operation
from shop_common.paging import Page, read_page

blueprint = Blueprint("payments", __name__)

_NO_PAYMENT = "no such payment"


@blueprint.post("/pay")
@operation(
    "Pay an order in full",
    query=schemas.PaySchema(),
    reads_key=True,
    answers={200: schemas.PaidSchema(), 202: schemas.PaidSchema()},
    errors={
        402: "the provider declined",
        404: "no such order",
        409: "another amount, or the order cannot be paid or is paid; names the payment",
        503: "orders does not answer; nothing is charged",
    },
)
def pay(query: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    paid = service.pay(ctx(), query["order_id"], query["amount"], _read_key())
    status, message = paid.payment.status, "Payment is being confirmed"
    if paid.is_told:
        status, message = "PAID", "Payment successful and order updated"
    elif status == COMPLETED:
        message = "Payment recorded, order update pending"
    return _answer(
        {
            "payment_id": paid.payment.payment_id,
            "order_id": paid.payment.order_id,
            "status": status,
            "message": message,
            "amount": money.to_number(paid.payment.amount_minor),
        },
        is_done=paid.is_told,
        is_replay=paid.is_replay,
    )


@blueprint.get("/payments")
@operation(
    "Payments, newest first",
    query=schemas.PaymentQuerySchema(),
    answers={200: schemas.PaymentSchema(many=True)},
)
def list_payments(query: dict[str, Any]) -> Page:
    return read_page(partial(service.list_payments, ctx()), query, "payment_id", dump_payment)


@blueprint.get("/payments/<payment_id>")
@operation("One payment", answers={200: schemas.PaymentSchema()}, errors={404: _NO_PAYMENT})
def get_payment(payment_id: str) -> dict[str, Any]:
    return dump_payment(service.get_payment(ctx(), payment_id))


@blueprint.post("/payments/<payment_id>/refund")
@operation(
    "Give back an amount, or all that is left",
    body=schemas.WantedRefundSchema(),
    body_required=False,
    reads_key=True,
    answers={200: schemas.RefundSchema(), 202: schemas.RefundSchema()},
    errors={
        402: "the provider does not give it back",
        404: _NO_PAYMENT,
        409: "nothing is left, or less, which is named; or the payment took no money",
    },
)
def refund_payment(
    payment_id: str, body: dict[str, Any] | None
) -> tuple[dict[str, Any], int, dict[str, str]]:
    wanted = body or {}
    refund, is_replay = refunds.refund_payment(
        ctx(), payment_id, wanted.get("amount"), wanted.get("reason"), _read_key()
    )
    return _answer(dump_refund(refund), is_done=refund.status == SUCCEEDED, is_replay=is_replay)


@blueprint.get("/payments/<payment_id>/refunds")
@operation(
    "The refunds of a payment, newest first",
    query=schemas.RefundQuerySchema(),
    answers={200: schemas.RefundSchema(many=True)},
    errors={404: _NO_PAYMENT},
)
def list_refunds(payment_id: str, query: dict[str, Any]) -> Page:
    load = partial(refunds.list_refunds, ctx(), payment_id)
    return read_page(load, query, "refund_id", dump_refund)


@blueprint.post("/payments/<payment_id>/return")
@operation(
    "For orders only: all of the payment goes back",
    body=schemas.ReasonSchema(),
    body_required=False,
    answers={200: schemas.ReturnedSchema()},
    errors={404: _NO_PAYMENT},
)
def return_payment(payment_id: str, body: dict[str, Any] | None) -> dict[str, Any]:
    reason = (body or {}).get("reason") or "returned"
    return refunds.return_payment(ctx(), payment_id, reason)


def _read_key() -> Key:
    key = idempotency.read_key()
    return Key(key, idempotency.fingerprint()) if key else NO_KEY


def _answer(
    payload: dict[str, Any], *, is_done: bool, is_replay: bool
) -> tuple[dict[str, Any], int, dict[str, str]]:
    """202 for what is not settled yet: the same key later gets what has become of it."""
    replayed = {"Idempotent-Replayed": "true"} if is_done and is_replay else {}
    return payload, 200 if is_done else 202, replayed
