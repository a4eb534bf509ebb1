"""Lists: bounded, paged by key, with the way to the next page in a `Link` header."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import request

from shop_common.db import Row, Transaction, Where
from shop_common.errors import InvalidInputError
from shop_common.fields import QuerySchema, WholeNumber

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

Page = tuple[list[dict[str, Any]], dict[str, str]]  # the body and its headers


class PageSchema(QuerySchema):
    """A list's `limit`; each list adds its own `after`, by which its rows go."""

    limit = WholeNumber(1, MAX_LIMIT, load_default=DEFAULT_LIMIT)


def read_page(
    load: Callable[..., Sequence[Any]],
    query: Mapping[str, Any],
    key: str,
    dump: Callable[[Any], dict[str, Any]] = dict,
) -> Page:
    """A view's answer: the page that `query` asks of `load`, with a `Link` header to the next one.

    `dump` makes of a row what is sent, in which `key` is what rows go by. The reference is relative
    (`?limit=2&after=7`), so that it is right behind Nginx as well as on the app's own port.
    """
    limit = query["limit"]
    # One more than is asked for, which says whether a page follows.
    rows = load(**{**query, "limit": limit + 1})
    page = [dump(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return page, {}
    after = request.args.to_dict() | {"after": page[-1][key]}
    return page, {"Link": f'<?{urlencode(after)}>; rel="next"'}


def list_newest(
    tx: Transaction,
    columns: str,
    table: str,
    key: str,
    where: Where,
    after: str | None,
    limit: int,
    *,
    among: str = "TRUE",
) -> list[Row]:
    """Rows by `created_at`, newest first, those before the row whose `key` is `after`.

    `among` says which rows of the table there are at all. Raises InvalidInputError for an `after`
    that is none of them.
    """
    if after is not None:
        last = tx.one(f"SELECT created_at FROM {table} WHERE {key} = ? AND {among}", (after,))
        if last is None:
            raise InvalidInputError({"after": [f"There is no {key.removesuffix('_id')} {after}."]})
        where.add(f"(created_at, {key}) < (?, ?)", last["created_at"], after)
    return tx.all(
        f"SELECT {columns} FROM {table} WHERE {among} AND {where}"
        f" ORDER BY created_at DESC, {key} DESC LIMIT ?",
        (*where.params, limit),
    )
