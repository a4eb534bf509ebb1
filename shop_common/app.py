"""The app factory: what every app has, from the key check to the error bodies, is put on here."""

import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from flask import Blueprint, Flask, Request, Response, current_app, g, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from shop_common import auth, cors, health, idempotency, log, metrics, openapi, outbox
from shop_common.background import Background, Job
from shop_common.context import Context
from shop_common.errors import LengthRequiredError, ShopError
from shop_common.idempotency import AnsweredError

logger = logging.getLogger("shop.app")

MAX_BODY_BYTES = 1024 * 1024
RELAY_EVERY_S = 0.5
PRUNE_EVERY_S = 600.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def build_app(context: Context, blueprint: Blueprint, jobs: Sequence[Job] = ()) -> Flask:
    """The Flask app of `context` with the routes of `blueprint`.

    `jobs` run in the background of each worker, beside the outbox's relay.
    """
    app = _App(context.config.app, static_folder=None)
    app.json = _Json(app)
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["API_KEY_BYTES"] = context.config.api_key.encode()
    app.extensions["cornershop"] = context
    relay = Job("relay", RELAY_EVERY_S, context.outbox.relay)
    app.extensions["background"] = Background(
        [relay, Job("prune", PRUNE_EVERY_S, lambda: _prune(context)), *jobs]
    )
    app.before_request(_begin)
    cors.init_app(app, context.config.cors_origins)
    app.before_request(_guard)
    app.after_request(_end)
    app.register_error_handler(Exception, _answer_error)
    app.register_blueprint(blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(openapi.blueprint)
    # What preparing opened must not be shared with the processes that are forked from this one.
    context.db.close()
    return app


def _prune(context: Context) -> None:
    outbox.prune(context.db, context.clock())
    idempotency.prune(context.db, context.clock())


def start_background(app: Flask) -> None:
    """Start the jobs of a worker; called after the fork."""
    app.extensions["background"].start()


def stop_background(app: Flask) -> None:
    app.extensions["background"].stop()


class _App(Flask):
    """Flask without two of its questions, whose answers are known and cost a fifth of a request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func  # no view or hook is a coroutine

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        if request is None:
            return None
        # No route depends on the host, which would be parsed and checked twice.
        environ = request.environ
        return MapAdapter(
            self.url_map,
            server_name="localhost",
            script_name=environ.get("SCRIPT_NAME") or "/",
            subdomain="",
            url_scheme=environ["wsgi.url_scheme"],
            path_info=environ["PATH_INFO"].encode("latin-1").decode(errors="replace"),
            default_method=environ["REQUEST_METHOD"],
            query_args=environ["QUERY_STRING"],
        )


class _Json(DefaultJSONProvider):
    sort_keys = False  # the order of members is part of the API

    _encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

    def dumps(self, obj: Any, **_: Any) -> str:
        return self._encode(obj)


def _begin() -> None:
    g.started_at = time.perf_counter()
    sent = request.headers.get("X-Request-ID", "")
    log.request_id.set(sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex)


def _guard() -> None:
    """Every route needs the key unless its view is public; so does what is no route at all."""
    view = current_app.view_functions.get(request.endpoint or "")
    if not auth.is_public(view):
        auth.check_api_key()
    # A body must say how long it is: of one that does not, only a part might be read. Nginx reads a
    # chunked body whole and passes it on with its length.
    if "HTTP_TRANSFER_ENCODING" in request.environ:
        raise LengthRequiredError("The body must be sent with a Content-Length.")


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = log.request_id.get()
    record(response)
    return response


def record(response: Response) -> None:
    """Count and log the request that `response` answers; it began at `g.started_at`."""
    seconds = time.perf_counter() - g.started_at
    # The view's name, never the path: labels must not grow with what clients send.
    name = (request.endpoint or "none").rpartition(".")[2]
    metrics.count_request(name, response.status_code, seconds)
    log.write_request(current_app.name, request.method, request.path, response.status_code, seconds)


def _answer_error(error: Exception) -> Response:
    if isinstance(error, AnsweredError):
        return error.response
    if isinstance(error, ShopError):
        return problem(error.status, error.detail, error.members, error.headers)
    if isinstance(error, HTTPException):
        if error.code is None or error.code < 400:
            return cast(Response, error.get_response())
        # The exception's own headers stay: a 405 without `Allow` says half of it.
        headers = {k: v for k, v in error.get_headers() if k.lower() != "content-type"}
        return problem(error.code, error.description or error.name, {}, headers)
    logger.exception("unexpected error")
    return problem(500, "Internal Server Error", {}, {})


def problem(
    status: int, detail: str, members: Mapping[str, Any], headers: Mapping[str, str]
) -> Response:
    """An error as RFC 9457 has it, reduced to `detail` and what a program may need besides."""
    return Response(
        current_app.json.dumps({"detail": detail, **members}),
        status=status,
        headers=dict(headers),
        content_type="application/problem+json",
    )
