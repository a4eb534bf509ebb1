"""Money is exact, and what is no plain amount is refused with a reason."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_common.money import MAX_MINOR, parse_minor, to_number, to_text


@given(st.integers(0, MAX_MINOR))
def test_every_amount_survives_the_wire(minor: int) -> None:
    """Through the JSON number that is sent and back, by text as a client would."""
    assert parse_minor(Decimal(repr(to_number(minor)))) == minor


@given(st.integers(0, MAX_MINOR))
def test_every_amount_survives_a_file(minor: int) -> None:
    assert parse_minor(to_text(minor)) == minor
    assert to_text(minor)[-3] == "."


@given(st.integers(0, 99_999_999), st.integers(1, 999), st.integers(1, 100))
def test_totals_are_exact_too(price: int, quantity: int, lines: int) -> None:
    total = price * quantity * lines
    assert Decimal(repr(to_number(total))) * 100 == total


@pytest.mark.parametrize(
    ("value", "minor"),
    [
        ("999.99", 99999),
        ("0", 0),
        (7, 700),
        ("1.10", 110),
        ("1.000", 100),
        (Decimal("1E+2"), 10000),
    ],
)
def test_amounts(value: str | int | Decimal, minor: int) -> None:
    assert parse_minor(value) == minor


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "Not a number."),
        ("abc", "Not a number."),
        ("1,000", "Not a number."),
        ("1_0", "Not a number."),
        (" 1", "Not a number."),
        ("1e2", "Not a number."),
        ("٣", "Not a number."),
        ("NaN", "Not a number."),
        (Decimal("Infinity"), "Not a number."),
        (Decimal("NaN"), "Not a number."),
        (True, "Not a number."),
        (1.5, "Not a number."),
        (None, "Not a number."),
        ("-0.01", "Must not be negative."),
        ("0.005", "Must have at most two decimals."),
        (Decimal("1.00000000000000000000000000000000000001"), "Must have at most two decimals."),
        (Decimal("1e-999999"), "Must have at most two decimals."),
        ("100000000", "Must be at most 99999999.99."),
        (Decimal("1e999999"), "Must be at most 99999999.99."),
    ],
)
def test_what_is_no_amount_says_why(value: object, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        parse_minor(value)  # type: ignore[arg-type] # wrong types are the point
