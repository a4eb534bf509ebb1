"""The app factory: what every app has, from the key check to the error bodies, is put on here."""

import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import IO, Any, cast

from flask import Blueprint, Flask, Request, Response
from flask.ctx import AppContext, RequestContext
from flask.globals import _cv_app, _cv_request, request_ctx
from flask.json.provider import DefaultJSONProvider
from flask.sessions import NullSession
from werkzeug.exceptions import ClientDisconnected, HTTPException, NotFound, RequestEntityTooLarge
from werkzeug.routing import IntegerConverter, MapAdapter
from werkzeug.utils import cached_property

from shop_common import auth, cors, health, idempotency, json_text, log, metrics, openapi, outbox
from shop_common.background import Background, Job, in_batches
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
    app = _App(context.config.app)
    app.url_map.merge_slashes = False
    app.url_map.converters["int"] = _Digits
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["API_KEY_BYTES"] = context.config.api_key.encode()
    app.extensions["cornershop"] = context
    relay = Job("relay", RELAY_EVERY_S, context.outbox.relay)
    app.extensions["background"] = Background(
        [relay, Job("prune", PRUNE_EVERY_S, lambda: _prune(context)), *jobs]
    )
    cors.init_app(app, context.config.cors_origins)
    app.register_error_handler(Exception, _answer_error)
    app.register_blueprint(blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(openapi.blueprint)
    # What preparing opened must not be shared with the processes that are forked from this one.
    context.db.close()
    return app


def _prune(context: Context) -> None:
    for prune in (outbox.prune, idempotency.prune):
        in_batches(context.db, partial(prune, now=context.clock()))


class _Digits(IntegerConverter):
    regex = "[0-9]+"  # its own takes the digits of every script


class _Request(Request):
    started_at: float

    @cached_property
    def stream(self) -> IO[bytes]:
        # It ends where the body does, whoever has read the head: nothing has to see to that.
        limit = self.max_content_length or 0
        if self._body_length > limit:
            raise RequestEntityTooLarge(f"The body is larger than {limit // 2**20} MiB.")
        return cast(IO[bytes], self.environ["wsgi.input"])

    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        try:
            data = super().get_data(*args, **kwargs)
        except OSError as error:
            raise ClientDisconnected from error  # no fault of ours
        # Of a client that died while it sent, the beginning came: as good as nothing.
        if len(data) < self._body_length:
            raise ClientDisconnected
        return data

    @cached_property
    def _body_length(self) -> int:
        """What the client has announced, in bytes."""
        return int(self.environ.get("CONTENT_LENGTH") or 0)


class _Response(Response):
    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        # A body that is there as a whole needs no other header, and nothing has to be closed.
        if (
            isinstance(self.response, list)
            and "Content-Length" in self.headers
            and self.status_code not in (204, 304)
            and environ["REQUEST_METHOD"] != "HEAD"
        ):
            start_response(self.status, self.headers.to_wsgi_list())
            return self.response
        return super().__call__(environ, start_response)


class _App(Flask):
    """Flask without what no app of ours asks of it, which is half of a small request."""

    request_class = _Request
    response_class = _Response

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)
        self.json = _Json(self)
        # One for all requests: nothing is kept in `g`. It must never be pushed (as by `with` or
        # `stream_with_context`), or threads would pop each other's. Nor is there a session, a
        # signal or a hook for the end of a request.
        self._app_context = AppContext(self)
        self._no_session = NullSession()

    def wsgi_app(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        # Not known to its environ, or each request would be left to the garbage collector.
        asked = _Request(environ, populate_request=False)
        context = RequestContext(self, environ, asked, self._no_session)
        of_app, of_request = _cv_app.set(self._app_context), _cv_request.set(context)
        try:
            try:
                context.match_request()
                response = self._answer(asked)
            except Exception as error:  # noqa: BLE001 # answers and logs it
                response = self.handle_exception(error)
            return response(environ, start_response)
        finally:
            _cv_request.reset(of_request)
            _cv_app.reset(of_app)

    def _answer(self, asked: "_Request") -> Response:
        try:
            answer = self._begin(asked)
            if answer is None:
                answer = self.dispatch_request()
        except Exception as error:  # noqa: BLE001 # answers and logs it
            answer = self.handle_user_exception(error)
        return self.process_response(self.make_response(answer))

    def _begin(self, asked: "_Request") -> Any:
        asked.started_at = time.perf_counter()
        sent = asked.environ.get("HTTP_X_REQUEST_ID", "")
        log.request_id.set(sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex)
        answer = self.preprocess_request() if self.before_request_funcs else None
        if answer is None:
            self._guard(asked)
        return answer

    def _guard(self, asked: "_Request") -> None:
        """Each route needs the key unless its view is public; so does what is no route at all."""
        if not auth.is_public(self.view_functions.get(asked.endpoint or "")):
            auth.check_api_key(asked.environ, self.config["API_KEY_BYTES"])
        # No resource has one in its name, and no database can look for it.
        if "\0" in asked.environ["PATH_INFO"]:
            raise NotFound
        # A body must say how long it is: of one that does not, only a part might be read. Nginx
        # reads a chunked body whole and passes it on with its length.
        if "HTTP_TRANSFER_ENCODING" in asked.environ:
            raise LengthRequiredError("The body must be sent with a Content-Length.")

    def process_response(self, response: Response) -> Response:
        if self.after_request_funcs:
            response = super().process_response(response)
        asked = cast(_Request, request_ctx.request)
        response.headers.add("X-Request-ID", log.request_id.get())
        record(self.name, asked, response.status_code, asked.started_at)
        return response

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
    def response(self, obj: Any) -> Response:
        return _Response(json_text.dump(obj) + "\n", content_type="application/json")


def record(app: str, asked: Request, status: int, started_at: float) -> None:
    """Count and log a request that has been answered; it began when `perf_counter` said so."""
    seconds = time.perf_counter() - started_at
    # The view's name, never the path: labels must not grow with what clients send.
    name = (asked.endpoint or "none").rpartition(".")[2]
    metrics.count_request(name, status, seconds)
    if name in log.POLLED and status < 400:
        return
    try:
        log.write_request(app, asked.method, asked.path, status, seconds)
    except OSError:
        # A full disk, as a rule. What was done is done, so the answer has to say so.
        metrics.count(metrics.LINES_LOST, name)


def _answer_error(error: Exception) -> Response:
    if isinstance(error, AnsweredError):
        return error.response
    if isinstance(error, ShopError):
        return problem(error.status, error.detail, error.members, error.headers)
    if isinstance(error, HTTPException):
        # The exception's own headers stay: a 405 without `Allow` says half of it.
        headers = dict(error.get_headers())
        return problem(error.code or 500, error.description or error.name, {}, headers)
    logger.exception("unexpected error")
    return problem(500, "Internal Server Error", {}, {})


def problem(
    status: int, detail: str, members: Mapping[str, Any], headers: Mapping[str, str]
) -> Response:
    """An error as RFC 9457 has it, reduced to `detail` and what a program may need besides."""
    return Response(
        # What a client sent may stand in it, whatever it is, and in ASCII all of it can be written.
        json.dumps({"detail": detail, **members}, separators=(",", ":")),
        status=status,
        headers=dict(headers),
        content_type="application/problem+json",
    )
