"""Lists: bounded, paged by key, with the way to the next page in a `Link` header."""

from collections.abc import Callable, Mapping, Sequence
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


def read_page(
    load: Callable[..., Sequence[T]], query: Mapping[str, Any], key: Callable[[T], Any]
) -> tuple[Sequence[T], dict[str, str]]:
    """The page that `query` asks of `load`, and the `Link` header to the next one, if there is one.

    `key` gives what a row goes by. The reference is relative (`?limit=2&after=7`), so that it is
    right behind Nginx as well as on the app's own port.
    """
    limit = query["limit"]
    # One more than is asked for, which says whether a page follows.
    rows = load(**{**query, "limit": limit + 1})
    if len(rows) <= limit:
        return rows, {}
    page = rows[:limit]
    after = request.args.to_dict() | {"after": key(page[-1])}
    return page, {"Link": f'<?{urlencode(after)}>; rel="next"'}
