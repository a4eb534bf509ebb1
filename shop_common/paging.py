"""Lists: bounded, paged by key, with the way to the next page in a `Link` header."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import request

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


def next_link(rows: Sequence[Any], limit: int, key: str) -> dict[str, str]:
    """The `Link` header to the page after `rows`, which has come to its `limit`; else none.

    `key` is the last row's. The reference is relative (`?limit=2&after=7`), so that it is right
    behind Nginx as well as on the app's own port.
    """
    if len(rows) < limit:
        return {}
    query = request.args.to_dict() | {"after": key}
    return {"Link": f'<?{urlencode(query)}>; rel="next"'}
