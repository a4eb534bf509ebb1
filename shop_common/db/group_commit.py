"""Group commit: writers of a process that come together share one transaction and its fsync."""

import contextvars
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from shop_common.db import Patience
from shop_common.errors import BusyError


class _Part:
    """What one thread wants written, and what has become of it."""

    __slots__ = ("alone", "context", "durable", "error", "leads", "over", "result", "work")

    def __init__(self, work: Callable[[Any], Any], *, alone: bool, durable: bool) -> None:
        self.work = work
        self.alone = alone
        self.durable = durable
        # Another thread may do the work: it does it as the caller's, with the caller's request.
        self.context = contextvars.copy_context()
        self.leads = False
        # Let go when it is over, or when its thread is to lead.
        self.over = threading.Lock()
        self.over.acquire()
        self.result: Any = None
        self.error: BaseException | None = None


class GroupCommit:
    """Does what threads want written, one after the other, in transactions that they share.

    The thread that comes first leads: it takes the lock, does its own part and then, each in a
    savepoint, those of the threads that have come meanwhile, and commits for all. Nothing is handed
    from thread to thread while the lock is held. The first one whose part cannot share the
    transaction, or comes too late, leads the next.

    Nobody returns before the commit: neither with what was done nor with an error, which may be
    about what a neighbour did. A part that fails is taken back alone; if the first does, or the
    commit, all of the transaction fails. A durable part shares no commit that is not; others share
    any. `begin` takes the lock and gives the connection with a transaction begun, durable or not;
    `release` lets the lock go, and a transaction that could not be ended.
    """

    def __init__(
        self, begin: Callable[[bool], Any], release: Callable[[], None], patience: Patience
    ) -> None:
        self._begin = begin
        self._release = release
        self._patience = patience
        self._mutex = threading.Lock()  # of the next two
        self._is_led = False
        self._waiting: deque[_Part] = deque()

    def run(self, work: Callable[[Any], Any], *, alone: bool, durable: bool) -> Any:
        """What `work` gives for the connection; committed, and if `durable` on the disk.

        `alone` shares the transaction with nobody. Raises what `work` or the commit raises, and
        BusyError if no connection is to be had.
        """
        part = _Part(work, alone=alone, durable=durable)
        with self._mutex:
            if self._is_led:
                self._waiting.append(part)
            else:
                self._is_led = part.leads = True
        if not part.leads:
            self._wait(part)
        if part.leads:
            self._lead(part)
        if part.error is not None:
            try:
                raise part.error
            finally:
                # Its traceback leads back to the part: else both would wait for the collector.
                part.error = None
        return part.result

    def _wait(self, part: _Part) -> None:
        """Until it is over, or to lead. Raises BusyError if nobody has taken it up in time."""
        if part.over.acquire(timeout=self._patience.wait_s()):
            return
        with self._mutex:
            is_left = part in self._waiting
            if is_left:
                self._waiting.remove(part)
        if is_left:
            self._patience.waited_in_vain()
            raise BusyError("The database is busy.")
        part.over.acquire()

    def _lead(self, first: _Part) -> None:
        done = [first]
        try:
            self._share(first, done)
        except BaseException as error:  # noqa: BLE001 # each part raises it
            for part in done:
                part.error = error
        with self._mutex:
            if self._waiting:
                following = self._waiting.popleft()
                following.leads = True
                following.over.release()
            else:
                self._is_led = False
        for part in done[1:]:
            part.over.release()

    def _share(self, first: _Part, done: list[_Part]) -> None:
        """One transaction; those who share it are added to `done`. Raises what all fail with."""
        connection = self._begin(first.durable)
        try:
            first.result = first.context.run(first.work, connection)
            while part := self._next(first):
                done.append(part)
                connection.execute("SAVEPOINT part")
                try:
                    part.result = part.context.run(part.work, connection)
                except BaseException as error:
                    # SQLite has rolled back by itself after some errors, a full disk for one.
                    if not connection.in_transaction:
                        raise
                    connection.execute("ROLLBACK TO part")
                    part.error = error
                connection.execute("RELEASE part")
            connection.execute("COMMIT")
        finally:
            try:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            finally:
                self._release()

    def _next(self, first: _Part) -> _Part | None:
        """Who has waited longest, if he may share the transaction of the `first`."""
        with self._mutex:
            if self._waiting and not first.alone:
                part = self._waiting[0]
                if not part.alone and (first.durable or not part.durable):
                    return self._waiting.popleft()
        return None
