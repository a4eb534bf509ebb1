"""JSON as we write it, and read it again: compact, by orjson. What others send: by Python's own."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any, NoReturn

import orjson


class NameTwiceError(ValueError):
    """An object has a name twice: one of the values would go unseen."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def dump(value: Any) -> str:
    """Dicts with text as keys, lists, text, numbers, booleans and None; NaN becomes null.

    Raises TypeError for what has no form in JSON, named tuples among it, for integers of more than
    64 bits and for text with half a character (a lone surrogate).
    """
    return orjson.dumps(value).decode()


def load(text: str) -> Any:
    """What `dump` wrote."""
    return orjson.loads(text)


def read(text: str | bytes) -> Any:
    """What others sent, its decimals as Decimal, so that amounts stay what they were.

    Bytes are UTF-8 and may begin with a byte order mark, text may not.

    Raises JSONDecodeError for what is no JSON, NameTwiceError, and another ValueError,
    ArithmeticError or RecursionError for what else is JSON and no value of ours.
    """
    return _READER.decode(text.decode("utf-8-sig") if isinstance(text, bytes) else text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise NameTwiceError(name)
    return found


_READER = json.JSONDecoder(
    parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_read_object
)
