"""Who may call: the API key, compared as bytes in constant time, and `@public` for open routes."""

import functools
import hmac
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from flask import current_app, request

from shop_common.errors import UnauthorizedError

P = ParamSpec("P")
R = TypeVar("R")
View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Mark a view as open to callers without a key."""
    view.is_public = True  # type: ignore[attr-defined] # functions take attributes
    return view


def is_public(view: Callable[..., Any] | None) -> bool:
    return bool(getattr(view, "is_public", False))


def check_api_key(environ: Mapping[str, Any], key: bytes) -> None:
    """Raise UnauthorizedError unless the request's `X-API-Key` is `key`."""
    # The header is compared as the bytes that were sent: compare_digest refuses non-ASCII text.
    sent = environ.get("HTTP_X_API_KEY", "").encode("latin-1")
    if not hmac.compare_digest(sent, key):
        raise UnauthorizedError


def verify_api_key(view: Callable[P, R]) -> Callable[P, R]:
    """Guard one Flask view. `shop_common.app` guards every route that is not `@public` alike."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        check_api_key(request.environ, current_app.config["API_KEY_BYTES"])
        return view(*args, **kwargs)

    return guarded
