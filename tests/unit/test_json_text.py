"""JSON as it is written and read again."""

import time

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


def test_a_name_that_is_there_twice_is_found_at_once() -> None:
    """Behind twenty thousand others too, which takes seconds if each of them is counted."""
    members = ",".join(f'"{number}":0' for number in range(20_000))
    began = time.process_time()
    with pytest.raises(json_text.NameTwiceError) as found:
        json_text.read(f'{{{members},"19999":0}}')
    assert found.value.name == "19999"
    assert time.process_time() - began < 2


@pytest.mark.parametrize("value", ["\ud800", {1: 2}, object(), 2**64])
def test_what_cannot_be_written(value: object) -> None:
    """TypeError, and not something else in its place."""
    with pytest.raises(TypeError):
        json_text.dump(value)
