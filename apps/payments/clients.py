"""What payments asks orders, and what it tells orders.

Nothing here fails open: without an answer nothing is charged.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from apps.payments import model
from apps.payments.model import OrderToPay, Payment, Refund
from shop_common import money
from shop_common.context import Context
from shop_common.ids import is_id
from shop_common.outbox import Message


def get_order(context: Context, order_id: str) -> OrderToPay:
    """Raises NotFoundError for an unknown order, PartnerError if orders does not tell."""
    # Not asked for what is no id: `export` would be answered with the whole order book.
    if not is_id(order_id):
        raise model.unknown_order(order_id)
    # Nothing can be let through instead: better late than refused.
    answer = context.partners["orders"].call("GET", f"/orders/{order_id}", patient=True)
    if answer.status == 404:
        raise model.unknown_order(order_id)
    return answer.read_as(lambda body: _order_to_pay(order_id, body))


def _order_to_pay(order_id: str, body: Any) -> OrderToPay:
    if body["order_id"] != order_id:
        raise ValueError("another order")
    payment_id = body["payment_id"]
    return OrderToPay(
        order_id=order_id,
        status=str(body["status"]),
        total_minor=money.parse_minor(body["total_amount"]),
        payment_id=None if payment_id is None else str(payment_id),
    )


def paid_message(payment: Payment) -> Message:
    amount = money.to_number(payment.amount_minor)
    return _tell(payment, "paid", "payment", {"payment_id": payment.payment_id, "amount": amount})


def refunded_message(payment: Payment, refund: Refund) -> Message:
    """`payment` is as the refund has left it."""
    body = {
        "payment_id": payment.payment_id,
        "refund_id": refund.refund_id,
        "amount": money.to_number(refund.amount_minor),
        "refunded_amount": money.to_number(payment.succeeded_minor),
    }
    return _tell(payment, "refunded", "refund", body)


def _tell(payment: Payment, topic: str, what: str, body: Mapping[str, Any]) -> Message:
    path = f"/orders/{quote(payment.order_id, safe='')}/{what}"
    return Message(topic=topic, aggregate=payment.order_id, partner="orders", path=path, body=body)
