"""What payments asks orders; nothing here fails open: without an answer nothing is charged."""

from typing import Any

from apps.payments import model
from apps.payments.model import OrderToPay
from shop_common import money
from shop_common.context import Context
from shop_common.ids import is_id


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
