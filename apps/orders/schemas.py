"""The shapes of orders on the wire."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from apps.orders.model import MAX_QUANTITY, STATUSES, WantedLine
from shop_common.fields import MAX_ID, Id, Money, QuerySchema, Text, UserId, WholeNumber
from shop_common.paging import PageSchema


class CreateOrderQuerySchema(QuerySchema):
    user_id = UserId(required=True)


class WantedLineSchema(Schema):
    product_id = WholeNumber(1, MAX_ID, required=True)
    quantity = WholeNumber(1, MAX_QUANTITY, required=True)
    price = Money(
        load_default=None,
        metadata={"description": "left out: the catalogue's; another price is refused"},
    )

    @post_load
    def to_line(self, data: dict[str, Any], **_: Any) -> WantedLine:
        return WantedLine(data["product_id"], data["quantity"], data["price"])


class ExportQuerySchema(QuerySchema):
    user_id = UserId(load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))


class OrderQuerySchema(ExportQuerySchema, PageSchema):
    unverified = fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        load_default=None,
        metadata={"description": "those that were, or were not, taken unchecked and still are"},
    )
    after = Id(load_default=None, metadata={"description": "an `order_id`"})


class StatsQuerySchema(QuerySchema):
    days = WholeNumber(
        1, 366, load_default=30, metadata={"description": "so many UTC days, today among them"}
    )


class PaymentReportSchema(Schema):
    payment_id = Id(required=True)
    amount = Money(required=True)


class RefundReportSchema(Schema):
    payment_id = Id(required=True)
    refund_id = Id(required=True)
    amount = Money(required=True)
    refunded_amount = Money(required=True)


class ReasonSchema(Schema):
    reason = Text(1, 500, load_default=None)


# Made from a dict: `from` is no name of an attribute.
HistorySchema = Schema.from_dict(
    {
        "at": fields.String(),
        "by": fields.String(metadata={"description": "client, payments, catalog or clock"}),
        "from": fields.String(allow_none=True),
        "to": fields.String(),
        "reason": fields.String(allow_none=True),
    },
    name="HistorySchema",
)


class LineSchema(Schema):
    product_id = fields.Integer()
    quantity = fields.Integer()
    price = fields.Float()


class OrderSchema(Schema):
    order_id = fields.String()
    status = fields.String(validate=validate.OneOf(STATUSES))
    user_id = fields.String()
    items = fields.List(fields.Nested(LineSchema))
    total_amount = fields.Float()
    unverified = fields.Boolean(
        metadata={"description": "taken while the catalogue did not answer"}
    )
    payment_id = fields.String(allow_none=True)
    paid_at = fields.String(allow_none=True)
    reason = fields.String(allow_none=True, metadata={"description": "of the last move"})
    created_at = fields.String()
    updated_at = fields.String()


class DaySchema(Schema):
    date = fields.String(metadata={"example": "2026-11-25"})
    orders = fields.Integer()
    revenue = fields.Float()


class TopProductSchema(Schema):
    product_id = fields.Integer()
    quantity = fields.Integer()
    revenue = fields.Float()


StatusCountsSchema = Schema.from_dict(
    {status: fields.Integer() for status in STATUSES}, name="StatusCountsSchema"
)


class StatsSchema(Schema):
    """Sold is what was paid in the period and is neither CANCELLED nor REFUNDED."""

    days = fields.List(
        fields.Nested(DaySchema), metadata={"description": "what was sold each day, oldest first"}
    )
    statuses = fields.Nested(
        StatusCountsSchema,
        metadata={"description": "the orders made in the period, by the state they are in now"},
    )
    top_products = fields.List(
        fields.Nested(TopProductSchema),
        metadata={"description": "the ten that brought most, that one first"},
    )
    average_order = fields.Float(
        allow_none=True, metadata={"description": "null if nothing was sold"}
    )
    orders = fields.Integer(metadata={"description": "how many were sold"})
    revenue = fields.Float(metadata={"description": "what they brought"})
    currency = fields.String(metadata={"example": "USD"})


class OrderMovedSchema(Schema):
    order_id = fields.String()
    status = fields.String(metadata={"example": "PAID"})


class FindingSchema(Schema):
    kind = fields.String()
    id = fields.String()
    detail = fields.String()
    remedy = fields.String()


class DoctorReportSchema(Schema):
    checked_at = fields.String()
    clean = fields.Boolean()
    findings = fields.List(fields.Nested(FindingSchema))
