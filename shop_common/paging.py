"""Lists: bounded, paged by key, with the way to the next page in a `Link` header."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import request

from shop_common.fields import QuerySchema, WholeNumber

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

T = TypeVar("T")


class PageSchema(QuerySchema):
    """A list's `limit`; each list adds its own `after`, by which its rows go."""

    limit = WholeNumber(1, MAX_LIMIT, load_default=DEFAULT_LIMIT)


def next_link(rows: Sequence[T], limit: int, key: Callable[[T], Any]) -> dict[str, str]:
    """The `Link` header to the page after `rows`, which has come to its `limit`; else none.

    `key` gives what a row goes by. The reference is relative (`?limit=2&after=7`), so that it is
    right behind Nginx as well as on the app's own port.
    """
    if len(rows) < limit:
        return {}
    query = request.args.to_dict() | {"after": key(rows[-1])}
    return {"Link": f'<?{urlencode(query)}>; rel="next"'}
