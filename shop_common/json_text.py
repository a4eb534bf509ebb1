"""JSON as we write it, and read it again: compact, by orjson.

What others send is read by Python's own json instead, which can keep an amount's decimals.
"""

from typing import Any

import orjson


def dump(value: Any) -> str:
    """Dicts with text as keys, lists, text, numbers, booleans and None; NaN becomes null.

    Raises TypeError for what has no form in JSON, named tuples among it, for integers of more than
    64 bits and for text with half a character (a lone surrogate).
    """
    return orjson.dumps(value).decode()


def load(text: str) -> Any:
    """What `dump` wrote."""
    return orjson.loads(text)
