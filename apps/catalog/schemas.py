"""The shapes on the wire: what is read by marshmallow, and what is answered."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate, validates_schema

from apps.catalog.model import HELD, MAX_LENGTHS, MAX_STOCK, RELEASED, is_web_address
from apps.catalog.text import one_line, tidy
from shop_common.fields import MAX_ID, Id, Money, QuerySchema, Text, WholeNumber
from shop_common.paging import MAX_LIMIT, PageSchema

MAX_IDS = 1000
MAX_CHANGES = 10_000


class TidyText(Text):
    """A text without white space at the ends of its line, or with `multiline` of each line."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if self.multiline and isinstance(value, str):
            value = value.replace("\r\n", "\n")
        text = super()._deserialize(value, attr, data, **kwargs)
        return tidy(text) if self.multiline else one_line(text)


class WebAddress(TidyText):
    """Empty, or an address that a page may show an image from."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text and not is_web_address(text):
            raise ValidationError("Must be an address with http or https.")
        return text


class Ids(fields.Field[list[int]]):
    """Ids with commas between, each once; those that no product can have are left out."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[int]:
        texts = value.split(",")
        if len(texts) > MAX_IDS:
            raise ValidationError(f"Must be at most {MAX_IDS} ids.")
        if not all(text.isascii() and text.isdigit() and text.strip("0") for text in texts):
            raise ValidationError("Must be positive whole numbers with commas between.")
        # A number of many digits takes long to read, and names no product either.
        return sorted({int(text) for text in texts if len(text) <= 20 and int(text) <= MAX_ID})


class ProductQuerySchema(QuerySchema):
    ids = Ids(metadata={"type": "string", "description": "only these: `1,2,3`"})
    q = Text(0, 500, metadata={"description": "words that begin words of name, text or sku"})
    category = Text(0, MAX_LENGTHS["category"])
    in_stock = fields.Boolean(truthy={"true"}, falsy={"false"})
    archived = fields.Boolean(
        truthy={"true"}, falsy={"false"}, metadata={"description": "true: what was sold too"}
    )
    max_stock = WholeNumber(0, MAX_STOCK, metadata={"description": "what runs low: this or less"})
    limit = WholeNumber(
        1, MAX_LIMIT, metadata={"description": "how many at most; 100, or with `ids` all of them"}
    )
    after = WholeNumber(0, MAX_ID, metadata={"description": "the last id of the page before"})


class HistoryQuerySchema(PageSchema):
    after = WholeNumber(0, MAX_ID, load_default=MAX_ID)


class CategoryQuerySchema(PageSchema):
    after = Text(0, MAX_LENGTHS["category"], load_default="")


class ChangesQuerySchema(QuerySchema):
    after = Text(0, 64, load_default="", metadata={"description": "`next` of the answer before"})
    limit = WholeNumber(1, MAX_CHANGES, load_default=MAX_CHANGES)


class ChangesSchema(Schema):
    """Ids as ranges, first and last: `[[1, 3], [7, 7]]`."""

    is_continued = fields.Boolean(metadata={"description": "false: forget what came before"})
    sold = fields.List(fields.List(fields.Integer()))
    gone = fields.List(fields.List(fields.Integer()))
    next = fields.String()
    is_complete = fields.Boolean(metadata={"description": "false: ask on at once"})


class ImportQuerySchema(QuerySchema):
    dry_run = fields.Boolean(truthy={"true", "1"}, falsy={"false", "0"}, load_default=False)
    set_stock = fields.Boolean(truthy={"true", "1"}, falsy={"false", "0"}, load_default=False)


class ProductChangesSchema(Schema):
    """What a PATCH may change: any of these."""

    name = TidyText(1, MAX_LENGTHS["name"])
    price = Money()
    sku = TidyText(0, MAX_LENGTHS["sku"])
    description = TidyText(0, MAX_LENGTHS["description"], multiline=True)
    category = TidyText(0, MAX_LENGTHS["category"])
    image_url = WebAddress(0, MAX_LENGTHS["image_url"])

    @pre_load
    def refuse_stock(self, data: Any, **_: Any) -> Any:
        if isinstance(data, dict) and "stock" in data:
            reason = "Is changed by POST /products/<id>/stock, so that its history is kept."
            raise ValidationError({"stock": [reason]})
        return data

    @validates_schema
    def require_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("There is nothing to change.")


class NewProductSchema(Schema):
    name = TidyText(1, MAX_LENGTHS["name"], required=True)
    price = Money(required=True)
    stock = WholeNumber(0, MAX_STOCK, load_default=0)
    sku = TidyText(0, MAX_LENGTHS["sku"], load_default="")
    description = TidyText(0, MAX_LENGTHS["description"], multiline=True, load_default="")
    category = TidyText(0, MAX_LENGTHS["category"], load_default="")
    image_url = WebAddress(0, MAX_LENGTHS["image_url"], load_default="")


class StockChangeSchema(Schema):
    delta = WholeNumber(-MAX_STOCK, MAX_STOCK, required=True)
    reason = TidyText(1, 200, load_default="adjustment")

    @validates_schema
    def require_change(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["delta"] == 0:
            raise ValidationError("Must not be 0.", "delta")


class ProductSchema(Schema):
    id = fields.Integer()
    name = fields.String()
    price = fields.Float()
    stock = fields.Integer(metadata={"description": "what can still be sold"})
    sku = fields.String()
    description = fields.String()
    category = fields.String()
    image_url = fields.String()
    created_at = fields.String()
    updated_at = fields.String()


class StockMovementSchema(Schema):
    id = fields.Integer()
    delta = fields.Integer()
    stock_after = fields.Integer()
    reason = fields.String()
    order_id = fields.String(allow_none=True)
    created_at = fields.String()


class CategorySchema(Schema):
    category = fields.String()
    products = fields.Integer()


class FileProblemSchema(Schema):
    line = fields.Integer(metadata={"description": "where the record begins in the file"})
    reason = fields.String()


class ImportResultSchema(Schema):
    created = fields.Integer()
    updated = fields.Integer()
    unchanged = fields.Integer()
    dry_run = fields.Boolean()
    notices = fields.List(fields.Nested(FileProblemSchema))


class WantedLineSchema(Schema):
    product_id = WholeNumber(1, MAX_ID, required=True)
    quantity = WholeNumber(1, MAX_STOCK, required=True)
    price = Money(load_default=None, metadata={"description": "another one is refused"})


class NewReservationSchema(Schema):
    order_id = Id(required=True)
    items = fields.List(
        fields.Nested(WantedLineSchema), required=True, validate=validate.Length(1, 100)
    )


class ReservedLineSchema(Schema):
    product_id = fields.Integer()
    quantity = fields.Integer()
    price = fields.Float()


class ReservationSchema(Schema):
    order_id = fields.String()
    status = fields.String(validate=validate.OneOf((HELD, RELEASED)))
    items = fields.List(fields.Nested(ReservedLineSchema), metadata={"description": "while held"})


class ReservationPath(Schema):
    order_id = Id(required=True)


class ReleaseSchema(Schema):
    # Bounds that nothing exceeds which an order can say: a release must not be refused.
    reason = TidyText(0, 1000, load_default="")
