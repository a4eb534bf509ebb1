"""Money: integer minor units inside, a JSON number with at most two decimals on the wire."""

import re
from decimal import Decimal

# So that a line of 999 times 100 lines still fits a double exactly when it is written as a number.
MAX_MINOR = 9_999_999_999
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_CENT = Decimal("0.01")


def parse_minor(value: str | int | Decimal) -> int:
    """Minor units of an amount such as `999.99`.

    Raises ValueError, saying why, for what is no plain number, negative, too large or has
    more than two decimals. Floats are refused: they have lost what the client wrote.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError("Not a number.")
    # Decimal itself would take "1_000", " 1 " and the digits of every script.
    if isinstance(value, str) and not _PLAIN_NUMBER.fullmatch(value):
        raise ValueError("Not a number.")
    amount = Decimal(value)
    if not amount.is_finite():
        raise ValueError("Not a number.")
    if amount < 0:
        raise ValueError("Must not be negative.")
    if amount > MAX_MINOR * _CENT:
        raise ValueError(f"Must be at most {MAX_MINOR / 100}.")
    if amount != amount.quantize(_CENT):
        raise ValueError("Must have at most two decimals.")
    return int(amount * 100)


def to_text(minor: int) -> str:
    """The amount as a file has it: always with two decimals."""
    return f"{minor // 100}.{minor % 100:02}"


def to_number(minor: int) -> float:
    """The amount as JSON writes it: the nearest double prints exactly two decimals or fewer."""
    return minor / 100
