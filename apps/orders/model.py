"""What an order is, the states it can be in and the rules it follows; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from shop_common import money
from shop_common.errors import ConflictError, InvalidInputError

CREATED = "CREATED"
PAID = "PAID"
SHIPPED = "SHIPPED"
DELIVERED = "DELIVERED"
CANCELLED = "CANCELLED"
EXPIRED = "EXPIRED"
REFUNDED = "REFUNDED"
STATUSES = (CREATED, PAID, SHIPPED, DELIVERED, CANCELLED, EXPIRED, REFUNDED)
# The row of an id whose try was given up: it decides that no order can have this id, and is never
# shown.
ABANDONED = "ABANDONED"
# What was paid and is in one of these has brought nothing: its money goes back, or has gone.
GIVEN_BACK = (CANCELLED, REFUNDED)

# Who moves an order.
CLIENT = "client"
PAYMENTS = "payments"
CATALOG = "catalog"
CLOCK = "clock"

MAX_LINES = 100
MAX_QUANTITY = 999


class Move(NamedTuple):
    """Who may make it, and what it sets off: stock given back, money given back."""

    actors: tuple[str, ...]
    releases: bool = False
    refunds: bool = False


# Every move that there is; any other is refused.
MOVES: Mapping[tuple[str, str], Move] = {
    (CREATED, PAID): Move((PAYMENTS,)),
    (CREATED, CANCELLED): Move((CLIENT, CATALOG), releases=True),
    (CREATED, EXPIRED): Move((CLOCK,), releases=True),
    (PAID, SHIPPED): Move((CLIENT,)),
    (PAID, CANCELLED): Move((CLIENT, CATALOG), releases=True, refunds=True),
    (PAID, REFUNDED): Move((PAYMENTS,), releases=True),
    (SHIPPED, DELIVERED): Move((CLIENT,)),
    # What has left the house does not come back into stock by itself.
    (SHIPPED, REFUNDED): Move((PAYMENTS,)),
    (DELIVERED, REFUNDED): Move((PAYMENTS,)),
}


@dataclass(frozen=True, slots=True)
class WantedLine:
    """A line as the client sends it; `price_minor` None: whatever the catalogue says."""

    product_id: int
    quantity: int
    price_minor: int | None


@dataclass(frozen=True, slots=True)
class Line(WantedLine):
    price_minor: int


@dataclass(frozen=True, slots=True)
class Order:
    """`unverified`: taken while the catalogue did not answer; `reason`: of the last move."""

    order_id: str
    user_id: str
    lines: tuple[Line, ...]
    status: str
    total_minor: int
    unverified: bool
    created_at: str
    updated_at: str
    payment_id: str | None = None
    paid_at: str | None = None
    reason: str | None = None


class RefundReport(NamedTuple):
    """What payments says of a refund, in minor units; `refunded_amount`: all so far, with it."""

    payment_id: str
    refund_id: str
    amount: int
    refunded_amount: int


def check_size(wanted: Sequence[WantedLine]) -> None:
    """Raise InvalidInputError unless it is something, and no more than an order can hold."""
    if not 1 <= len(wanted) <= MAX_LINES:
        text = f"An order has 1 to {MAX_LINES} lines, not {len(wanted)}."
        raise InvalidInputError({"body": [text]})


def check_reserved(lines: Sequence[Line], wanted: Sequence[WantedLine]) -> None:
    """Raise ValueError unless they are the lines that were wanted, at the prices named."""
    if [(line.product_id, line.quantity) for line in lines] != [
        (line.product_id, line.quantity) for line in wanted
    ]:
        raise ValueError("other lines than wanted")
    for line, want in zip(lines, wanted, strict=True):
        if want.price_minor not in (None, line.price_minor):
            raise ValueError("another price than named")


def total_minor(lines: Sequence[Line]) -> int:
    """The sum of the lines. Raises ConflictError for more than can be paid at once."""
    total = sum(line.price_minor * line.quantity for line in lines)
    if total > money.MAX_MINOR:
        raise ConflictError(f"The total is more than {money.to_number(money.MAX_MINOR)}")
    return total


def find_move(order: Order, to_status: str, actor: str) -> Move:
    """The move, if the table has it. Raises ConflictError."""
    move = MOVES.get((order.status, to_status))
    if move is None or actor not in move.actors:
        raise ConflictError(
            f"Order {order.order_id} is {order.status} and cannot become {to_status}",
            status=order.status,
        )
    if to_status == SHIPPED and order.unverified:
        raise ConflictError(
            f"Order {order.order_id} is not checked against the catalogue yet and cannot be shipped"
        )
    return move


def judge_payment(order: Order, amount_minor: int) -> str | None:
    """Why the order cannot take a payment that is new to it; None: it takes it."""
    if order.payment_id is not None:
        return f"Order {order.order_id} is already paid"
    if order.status != CREATED:
        return f"Order {order.order_id} is {order.status} and cannot be paid"
    if amount_minor != order.total_minor:
        return f"The total of order {order.order_id} is {money.to_number(order.total_minor)}"
    return None


def is_refunded(order: Order, report: RefundReport) -> bool:
    """Whether the refunds of this payment give back all that was paid for the order."""
    return (
        order.payment_id == report.payment_id
        and report.refunded_amount >= order.total_minor
        and (order.status, REFUNDED) in MOVES
    )


def dump_order(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "status": order.status,
        "user_id": order.user_id,
        "items": [
            {
                "product_id": line.product_id,
                "quantity": line.quantity,
                "price": money.to_number(line.price_minor),
            }
            for line in order.lines
        ],
        "total_amount": money.to_number(order.total_minor),
        "unverified": order.unverified,
        "payment_id": order.payment_id,
        "paid_at": order.paid_at,
        "reason": order.reason,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }
