"""How an app calls a partner: one deadline, few places, a breaker, one error family, fail-open."""

import functools
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from requests import PreparedRequest

from shop_common import clock, crash, metrics, waiting
from shop_common.breaker import Attempt, Breaker
from shop_common.db import LOCK_WAIT_S, in_transaction
from shop_common.deadline import Deadline
from shop_common.errors import BusyError, PartnerError
from shop_common.exchange import (
    Answer,
    BadAnswerError,
    Channel,
    PartnerBusyError,
    PartnerSilentError,
)

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger("shop.http_client")


class BreakerOpenError(PartnerError):
    """Not asked, because it has just failed several times."""


class NoPlaceError(BusyError):
    """Too many calls of this process wait for the partner.

    No PartnerError: a full house is not the partner's silence, so nothing is let through for it.
    """

    def __init__(self, partner: str) -> None:
        super().__init__(f"too many calls wait for {partner}")
        self.partner = partner


_OUTCOMES = {
    PartnerBusyError: "busy",
    PartnerSilentError: "silent",
    BadAnswerError: "bad_answer",
    BreakerOpenError: "breaker_open",
}


class HttpClient:
    """Calls one partner; shared by the threads of a process, made before or after a fork.

    At most `places` calls are under way at once in a process; the others wait for a place,
    within their own deadlines.
    """

    def __init__(
        self,
        partner: str,
        base_url: str,
        api_key: str,
        *,
        timeout_s: float = 5.0,
        first_byte_timeout_s: float = 0.5,
        places: int = 2,
        breaker: Breaker | None = None,
    ) -> None:
        self.partner = partner
        self._channel = Channel(partner, base_url, api_key)
        self._timeout_s = timeout_s
        self._first_byte_timeout_s = first_byte_timeout_s
        self._breaker = breaker or Breaker()
        self._places = threading.BoundedSemaphore(places)

    def status(self) -> dict[str, str | int | float]:
        """The breaker's state; unless it is closed also `opened_at` and `probe_in_s`."""
        status = self._breaker.status()
        open_for_s = status.pop("open_for_s", None)
        if open_for_s is not None:
            status["opened_at"] = clock.to_iso(clock.now() - timedelta(seconds=float(open_for_s)))
        return status

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        safe: bool = False,
        timeout_s: float | None = None,
        first_byte_timeout_s: float | None = None,
        patient: bool = False,
        probe: bool = False,
        tries: bool = True,
    ) -> Answer:
        """The partner's 2xx or 4xx. `path` begins with / and is percent-encoded already.

        `safe` says that sending it twice does no harm, which a GET or HEAD never does; `patient`
        that the first byte may take as much longer as the partner may wait for a lock, which it may
        for all other methods (a time that is given counts for more); `probe` that it may ask a
        partner whose breaker is open; `tries` that it may be the one to try again after a while;
        somebody must.
        Raises PartnerError when there is no usable answer, NoPlaceError when too many calls wait
        for the partner.
        """
        if in_transaction():
            raise RuntimeError("an HTTP call inside a transaction would hold its locks")
        if not tries and not self._breaker.is_closed():
            # Before anything is prepared: in an outage every caller comes through here.
            metrics.count(metrics.PARTNER_CALLS, self.partner, _OUTCOMES[BreakerOpenError])
            raise self._open()
        waiting.begins()
        request = self._channel.prepare(method, path, params, json)
        is_read = method in ("GET", "HEAD")
        if first_byte_timeout_s is None:
            first_byte_timeout_s = self._first_byte_timeout_s
            if patient or not is_read:
                first_byte_timeout_s += LOCK_WAIT_S
        deadline = Deadline(
            self._timeout_s if timeout_s is None else timeout_s, first_byte_timeout_s
        )
        outcome = "no_place"
        try:
            crash.point("before_send")
            answer = self._call_in_place(request, deadline, safe or is_read, probe)
            crash.point("after_answer")
            outcome = "ok" if answer.status < 400 else "client_error"
        except PartnerError as error:
            outcome = _OUTCOMES[type(error)]
            raise
        finally:
            metrics.count(metrics.PARTNER_CALLS, self.partner, outcome)
        return answer

    def _call_in_place(
        self, request: PreparedRequest, deadline: Deadline, is_safe: bool, probe: bool
    ) -> Answer:
        attempt = self._enter(deadline, probe)
        is_starved = deadline.remaining_s() < deadline.patience_s / 2
        works: bool | None = None  # stays None for whatever says nothing about the partner
        try:
            answer = self._channel.send(request, deadline, is_safe)
            works = True
        except PartnerBusyError:
            works = True
            raise
        except PartnerError as error:
            if is_starved and deadline.is_missed():
                # The queue took the time that the partner should have had: not its silence.
                raise NoPlaceError(self.partner) from error
            works = False
            raise
        finally:
            self._settle(attempt, works)
            self._places.release()
        return answer

    def _enter(self, deadline: Deadline, probe: bool) -> Attempt:
        """Take a place and get the breaker's leave; the caller gives both back."""
        while True:
            if not probe and self._breaker.refuses():
                raise self._open()
            # Behind an open breaker nobody queues: who finds out there, and who waits for what that
            # call finds, holds a place, and the process's other threads are left for other work.
            queues = not probe or self._breaker.is_closed()
            if not self._places.acquire(timeout=deadline.remaining_s() if queues else 0):
                raise NoPlaceError(self.partner)
            # Asked again now that there is a place: of a queue behind a partner that hangs each
            # one would else wait out a time-out in its turn.
            attempt = self._breaker.admit(deadline.remaining_s() + 1, force=probe)
            if attempt is not None:
                return attempt
            # Someone is asking already: what that call finds holds for this one too.
            is_back = probe and self._breaker.wait_for_probe(deadline.remaining_s())
            self._places.release()
            if not is_back:
                raise self._open()

    def _settle(self, attempt: Attempt, works: bool | None) -> None:
        if self._breaker.settle(attempt, works):
            state = str(self._breaker.status()["state"])
            extra = {"partner": self.partner, "state": state}
            logger.warning("the breaker of %s is %s", self.partner, state, extra=extra)

    def _open(self) -> BreakerOpenError:
        return BreakerOpenError(self.partner, "has just failed and is not asked")


# Every policy by name, with the function that declares it.
FAIL_OPEN_POLICIES: dict[str, str] = {}


def fail_open(
    policy: str, *, also: tuple[type[NoPlaceError], ...] = ()
) -> Callable[[Callable[P, R]], Callable[P, R | None]]:
    """Declare that a call to a partner is let through when the partner gives no usable answer.

    PartnerError is then logged and counted under the policy's name, and the result is None.
    Nothing else is caught but what `also` names.
    """

    def declare(function: Callable[P, R]) -> Callable[P, R | None]:
        place = f"{function.__module__}.{function.__qualname__}"
        if FAIL_OPEN_POLICIES.setdefault(policy, place) != place:
            raise ValueError(f"fail-open policy {policy!r} is declared twice")

        caught: tuple[type[PartnerError | NoPlaceError], ...] = (PartnerError, *also)

        @functools.wraps(function)
        def forgiving(*args: P.args, **kwargs: P.kwargs) -> R | None:
            try:
                return function(*args, **kwargs)
            except caught as error:
                metrics.count(metrics.FAIL_OPEN, policy)
                extra = {"policy": policy, "partner": error.partner, "error": type(error).__name__}
                logger.warning("fail-open: %s", error.detail, extra=extra)
                return None

        return forgiving

    return declare
