"""What a payment and a refund are and what can refuse one; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shop_common import money
from shop_common.clock import to_iso
from shop_common.errors import ConflictError, KeyRunningError, NotFoundError, ShopError

PENDING = "PENDING"
COMPLETED = "COMPLETED"
FAILED = "FAILED"
STATUSES = (PENDING, COMPLETED, FAILED)

REQUESTED = "REQUESTED"
SUCCEEDED = "SUCCEEDED"
REFUND_STATUSES = (REQUESTED, SUCCEEDED, FAILED)

PAYABLE = "CREATED"

# A try that has not come back by then has died; its key may be taken up by another.
RUNNING_S = 10.0


class PaymentDeclinedError(ShopError):
    """The provider does not take the money, or does not give it back."""

    status = 402


class Key(NamedTuple):
    """The client's Idempotency-Key, and what makes two requests under it the same."""

    key: str | None
    fingerprint: str | None


NO_KEY = Key(None, None)


@dataclass(frozen=True, slots=True)
class Payment:
    """`refusal`: what the provider declined or orders refused it with; `owed_reason`: why all of
    it goes back; `refunded_minor`: requested or given back; `succeeded_minor`: given back."""

    payment_id: str
    order_id: str
    amount_minor: int
    status: str
    created_at: str
    updated_at: str
    idempotency_key: str | None
    fingerprint: str | None
    sweep_at: str | None
    refusal: str | None = None
    owed_reason: str | None = None
    refunded_minor: int = 0
    succeeded_minor: int = 0

    @property
    def left_minor(self) -> int:
        return self.amount_minor - self.refunded_minor


@dataclass(frozen=True, slots=True)
class Refund:
    refund_id: str
    payment_id: str
    amount_minor: int
    status: str
    reason: str | None
    created_at: str
    updated_at: str
    idempotency_key: str | None
    fingerprint: str | None
    sweep_at: str | None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class OrderToPay:
    """What orders says of an order."""

    order_id: str
    status: str
    total_minor: int
    payment_id: str | None


def check_payable(order: OrderToPay, amount_minor: int) -> None:
    """Raise ConflictError for an order that cannot be paid, or not with this amount."""
    if order.payment_id is not None:
        raise already_paid(order.order_id, order.payment_id)
    if order.status != PAYABLE:
        raise ConflictError(f"Order {order.order_id} is {order.status} and cannot be paid")
    if amount_minor != order.total_minor:
        total = money.to_number(order.total_minor)
        raise ConflictError(
            f"The total of order {order.order_id} is {total}, not {money.to_number(amount_minor)}",
            total_amount=total,
        )


def already_paid(order_id: str, payment_id: str, status: str = COMPLETED) -> ConflictError:
    verb = "is already paid" if status == COMPLETED else "is just being paid"
    return ConflictError(f"Order {order_id} {verb} by payment {payment_id}", payment_id=payment_id)


def unknown_order(order_id: str) -> NotFoundError:
    return NotFoundError(f"Order {order_id} not found")


def check_not_running(first_try: Payment | Refund, now: datetime) -> None:
    """Raise KeyRunningError while the try that wrote the row waits for the provider."""
    # What the provider answers, or that it does not, is what changes the row for the first time.
    since = to_iso(now - timedelta(seconds=RUNNING_S))
    if first_try.updated_at == first_try.created_at and since < first_try.created_at <= to_iso(now):
        raise KeyRunningError


def refused(payment: Payment, refusal: str) -> ConflictError:
    """Orders did not take the payment."""
    payment_id = payment.payment_id
    return ConflictError(f"{refusal}; payment {payment_id} is refunded", payment_id=payment_id)


def not_refundable(payment: Payment) -> ConflictError:
    """Why an amount could not be taken from the payment."""
    if payment.status != COMPLETED:
        return ConflictError(f"Payment {payment.payment_id} is {payment.status}, nothing to refund")
    left = money.to_number(payment.left_minor)
    what = f"Only {left}" if left else "Nothing"
    return ConflictError(f"{what} of payment {payment.payment_id} is left to refund", left=left)


def dump_payment(payment: Payment) -> dict[str, Any]:
    """The payment as it is sent; only what has been given back counts as refunded."""
    return {
        "payment_id": payment.payment_id,
        "order_id": payment.order_id,
        "amount": money.to_number(payment.amount_minor),
        "status": payment.status,
        "created_at": payment.created_at,
        "updated_at": payment.updated_at,
        "refunded_amount": money.to_number(payment.succeeded_minor),
    }


def dump_refund(refund: Refund) -> dict[str, Any]:
    return {
        "refund_id": refund.refund_id,
        "payment_id": refund.payment_id,
        "amount": money.to_number(refund.amount_minor),
        "status": refund.status,
        "reason": refund.reason,
        "created_at": refund.created_at,
        "updated_at": refund.updated_at,
    }
