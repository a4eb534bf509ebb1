"""What payments asks orders; nothing here fails open: without an answer nothing is charged."""

from urllib.parse import quote

from apps.payments.model import OrderToPay
from shop_common import money
from shop_common.context import Context
from shop_common.errors import NotFoundError
from shop_common.http_client import BadAnswerError


def get_order(context: Context, order_id: str) -> OrderToPay:
    """Raises NotFoundError for an unknown order, PartnerError if orders does not tell."""
    path = f"/orders/{quote(order_id, safe='')}"
    # Nothing can be let through instead: better late than refused.
    answer = context.partners["orders"].call("GET", path, patient=True)
    if answer.status == 404:
        raise NotFoundError(f"Order {order_id} not found")
    if answer.status != 200:
        raise BadAnswerError("orders", f"orders answered {answer.status}")
    try:
        payment_id = answer.body["payment_id"]
        return OrderToPay(
            order_id=str(answer.body["order_id"]),
            status=str(answer.body["status"]),
            total_minor=money.parse_minor(answer.body["total_amount"]),
            payment_id=None if payment_id is None else str(payment_id),
        )
    except (TypeError, KeyError, ValueError):
        raise BadAnswerError("orders", "orders answered with something else") from None
