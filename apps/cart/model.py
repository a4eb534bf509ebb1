"""What a cart is and what it may hold; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shop_common import money
from shop_common.errors import ConflictError

MAX_QUANTITY = 999
MAX_LINES = 100

# What has become of a check-out: its lines are kept for the order, or are in the cart again.
TAKEN = "TAKEN"
RESTORED = "RESTORED"


@dataclass(frozen=True, slots=True)
class Line:
    """So many pieces of one product.

    `unverified`: let in while the catalogue did not answer. `unavailable`: the catalogue has
    since said that it does not sell it.
    """

    product_id: int
    quantity: int
    unverified: bool = False
    unavailable: bool = False


Lines = tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Checkout:
    """Lines that left a user's cart under an order's id."""

    order_id: str
    user_id: str
    status: str
    lines: Lines


@dataclass(frozen=True, slots=True)
class Offer:
    """What the catalogue says of a product that it sells."""

    name: str
    price_minor: int
    stock: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What has come for sale and has gone in the catalogue; ranges of ids, first and last."""

    is_continued: bool  # False: forget what was known before
    sold: list[tuple[int, int]]
    gone: list[tuple[int, int]]
    next: str
    is_complete: bool


def add_line(lines: Lines, product_id: int, quantity: int, *, unverified: bool) -> Lines:
    """`lines` with `quantity` more of the product. Raises ConflictError past the bounds."""
    old = find_line(lines, product_id)
    return set_line(
        lines, product_id, (old.quantity if old else 0) + quantity, unverified=unverified
    )


def set_line(lines: Lines, product_id: int, quantity: int, *, unverified: bool) -> Lines:
    """`lines` with exactly `quantity` of the product. Raises ConflictError past the bounds."""
    if quantity > MAX_QUANTITY:
        raise ConflictError(f"A cart holds at most {MAX_QUANTITY} of product {product_id}")
    new = Line(product_id, quantity, unverified=unverified)
    if find_line(lines, product_id):
        return tuple(new if line.product_id == product_id else line for line in lines)
    if len(lines) >= MAX_LINES:
        raise ConflictError(f"A cart holds at most {MAX_LINES} different products")
    return (*lines, new)


def remove_line(lines: Lines, product_id: int) -> Lines:
    return tuple(line for line in lines if line.product_id != product_id)


def find_line(lines: Lines, product_id: int) -> Line | None:
    return next((line for line in lines if line.product_id == product_id), None)


def unverified_lines(lines: Lines) -> Lines:
    return tuple(line for line in lines if line.unverified)


def settle_lines(lines: Lines, checked: Lines, sold: set[int]) -> Lines:
    """`lines` after the catalogue was asked for those in `checked`.

    A line that was changed since it was read is left as it is: what was found is not about it.
    """
    return tuple(
        replace(line, unverified=False, unavailable=line.product_id not in sold)
        if line in checked
        else line
        for line in lines
    )


def check_can_be_taken(lines: Lines) -> None:
    """Raise ConflictError for a cart that no order can be made of."""
    if not lines:
        raise ConflictError("The cart is empty")
    # What came back from check-outs may have filled it beyond what an order takes.
    if len(lines) > MAX_LINES:
        raise ConflictError(f"An order has at most {MAX_LINES} different products")
    gone = [line.product_id for line in lines if line.unavailable]
    if gone:
        detail = "; ".join(f"Product {product_id} is no longer sold" for product_id in gone)
        raise ConflictError(detail, unavailable=gone)


def check_owner(checkout: Checkout, user_id: str) -> None:
    if checkout.user_id != user_id:
        raise ConflictError(f"Check-out {checkout.order_id} is another user's")


def give_back(lines: Lines, taken: Lines) -> Lines:
    """`lines` with those of a check-out again; no bound of the cart refuses any of them."""
    for line in taken:
        now = find_line(lines, line.product_id)
        if now:
            more = replace(now, quantity=min(MAX_QUANTITY, now.quantity + line.quantity))
            lines = tuple(more if old is now else old for old in lines)
        else:
            lines = (*lines, line)
    return lines


def dump_line(line: Line) -> dict[str, Any]:
    """The line as it is stored and sent: the marks stand there only when they are set."""
    dumped: dict[str, Any] = {"product_id": line.product_id, "quantity": line.quantity}
    if line.unverified:
        dumped["unverified"] = True
    if line.unavailable:
        dumped["unavailable"] = True
    return dumped


def dump_lines(lines: Lines) -> list[dict[str, Any]]:
    return [dump_line(line) for line in lines]


def dump_change(message: str, lines: Lines) -> dict[str, Any]:
    return {"message": message, "cart": dump_lines(lines)}


def dump_checkout(order_id: str, user_id: str, lines: Lines) -> dict[str, Any]:
    items = [{"product_id": line.product_id, "quantity": line.quantity} for line in lines]
    return {"order_id": order_id, "user_id": user_id, "items": items}


def dump_quote(user_id: str, lines: Lines, offers: Mapping[int, Offer] | None) -> dict[str, Any]:
    """The lines at the catalogue's prices; `offers` None: it is silent, so nothing is known."""
    pairs = [(line, (offers or {}).get(line.product_id)) for line in lines]
    quoted = [_dump_quoted(line, offer) for line, offer in pairs]
    total = sum(offer.price_minor * line.quantity for line, offer in pairs if offer)
    return {
        "user_id": user_id,
        "lines": quoted,
        "subtotal": None if offers is None else money.to_number(total),
        "complete": all(line["available"] for line in quoted),
    }


def _dump_quoted(line: Line, offer: Offer | None) -> dict[str, Any]:
    available = offer is not None and not line.unavailable and offer.stock >= line.quantity
    return {
        "product_id": line.product_id,
        "quantity": line.quantity,
        "name": offer and offer.name,
        "price": offer and money.to_number(offer.price_minor),
        "available": available,
        "stock": offer and offer.stock,
        "line_total": offer and money.to_number(offer.price_minor * line.quantity),
    }
