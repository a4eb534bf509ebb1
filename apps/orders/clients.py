"""What orders asks the other apps, what happens when they do not answer, and what it tells them."""

import math
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any, NoReturn
from urllib.parse import quote

from apps.orders import model
from apps.orders.model import Line, WantedLine
from shop_common import money
from shop_common.context import Context
from shop_common.errors import BusyError, ConflictError, NotFoundError, ShopError
from shop_common.exchange import Answer, BadAnswerError, PartnerBusyError, listed, whole
from shop_common.http_client import fail_open
from shop_common.outbox import Message

# A refusal's members that say what is wrong, passed on to the client.
_SAID = ("unknown", "prices", "short", "unavailable")
# Where each lists what it holds under orders' ids.
_HOLDINGS = {"catalog": "/reservations", "cart": "/checkouts"}


class BusyCatalogError(BusyError):
    """The catalogue lives and has no time: that is not silence, so nothing is let through."""


class RefusedError(Exception):
    """A partner said no and has done nothing; `error` is that answer for the client."""

    def __init__(self, partner: str, error: ShopError, *, names_lines: bool) -> None:
        super().__init__(error.detail)
        self.partner = partner
        self.error = error
        self.names_lines = names_lines


@fail_open("reserve")
def reserve(
    context: Context, order_id: str, wanted: Sequence[WantedLine]
) -> tuple[Line, ...] | None:
    """Take the stock of these lines under the order's id; the lines at the catalogue's prices.

    None: the catalogue is silent. Raises RefusedError if it will not, BusyCatalogError.
    """
    return ask_to_reserve(context, order_id, wanted, probe=False)


def ask_to_reserve(
    context: Context, order_id: str, wanted: Sequence[WantedLine], *, probe: bool
) -> tuple[Line, ...]:
    """As `reserve`, raising PartnerError for silence; `probe` asks through an open breaker."""
    items = [
        {"product_id": line.product_id, "quantity": line.quantity}
        | ({} if line.price_minor is None else {"price": money.to_number(line.price_minor)})
        for line in wanted
    ]
    try:
        answer = context.partners["catalog"].call(
            "POST",
            "/reservations",
            json={"order_id": order_id, "items": items},
            safe=True,
            probe=probe,
            # It holds the catalogue's write lock: that may take its time.
            first_byte_timeout_s=context.config.upstream_timeout_s,
        )
    except PartnerBusyError as error:
        raise BusyCatalogError(error.detail) from error
    if answer.status in (404, 409):
        _raise_refusal(answer)
    return answer.read_as(lambda body: _reserved(body, wanted))


def _reserved(body: Any, wanted: Sequence[WantedLine]) -> tuple[Line, ...]:
    lines = tuple(
        Line(whole(i["product_id"]), whole(i["quantity"]), money.parse_minor(i["price"]))
        for i in body["items"]
    )
    model.check_reserved(lines, wanted)
    return lines


def take_cart(context: Context, user_id: str, order_id: str) -> list[WantedLine]:
    """Move the lines out of the user's cart, under the order's id.

    Raises RefusedError if there is nothing that can be ordered, PartnerError for silence.
    """
    path, body = _checkouts_of(user_id), {"order_id": order_id}
    answer = context.partners["cart"].call("POST", path, json=body, safe=True)
    if answer.status == 409:
        _raise_refusal(answer)
    return answer.read_as(_taken)


def _checkouts_of(user_id: str) -> str:
    return f"/cart/{quote(user_id, safe='')}/checkouts"


def _taken(body: Any) -> list[WantedLine]:
    lines = [
        WantedLine(whole(item["product_id"]), whole(item["quantity"]), None)
        for item in body["items"]
    ]
    if not lines or any(line.quantity < 1 for line in lines):
        raise ValueError("no cart that is taken is empty")
    return lines


def find_completed_payment(context: Context, order_id: str) -> tuple[str, int] | None:
    """`payment_id` and amount in minor units of the payment that stands for an order.

    Raises PartnerError if payments does not tell: nothing is guessed about money.
    """
    params = {"order_id": order_id, "status": "COMPLETED"}
    answer = context.partners["payments"].call("GET", "/payments", params=params, patient=True)
    return answer.read_as(lambda body: _completed(body, order_id))


def _completed(body: Any, order_id: str) -> tuple[str, int] | None:
    if body == []:
        return None
    payment = body[0]
    if (payment["order_id"], payment["status"]) != (order_id, "COMPLETED"):
        raise ValueError("not what was asked for")
    return str(payment["payment_id"]), money.parse_minor(payment["amount"])


def list_unsettled(context: Context, partner: str, limit: int) -> dict[str, str | None]:
    """The ids that a partner holds something for and whose order nobody has confirmed yet.

    Each with the user from whose cart it came, if it did. Asks through an open breaker: that
    costs little, and until somebody finds the catalogue back no cart can be checked out.
    """
    params = {"unsettled_for": context.config.sweep_after_s, "limit": limit}
    answer = context.partners[partner].call("GET", _HOLDINGS[partner], params=params, probe=True)
    return answer.read_as(
        lambda body: {str(entry["order_id"]): entry.get("user_id") for entry in listed(body)}
    )


def settle(context: Context, partner: str, order_ids: Collection[str]) -> None:
    """Tell catalog or cart that these ids have their order."""
    path, body = f"{_HOLDINGS[partner]}/settle", {"order_ids": list(order_ids)}
    answer = context.partners[partner].call("POST", path, json=body, safe=True)
    answer.read_as(itemgetter("settled"))


def release_message(order_id: str, reason: str) -> Message:
    path = f"/reservations/{order_id}/release"
    return _tell("catalog", order_id, "release", path, {"reason": reason})


def restore_message(order_id: str, user_id: str) -> Message:
    path = f"{_checkouts_of(user_id)}/{order_id}/restore"
    return _tell("cart", order_id, "restore", path, {})


def return_message(order_id: str, payment_id: str | None, reason: str) -> Message:
    path = f"/payments/{payment_id}/return"
    return _tell("payments", order_id, "return", path, {"reason": reason})


def _tell(partner: str, order_id: str, topic: str, path: str, body: Mapping[str, str]) -> Message:
    # What one partner is told of an order waits for nothing that another one is told.
    aggregate = f"{partner}/{order_id}"
    return Message(topic=topic, aggregate=aggregate, partner=partner, path=path, body=body)


def _raise_refusal(answer: Answer) -> NoReturn:
    """A refusal in our partner's words; a 404 of no route is no refusal."""
    body = answer.body if isinstance(answer.body, dict) else {}
    try:
        said = {name: _plain(body[name]) for name in _SAID if name in body}
    except (TypeError, ValueError):
        raise BadAnswerError(answer.partner, "answered with something else") from None
    if answer.status == 404 and "unknown" not in said:
        raise BadAnswerError(answer.partner, "answered 404")
    is_unknown = answer.status == 404
    error = NotFoundError(answer.detail) if is_unknown else ConflictError(answer.detail, **said)
    raise RefusedError(answer.partner, error, names_lines=bool(said))


def _plain(value: Any) -> Any:
    """Decimals, as they were read, back into the numbers that they are sent as.

    Raises TypeError or ValueError for what is no number.
    """
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, int | str):
        return value
    if not math.isfinite(number := float(value)):
        raise ValueError(f"{value} is too large")
    return number
