"""A file as an answer, sent while it is made."""

from collections.abc import Iterator
from itertools import chain

from flask import Response


def csv_download(pieces: Iterator[str], file_name: str) -> Response:
    """`pieces` are made once the request is over: they must not ask for it or for its app."""
    # The first piece is made here, so that a database that is away is still answered as an error.
    return Response(
        chain([next(pieces)], pieces),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )
