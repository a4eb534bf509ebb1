"""CSV files, written in pieces so that a long one is never in memory as a whole; pure."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

PIECE = 64 * 1024


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """The file, in pieces: the header, then a line for each row; what a row lacks is empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
        if text.tell() > PIECE:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def guard(text: str) -> str:
    """The text with a `'` before it where a spreadsheet would take it for a formula.

    Only for files that people open: a program that reads the cell back finds the mark in it.
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
