"""One exchange with a partner: a request out, an answer in and judged; no breaker, no places."""

import logging
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException, IncompleteRead
from json import JSONEncoder
from typing import Any, TypeVar
from urllib.parse import urlencode

from requests import PreparedRequest

from shop_common import __version__, json_text
from shop_common.connections import DeadlineAdapter, read_body
from shop_common.deadline import Deadline
from shop_common.errors import PartnerError
from shop_common.log import request_id

MAX_BODY_BYTES = 8 * 1024 * 1024
# A failure that took longer is not tried again: the caller has waited enough.
CHEAP_FAILURE_S = 0.1
RETRY_PAUSE_S = (0.010, 0.050)

T = TypeVar("T")

logger = logging.getLogger("shop.http_client")


class PartnerSilentError(PartnerError):
    """Refused, reset, cut off, or no answer in time."""


class BadAnswerError(PartnerError):
    """An answer that says nothing: 5xx, a redirect, not HTTP, not JSON, too big."""


class PartnerBusyError(PartnerError):
    """The partner lives and said that it has no time for this call."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a partner answered, 2xx or 4xx: the caller judges it."""

    partner: str
    status: int
    body: Any  # parsed JSON, numbers with a fraction as Decimal; None if it is empty

    @property
    def detail(self) -> str:
        """What a refusal says, in text that any database can hold; empty if it says nothing."""
        said = self.body.get("detail") if isinstance(self.body, dict) else self.body
        return str(said or "")[:500].encode(errors="replace").decode().replace("\0", "?")

    def read_as(self, read: Callable[[Any], T]) -> T:
        """What `read` makes of the body of a 200.

        Raises BadAnswerError for any other answer: also where `read` raises TypeError, LookupError
        or ValueError, as it may for a body that is something else.
        """
        if self.status != 200:
            raise BadAnswerError(self.partner, f"answered {self.status}")
        try:
            return read(self.body)
        except (TypeError, LookupError, ValueError):
            raise BadAnswerError(self.partner, "answered with something else") from None


def whole(value: Any) -> int:
    """A whole number in a partner's answer. Raises ValueError for anything else.

    int() would take 1.5, and minutes for 1e1000000.
    """
    if type(value) is not int:
        raise ValueError(f"{value!r:.40} is no whole number")
    return value


def listed(body: Any) -> list[Any]:
    """A partner's answer that is a list. Raises TypeError for anything else."""
    if not isinstance(body, list):
        raise TypeError("no list")
    return body


class Channel:
    """The way to one partner; its connections are kept in each process."""

    def __init__(self, partner: str, base_url: str, api_key: str) -> None:
        self.partner = partner
        self._base_url = base_url
        self._headers = {
            "X-API-Key": api_key,
            "Accept": "application/json",
            "User-Agent": f"cornershop/{__version__}",
        }
        self._adapter: tuple[int, DeadlineAdapter] | None = None

    def prepare(
        self, method: str, path: str, params: Mapping[str, Any] | None, json: Any
    ) -> PreparedRequest:
        # By hand: PreparedRequest.prepare and a Session's merging double the price of a small call.
        request = PreparedRequest()
        request.method = method
        request.url = self._base_url + path
        if params:
            request.url += "?" + urlencode(params, doseq=True)
        # A plain dict: each name is written in one way, and requests' own takes longer to make.
        request.headers = dict(self._headers)  # type: ignore[assignment] # typed as requests' own
        if request_id.get():
            request.headers["X-Request-ID"] = request_id.get()
        if json is not None:
            request.body = _JSON_ENCODER.encode(json).encode()
            request.headers["Content-Type"] = "application/json"
            request.headers["Content-Length"] = str(len(request.body))
        return request

    def send(self, request: PreparedRequest, deadline: Deadline, is_safe: bool) -> Answer:
        """One exchange, or two if sending again is safe and the first failed at once."""
        started_at = time.monotonic()
        try:
            try:
                return self._exchange(request, deadline)
            except PartnerSilentError as failure:
                took_s = time.monotonic() - started_at
                pause_s = random.uniform(*RETRY_PAUSE_S)
                if (
                    not is_safe
                    or isinstance(failure.__cause__, TimeoutError)
                    or took_s > CHEAP_FAILURE_S
                    or pause_s >= deadline.remaining_s()
                ):
                    raise
            time.sleep(pause_s)
            return self._exchange(request, deadline)
        except (PartnerSilentError, BadAnswerError) as failure:
            extra = {
                "partner": self.partner,
                "method": request.method,
                "path": request.path_url.partition("?")[0],
                "error": type(failure).__name__,
                "cause": str(failure.__cause__ or failure.detail),
                "took_ms": round((time.monotonic() - started_at) * 1000),
            }
            logger.warning("%s gave no usable answer", self.partner, extra=extra)
            raise

    def _exchange(self, request: PreparedRequest, deadline: Deadline) -> Answer:
        try:
            status, content = self._receive(request, deadline)
        except TimeoutError as error:
            raise PartnerSilentError(self.partner, "did not answer in time") from error
        except (OSError, IncompleteRead) as error:
            raise PartnerSilentError(self.partner, "cannot be reached") from error
        except HTTPException as error:
            raise BadAnswerError(self.partner, "did not answer in HTTP") from error
        if content is None:
            raise BadAnswerError(self.partner, "answered too much")
        try:
            body = json_text.read(content.decode()) if content else None
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise BadAnswerError(self.partner, "answered no JSON") from error
        if status != 503:
            return Answer(self.partner, status, body)
        if isinstance(body, dict) and isinstance(body.get("detail"), str):
            raise PartnerBusyError(self.partner, "is busy")
        raise BadAnswerError(self.partner, "answered 503")

    def _receive(self, request: PreparedRequest, deadline: Deadline) -> tuple[int, bytes | None]:
        """The status, and the body if it is not too long."""
        with deadline:
            response = self._own_adapter().send(request)
            try:
                status = response.status_code
                if not 200 <= status < 300 and not 400 <= status < 500 and status != 503:
                    raise BadAnswerError(self.partner, f"answered {status}")
                return status, read_body(response, MAX_BODY_BYTES)
            finally:
                # Keeps the connection if the body was read to its end, else closes it.
                response.close()

    def _own_adapter(self) -> DeadlineAdapter:
        # One a process: a connection from before a fork would be shared with the parent. Without
        # a lock, which a fork could leave held: should two threads be first, one adapter is lost.
        process = os.getpid()
        if self._adapter is None or self._adapter[0] != process:
            self._adapter = (process, DeadlineAdapter(self._base_url))
        return self._adapter[1]


_JSON_ENCODER = JSONEncoder(separators=(",", ":"), allow_nan=False)
