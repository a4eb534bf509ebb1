"""A circuit breaker for one partner, in one process; it knows neither HTTP nor what a call does."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """The leave to make one call, given by `admit` and handed back to `settle`."""

    started_at: float
    epoch: int
    probe_until: float | None  # None: an ordinary call while the breaker is closed
    is_forced: bool = False


@dataclass(kw_only=True, eq=False)
class Breaker:
    """Opens after consecutive failures, then lets exactly one probe through at a time.

    It is half-open while a probe is under way. The lock is never held during a call: callers ask
    with `admit` and tell with `settle`. `clock` gives seconds that only grow.
    """

    failures_to_open: int = 2
    least_open_s: float = 2.0
    # A call that burns its caller's whole deadline must not be tried again soon: of many callers
    # one after another only a small, fixed share may be slow, however long one failure takes.
    open_factor: float = 4.0
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._failures = 0
        self._opened_at: float | None = None  # None: closed
        self._open_until = 0.0
        self._epoch = 0
        self._probe: Attempt | None = None

    def refuses(self) -> bool:
        """Whether an ordinary call would be refused now; asking claims nothing."""
        with self._changed:
            return self._refuses(self.clock())

    def admit(self, lease_s: float, *, force: bool = False) -> Attempt | None:
        """Leave to make a call, or None while the breaker is open or another call is the probe.

        `force` makes this call the probe of an open breaker before its time. A probe that is not
        settled within `lease_s` seconds counts as lost, and another may take its place.
        """
        with self._changed:
            now = self.clock()
            if self._opened_at is None:
                return Attempt(now, self._epoch, None)
            if self._is_probing(now) or (self._refuses(now) and not force):
                return None
            self._probe = Attempt(now, self._epoch, now + lease_s, is_forced=force)
            return self._probe

    def settle(self, attempt: Attempt, works: bool | None) -> bool:
        """Say what the call found: the partner works, or not; None if it found out nothing.

        Returns whether that opened or closed the breaker.
        """
        with self._changed:
            if attempt is self._probe:
                self._probe = None
                self._changed.notify_all()
            elif attempt.probe_until is not None or attempt.epoch != self._epoch:
                # It began before the last opening, or lost its lease: it says nothing about now.
                return False
            if works is None:
                return False
            return self._close() if works else self._count_failure(attempt)

    def wait_for_probe(self, timeout_s: float) -> bool:
        """Wait until no probe is under way; whether the breaker is closed then."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_probing(self.clock()), timeout_s)
            return self._opened_at is None

    def is_closed(self) -> bool:
        with self._changed:
            return self._opened_at is None

    def status(self) -> dict[str, str | int | float]:
        """`state` and `consecutive_failures`; unless closed also seconds since and until."""
        with self._changed:
            now = self.clock()
            status: dict[str, str | int | float] = {
                "state": "closed",
                "consecutive_failures": self._failures,
            }
            if self._opened_at is not None:
                status["state"] = "half-open" if self._is_probing(now) else "open"
                status["open_for_s"] = round(now - self._opened_at, 3)
                status["probe_in_s"] = round(max(0.0, self._open_until - now), 3)
            return status

    def _refuses(self, now: float) -> bool:
        if self._opened_at is None:
            return False
        return self._is_probing(now) or now < self._open_until

    def _is_probing(self, now: float) -> bool:
        probe = self._probe
        return probe is not None and probe.probe_until is not None and now < probe.probe_until

    def _close(self) -> bool:
        self._failures = 0
        if self._opened_at is None:
            return False
        self._opened_at = None
        return True

    def _count_failure(self, attempt: Attempt) -> bool:
        now = self.clock()
        self._failures += 1
        if self._failures < self.failures_to_open:
            return False
        # A forced probe may have had little time, and there may be many of them: the time of an
        # ordinary one they neither bring forward nor put off.
        if not attempt.is_forced:
            wait_s = max(self.least_open_s, self.open_factor * (now - attempt.started_at))
            self._open_until = now + wait_s
        if self._opened_at is not None:
            return False
        self._opened_at = now
        self._epoch += 1
        return True
