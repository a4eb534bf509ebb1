"""SQLite: WAL, synchronous=FULL, a kept connection a thread, writers behind a fair queue."""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# The bundled SQLite: those before 3.51.3 have a bug in the WAL's reset that can lose the database.
import pysqlite3 as sqlite3

from shop_common import crash, waiting
from shop_common.db import LOCK_WAIT_S, Database, R, StatementError, Transaction, only_transaction
from shop_common.db.fair_queue import FairQueue
from shop_common.db.group_commit import GroupCommit
from shop_common.errors import BusyError, DamagedError

# So many pages of the log are copied into the database at a time, while writers wait. Where every
# write has pages of its own, many at once are quicker; more than these cost reads a second index.
LOG_PAGES = 4000

# Where the fault is the machine's and not the statement's: full, read-only or failing disks too.
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "The database is busy.",
    sqlite3.SQLITE_LOCKED: "The database is busy.",
    sqlite3.SQLITE_FULL: "The disk is full.",
    sqlite3.SQLITE_IOERR: "The database cannot be read or written.",
    sqlite3.SQLITE_READONLY: "The database cannot be written.",
    sqlite3.SQLITE_CANTOPEN: "The database cannot be opened.",
}


@functools.lru_cache(maxsize=512)
def _translate(sql: str) -> str:
    # One writer at a time: every row is locked already.
    return sql.replace(" FOR UPDATE", "")


class SQLiteDatabase(Database):
    engine = "sqlite"

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self._queue = FairQueue(path)
        self._group = GroupCommit(self._begin, self._release, self._patience)
        self._writer_pid = 0
        self._writer_waits_s = LOCK_WAIT_S
        self._writer_is_durable = True

    def _write(self, work: Callable[[Transaction], R], *, alone: bool, durable: bool) -> R:
        def part(connection: Any) -> R:
            result = work(Transaction(connection, _translate, self.engine))
            crash.point("before_commit")
            return result

        waiting.begins()
        with only_transaction, _driver_errors:
            result: R = self._group.run(part, alone=alone, durable=durable)
        crash.point("after_commit")
        return result

    def _begin(self, durable: bool) -> Any:
        """The writers' connection, with the write lock held and a transaction begun."""
        wait_s = self._patience.wait_s()
        try:
            self._queue.enter(wait_s)
            try:
                connection = self._writer()
                if self._writer_waits_s != wait_s:
                    connection.execute(f"PRAGMA busy_timeout = {int(wait_s * 1000)}")
                    self._writer_waits_s = wait_s
                if self._writer_is_durable != durable:
                    # NORMAL leaves a commit to the next FULL one, which syncs the log up to itself.
                    connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                    self._writer_is_durable = durable
                connection.execute("BEGIN IMMEDIATE")
            except BaseException:
                self._queue.leave()
                raise
        except (BusyError, sqlite3.OperationalError):
            self._patience.waited_in_vain()
            raise
        self._patience.waited_well()
        return connection

    def _release(self) -> None:
        if self._writer_connection.in_transaction:
            # It could not roll back; closed, it holds SQLite's lock no longer.
            self._writer_connection.close()
            self._writer_pid = 0
        self._queue.leave()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with only_transaction, _driver_errors:
            connection = self._reader()
            connection.execute("BEGIN")
            try:
                yield Transaction(connection, _translate, self.engine)
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")

    def schema_change(self, work: Callable[[Transaction], R]) -> R:
        return self._write(work, alone=True, durable=True)

    def version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def close(self) -> None:
        super().close()
        self._writer_pid = 0
        self._queue.close()

    # A connection must not cross a fork: the child opens its own and leaves the parent's alone.

    def _reader(self) -> Any:
        if getattr(self._local, "pid", 0) != os.getpid():
            self._local.connection = self._connect()
            self._local.pid = os.getpid()
        return self._local.connection

    def _writer(self) -> Any:
        """One a process, so that what it has read of the file stays good from write to write."""
        if self._writer_pid != os.getpid():
            self._writer_connection = self._connect()
            self._writer_waits_s = LOCK_WAIT_S
            self._writer_is_durable = True
            self._writer_pid = os.getpid()
        return self._writer_connection

    def _connect(self) -> Any:
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self.path,
            isolation_level=None,
            timeout=LOCK_WAIT_S,
            check_same_thread=False,  # any thread may lead a write, or call close()
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
        connection.execute("PRAGMA foreign_keys=ON")
        self._connections.append((os.getpid(), connection))
        return connection


class _DriverErrors:
    """The driver's errors in our words: BusyError, DamagedError, StatementError."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.DatabaseError):
            # The low byte is the code; the rest says more about it.
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise DamagedError from error
            if code == sqlite3.SQLITE_ERROR:
                raise StatementError(str(error)) from error
            detail = _UNAVAILABLE.get(code)
            if detail is not None:
                raise BusyError(detail) from error


_driver_errors = _DriverErrors()
