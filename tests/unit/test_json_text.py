"""JSON as it is written and read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_common import json_text

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
)


@given(values)
def test_what_is_written_is_read_again(value: object) -> None:
    """In the same order of members, without a space that nobody needs."""
    text = json_text.dump({"value": value, "a": []})
    assert json_text.load(text) == {"value": value, "a": []}
    assert text.startswith('{"value":')
    assert text.endswith(',"a":[]}')


@pytest.mark.parametrize("value", ["\ud800", {1: 2}, object(), 2**64])
def test_what_cannot_be_written(value: object) -> None:
    """TypeError, and not something else in its place."""
    with pytest.raises(TypeError):
        json_text.dump(value)
