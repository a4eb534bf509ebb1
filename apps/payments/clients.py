"""What payments asks orders; nothing here fails open: without an answer nothing is charged."""

from typing import Any
from urllib.parse import quote

from apps.payments.model import OrderToPay
from shop_common import money
from shop_common.context import Context
from shop_common.errors import NotFoundError


def get_order(context: Context, order_id: str) -> OrderToPay:
    """Raises NotFoundError for an unknown order, PartnerError if orders does not tell."""
    path = f"/orders/{quote(order_id, safe='')}"
    # Nothing can be let through instead: better late than refused.
    answer = context.partners["orders"].call("GET", path, patient=True)
    if answer.status == 404:
        raise NotFoundError(f"Order {order_id} not found")
    return answer.read_as(_order_to_pay)


def _order_to_pay(body: Any) -> OrderToPay:
    payment_id = body["payment_id"]
    return OrderToPay(
        order_id=str(body["order_id"]),
        status=str(body["status"]),
        total_minor=money.parse_minor(body["total_amount"]),
        payment_id=None if payment_id is None else str(payment_id),
    )
