"""Group commit: writers of a process that come together share one transaction and its fsync."""

import threading
from collections.abc import Callable
from typing import Any

from shop_common.db import Patience
from shop_common.errors import BusyError


class _Batch:
    """The open transaction; `parts` are locks that those wait for who wait for its end."""

    def __init__(self, connection: Any, *, durable: bool) -> None:
        self.connection = connection
        self.durable = durable
        self.parts: list[threading.Lock] = []
        self.error: BaseException | None = None

    def take_back(self, error: BaseException) -> BaseException | None:
        """Undo the part that failed with `error`; what all of it fails with if that cannot be."""
        if not self.connection.in_transaction:
            return error
        try:
            self.connection.execute("ROLLBACK TO part")
            self.connection.execute("RELEASE part")
        except BaseException as cause:  # noqa: BLE001 # each part raises it
            return cause
        return None

    def end(self) -> None:
        """Commit; `error` says why there is nothing of it. Raises nothing."""
        try:
            if self.error is None:
                self.connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 # each part raises it
            self.error = error
        try:
            # SQLite has rolled back by itself after some errors, a full disk for one.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        except BaseException as error:  # noqa: BLE001 # each part raises it
            self.error = error


class GroupCommit:
    """Lets threads write one after the other, in a transaction that each leaves to the next.

    The one behind whom nobody waits commits for all, and until then nobody returns: neither with
    what it did nor with an error, which may be about what a neighbour did. A part that fails is
    taken back alone; if the commit fails, all parts do. A durable part shares no commit that is
    not; others share any. `begin` takes the lock and gives the connection with a transaction
    begun, durable or not; `release` lets the lock go, and a transaction that could not be ended.
    """

    def __init__(
        self, begin: Callable[[bool], Any], release: Callable[[], None], patience: Patience
    ) -> None:
        self._begin = begin
        self._release = release
        self._patience = patience
        self._mutex = threading.Lock()  # of the batch, and of the connection
        self._batch: _Batch | None = None
        # Who counts on somebody to come, and who does not come after all, must not cross.
        self._state = threading.Lock()
        self._coming = 0

    def enter(self, *, alone: bool, durable: bool) -> tuple[_Batch, bool]:
        """The batch to write into, and whether it was begun for this part."""
        self._come()
        if self._batch is not None and (alone or (durable and not self._batch.durable)):
            self._end_batch()
        if self._batch is not None:
            return self._batch, False
        try:
            self._batch = _Batch(self._begin(durable), durable=durable)
        except BaseException:
            self._mutex.release()
            raise
        return self._batch, True

    def _come(self) -> None:
        """Take the mutex. Raises BusyError if it is not to be had."""
        with self._state:
            self._coming += 1
        is_here = self._mutex.acquire(timeout=self._patience.wait_s())
        with self._state:
            self._coming -= 1
            if is_here:
                return
            # Somebody may have left the batch to this thread a moment ago.
            is_left = not self._coming and self._mutex.acquire(blocking=False)
        if is_left:
            self._end_batch()
            self._mutex.release()
        self._patience.waited_in_vain()
        raise BusyError("The database is busy.")

    def leave(self, batch: _Batch, *, alone: bool) -> None:
        """Leave the batch to whoever comes and wait for its end, or end it."""
        end = threading.Lock()
        with self._state:
            is_left = bool(self._coming) and not alone and batch.error is None
            if is_left:
                end.acquire()
                batch.parts.append(end)
                self._mutex.release()
        if is_left:
            end.acquire()
        else:
            self._end_batch()
            self._mutex.release()

    def _end_batch(self) -> None:
        batch, self._batch = self._batch, None
        if batch is not None:
            batch.end()
            self._release()
            for part in batch.parts:
                part.release()


class Part:
    """`with` it: the connection, for one part of a batch; `alone` shares it with nobody.

    `durable` is on the disk when it is over.

    Raises BusyError if no connection is to be had. An object and no generator, as each write comes
    through here.
    """

    def __init__(self, group: GroupCommit, *, alone: bool, durable: bool) -> None:
        self._group = group
        self._alone = alone
        self._durable = durable

    def __enter__(self) -> Any:
        self._batch, self._is_first = self._group.enter(alone=self._alone, durable=self._durable)
        self._mark("SAVEPOINT part")
        return self._batch.connection

    def __exit__(self, _kind: object, failure: BaseException | None, _trace: object) -> None:
        if failure is None:
            self._mark("RELEASE part")
        self._end(failure)

    def _mark(self, statement: str) -> None:
        """Say where this part begins or ends, if it is not the first: all before it stays."""
        if not self._is_first:
            try:
                self._batch.connection.execute(statement)
            except BaseException as error:
                self._end(error)
                raise

    def _end(self, failure: BaseException | None) -> None:
        """Raises what the whole batch failed with, unless that is this part's own failure."""
        batch = self._batch
        if failure is not None:
            batch.error = failure if self._is_first else batch.take_back(failure)
        self._group.leave(batch, alone=self._alone)
        if batch.error is not None and batch.error is not failure:
            raise batch.error
