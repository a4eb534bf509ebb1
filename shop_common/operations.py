"""One decorator for every view: it reads the input with marshmallow and describes the operation."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from flask import Request
from flask.globals import request_ctx
from marshmallow import Schema, ValidationError, missing

from shop_common import idempotency, json_text, log
from shop_common.context import ctx
from shop_common.errors import InvalidInputError, UnsupportedMediaError

MAX_ENTRIES = 1000
MAX_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Operation:
    """Decorates a view: passes it its input, and is what the API's description says of it.

    The view gets `query=` and `body=` as their schemas load them; its name is the `operationId`.
    `answers` maps a status to a schema, a media type, or None for no body; the body is passed as
    None if it is not required and not sent. `raw_body` is the media type of a body that the view
    reads itself; `reads_key` says that it also does by itself what an Idempotency-Key asks for,
    which every other POST leaves to `idempotency`. One that is `polled` is logged if it fails only.
    Input that does not fit raises InvalidInputError, which names each field; a body of another type
    UnsupportedMediaError.
    """

    summary: str
    _: KW_ONLY
    path: Schema | None = None
    query: Schema | None = None
    body: Schema | None = None
    body_required: bool = True
    raw_body: str | None = None
    reads_key: bool = False
    polled: bool = False
    answers: Mapping[int, Schema | str | None]
    errors: Mapping[int, str] = field(default_factory=dict)

    def __call__(self, view: Callable[..., Any]) -> Callable[..., Any]:
        if self.polled:
            log.POLLED.add(view.__name__)
        path, query, body = self.path, self.query, self.body
        load_body = _load_plain if body is not None and _is_plain(body) else _load

        @functools.wraps(view)
        def read_input(**kwargs: Any) -> Any:
            asked = request_ctx.request  # `request` would look it up at every turn
            if path is not None:
                kwargs |= _load_plain(path, {name: kwargs[name] for name in path.fields})
            if query is not None:
                kwargs["query"] = _load_plain(query, _read_query(asked))
            if body is not None:
                is_sent = self.body_required or asked.get_data()
                kwargs["body"] = load_body(body, _read_json(asked)) if is_sent else None
            if asked.method != "POST" or self.reads_key:
                return view(**kwargs)
            context = ctx()
            return idempotency.run(context.db, context.clock, functools.partial(view, **kwargs))

        read_input.operation = self  # type: ignore[attr-defined] # functions take attributes
        return read_input


operation = Operation  # as the decorators beside it are written


def find_operation(view: Callable[..., Any]) -> Operation | None:
    return getattr(view, "operation", None)


def _read_json(asked: Request) -> Any:
    """The request's JSON body, its decimals as Decimal."""
    data = asked.get_data()
    if not data:
        raise InvalidInputError({"body": ["Must be JSON, and is empty."]})
    if asked.mimetype != "application/json":
        raise UnsupportedMediaError("The body must be sent as application/json.")
    try:
        return json_text.read(data)
    except json.JSONDecodeError as error:
        raise InvalidInputError({"body": [f"Is not valid JSON: {error}."]}) from None
    except json_text.NameTwiceError as error:
        raise _given_twice(error.name) from None
    except (ValueError, ArithmeticError, RecursionError):
        text = "Is no UTF-8, or holds NaN, a number of thousands of digits or thousands of levels."
        raise InvalidInputError({"body": [text]}) from None


def _read_query(asked: Request) -> dict[str, str]:
    given: dict[str, str] = {}
    text = asked.query_string.decode(errors="replace")
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name in given:
            raise _given_twice(name)
        given[name] = value
    return given


def _given_twice(name: str) -> InvalidInputError:
    return InvalidInputError({name: ["Given more than once."]})


def _is_plain(schema: Schema) -> bool:
    return not (schema.many or schema.partial or any(schema._hooks.values()))


def _load_plain(schema: Schema, data: Any) -> Any:
    """As `_load` does it, for a schema of which nothing but its fields counts: in half the time."""
    if not isinstance(data, dict) or not data.keys() <= schema.fields.keys():
        return _load(schema, data)
    try:
        loaded = {
            name: field.deserialize(data.get(name, missing), name, data)
            for name, field in schema.fields.items()
        }
    except ValidationError:
        return _load(schema, data)  # names all that is wrong
    return {name: value for name, value in loaded.items() if value is not missing}


def _load(schema: Schema, data: Any) -> Any:
    # Before each entry is looked at: what is wrong with a million of them nobody wants to know.
    if schema.many and isinstance(data, list) and len(data) > MAX_ENTRIES:
        raise InvalidInputError({"body": [f"Must have at most {MAX_ENTRIES} entries."]})
    try:
        return schema.load(data)
    except ValidationError as error:
        raise InvalidInputError(dict(_flatten(error.messages)[:MAX_ERRORS])) from None


def _flatten(messages: Any, prefix: str = "") -> list[tuple[str, list[str]]]:
    """`{0: {"quantity": ["..."]}}` as `("0.quantity", ["..."])`."""
    if isinstance(messages, Mapping):
        return [
            pair
            for name, inner in messages.items()
            for pair in _flatten(inner, ".".join(filter(None, (prefix, _text(name)))))
        ]
    return [(prefix or "body", [str(text) for text in messages])]


def _text(name: object) -> str:
    # marshmallow's name for what is wrong with the whole.
    return "" if name == "_schema" else str(name)
