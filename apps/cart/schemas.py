"""The shapes of carts on the wire."""

from marshmallow import Schema, fields

from apps.cart.model import MAX_QUANTITY
from shop_common.fields import MAX_ID, Id, QuerySchema, UserPath, WholeNumber


class ItemPath(UserPath):
    product_id = WholeNumber(1, MAX_ID, required=True)


class AddToCartSchema(QuerySchema):
    product_id = WholeNumber(1, MAX_ID, required=True)
    quantity = WholeNumber(1, MAX_QUANTITY, load_default=1)


class SetItemSchema(QuerySchema):
    quantity = WholeNumber(
        0, MAX_QUANTITY, required=True, metadata={"description": "0 takes the product out"}
    )


class TakenItemSchema(Schema):
    product_id = fields.Integer()
    quantity = fields.Integer()


class LineSchema(TakenItemSchema):
    unverified = fields.Boolean(
        metadata={"description": "let in while the catalogue did not answer; only when true"}
    )
    unavailable = fields.Boolean(
        metadata={"description": "no longer sold, cannot be ordered; only when true"}
    )


class CartSchema(Schema):
    user_id = fields.String()
    cart = fields.List(fields.Nested(LineSchema))


class CartChangeSchema(Schema):
    message = fields.String(metadata={"example": "Item added"})
    cart = fields.List(fields.Nested(LineSchema))


class CartClearedSchema(Schema):
    message = fields.String(metadata={"example": "Cart cleared"})


class QuotedLineSchema(TakenItemSchema):
    name = fields.String(allow_none=True)
    price = fields.Float(allow_none=True)
    available = fields.Boolean(
        metadata={"description": "the catalogue sells it and has that many of it"}
    )
    stock = fields.Integer(allow_none=True)
    line_total = fields.Float(allow_none=True)


class QuoteSchema(Schema):
    user_id = fields.String()
    lines = fields.List(fields.Nested(QuotedLineSchema))
    subtotal = fields.Float(
        allow_none=True,
        metadata={"description": "of all lines with a price; null if the catalogue is silent"},
    )
    complete = fields.Boolean(
        metadata={"description": "every line is available: a check-out costs the subtotal"}
    )


class TakeCartSchema(Schema):
    order_id = Id(required=True)


class TakenCartSchema(Schema):
    order_id = fields.String()
    user_id = fields.String()
    items = fields.List(fields.Nested(TakenItemSchema))


class RestorePath(UserPath):
    order_id = Id(required=True)


class RestoredCartSchema(Schema):
    order_id = fields.String()
    status = fields.String(metadata={"example": "RESTORED"})
