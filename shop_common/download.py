"""A file as an answer, sent while it is made."""

from collections.abc import Iterator
from itertools import chain

from flask import Response, stream_with_context


def csv_download(pieces: Iterator[str], file_name: str) -> Response:
    # The first piece is made here, so that a database that is away is still answered as an error.
    return Response(
        stream_with_context(chain([next(pieces)], pieces)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )
