"""The records of a CSV file, each with its line and with what is wrong with it; pure."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# The limit is one for the whole process and 131,072 by default, which a description with images
# inside exceeds. What arrives at all is limited where it arrives.
csv.field_size_limit(2**31 - 1)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class Record:
    """`line` is the physical line that it begins on, the file's first being 1."""

    line: int
    fields: list[str]
    faults: list[str] = field(default_factory=list)


def read_records(body: bytes) -> Iterator[Record]:
    """The records of a file of UTF-8 text, with or without a byte order mark."""
    # Bytes that are no UTF-8 become lone surrogates, so that each record with some can be named.
    text = io.TextIOWrapper(
        io.BytesIO(body), encoding="utf-8-sig", errors="surrogateescape", newline=""
    )
    reader = csv.reader(text, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = Record(line, next(reader))
        except StopIteration:
            return
        except csv.Error as error:
            # Where the next record begins cannot be known once the quotes are broken.
            is_open = "unexpected end" in str(error)
            fault = f"broken quotes ({error}); the rest of the file was not read"
            yield Record(line, [], ["a quoted field is never closed" if is_open else fault])
            return
        _check(record)
        yield record


def _check(record: Record) -> None:
    """Note what no database takes, and take it out, so that the rest can be looked at too."""
    joined = "".join(record.fields)
    if not joined.isascii() and _LONE_SURROGATE.search(joined):
        record.faults.append("not UTF-8 text; save the file as UTF-8")
        record.fields = [text.encode(errors="replace").decode() for text in record.fields]
    if "\0" in joined:
        record.faults.append("contains a NUL character")
        record.fields = [text.replace("\0", "") for text in record.fields]
