"""The shapes of payments and refunds on the wire."""

from marshmallow import Schema, ValidationError, fields, validate

from apps.payments.model import REFUND_STATUSES, STATUSES
from shop_common.fields import Id, Money, QuerySchema, Text
from shop_common.paging import PageSchema


class PaySchema(QuerySchema):
    order_id = Id(required=True)
    amount = Money(required=True, metadata={"description": "the order's total"})


class RefundQuerySchema(PageSchema):
    after = Id(load_default=None, metadata={"description": "the last id of a page"})


class PaymentQuerySchema(RefundQuerySchema):
    order_id = Id(load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))


class ReasonSchema(Schema):
    reason = Text(1, 500, load_default=None, allow_none=True)


def _check_something(minor: int) -> None:
    if minor == 0:
        raise ValidationError("Must be more than 0.")


class WantedRefundSchema(ReasonSchema):
    # null is refused: JavaScript writes so a sum that went wrong, which is not all that is left.
    amount = Money(
        validate=_check_something,
        metadata={"description": "more than 0; left out: all that is left"},
    )


class PaidSchema(Schema):
    payment_id = fields.String()
    order_id = fields.String()
    status = fields.String(
        metadata={"description": "PAID; COMPLETED while orders is not told; PENDING"}
    )
    message = fields.String()
    amount = fields.Float()


class PaymentSchema(Schema):
    payment_id = fields.String()
    order_id = fields.String()
    amount = fields.Float()
    status = fields.String(validate=validate.OneOf(STATUSES))
    created_at = fields.String()
    updated_at = fields.String()
    refunded_amount = fields.Float()


class ReturnedSchema(Schema):
    payment_id = fields.String()
    status = fields.String(validate=validate.OneOf(STATUSES))


class RefundSchema(Schema):
    refund_id = fields.String()
    payment_id = fields.String()
    amount = fields.Float()
    status = fields.String(validate=validate.OneOf(REFUND_STATUSES))
    reason = fields.String(allow_none=True)
    created_at = fields.String()
    updated_at = fields.String()
