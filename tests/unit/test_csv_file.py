"""CSV files: pieces that make a whole, and cells that are no formulas."""

import pytest

from shop_common.csv_file import PIECE, guard, write_csv


def test_the_pieces_make_the_file() -> None:
    """Each is bounded, and a file without rows has its header."""
    rows = [{"a": "x" * 1000, "b": 'with, "and"\r\nmore'}] * 200 + [{"a": "last"}]
    pieces = list(write_csv(["a", "b"], iter(rows)))
    assert len(pieces) > 3
    assert max(map(len, pieces)) < PIECE + 2000
    line = "x" * 1000 + ',"with, ""and""\r\nmore"\r\n'
    assert "".join(pieces) == "a,b\r\n" + line * 200 + "last,\r\n"
    assert list(write_csv(["a", "b"], [])) == ["a,b\r\n"]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_what_a_spreadsheet_would_work_out_is_marked(first: str) -> None:
    assert guard(f"{first}1+1") == f"'{first}1+1"


@pytest.mark.parametrize("text", ["", "1-1", "a=b", " =1", "'=1", "user@shop"])
def test_all_else_is_left_as_it_is(text: str) -> None:
    assert guard(text) == text
