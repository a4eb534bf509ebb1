"""marshmallow fields for what every app reads: text that any database can hold, numbers, money."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from shop_common import money
from shop_common.control import CONTROL, CONTROL_BUT_LINES

# What a database's INTEGER holds; a larger id can name nothing.
MAX_ID = 2**31 - 1


class QuerySchema(Schema):
    """The parameters of a query string, where every value arrives as text."""


class Text(fields.String):
    """Text of `low` to `high` characters, without control characters unless `multiline`."""

    def __init__(self, low: int, high: int, *, multiline: bool = False, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(low, high), **kwargs)
        self.multiline = multiline

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValidationError("Must be valid Unicode.") from None
        # U+FFFD stands where bytes were no UTF-8: two different ones would be taken for the same.
        if "\ufffd" in text:
            raise ValidationError("Must be valid UTF-8.")
        if (CONTROL_BUT_LINES if self.multiline else CONTROL).search(text):
            raise ValidationError("Must not contain control characters.")
        return text


class Id(Text):
    """The id of an order, a payment or a refund, whoever has made it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, 64, **kwargs)


class WholeNumber(fields.Field[int]):
    """A whole number from `low` to `high`: an integer in JSON, plain digits in a query."""

    def __init__(self, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(low, high), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        # int() alone would take "1_000", " 1 ", True and the digits of every script.
        if isinstance(self.root, QuerySchema):
            if value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 20:
                return int(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            return value
        raise ValidationError("Must be a whole number.")


class Money(fields.Field[int]):
    """An amount with at most two decimals, a number in JSON, read into minor units."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, str) and not isinstance(self.root, QuerySchema):
            raise ValidationError("Must be a number.")
        try:
            return money.parse_minor(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class UserId(Text):
    """A user's id: any text that can be a segment of a path."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, 128, metadata={"description": "any text without a slash"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if "/" in text or text in (".", ".."):
            raise ValidationError("Must be text without a slash, and not . or ..")
        return text


class UserPath(Schema):
    user_id = UserId(required=True)
