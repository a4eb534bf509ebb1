"""The database seam: transactions on SQLite and PostgreSQL; contains no business logic.

A store writes one SQL for both engines: `?` placeholders, `RETURNING` instead of row counts, and
`FOR UPDATE` where a row must be locked (SQLite has one writer, so it is dropped there).
"""

import os
import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from shop_common.config import Config
from shop_common.errors import BusyError

R = TypeVar("R")
Row = Mapping[str, Any]

# A caller of ours gives up after 5 s: it must hear "busy" before that, from whichever lock.
LOCK_WAIT_S = 1.5
SHORT_WAIT_S = 0.05
SHORT_FOR_S = 1.0
MAX_ATTEMPTS = 8

_thread = threading.local()


class Patience:
    """How long to wait for a lock: long, but only for as long as waiting has helped.

    Once someone has waited in vain, the next ones wait but a moment: a crowd that waits its full
    time, a few threads after the other, would hear "busy" only long after its callers gave up.
    """

    def __init__(self) -> None:
        self._short_until = 0.0

    def wait_s(self) -> float:
        return SHORT_WAIT_S if time.monotonic() < self._short_until else LOCK_WAIT_S

    def waited_in_vain(self) -> None:
        self._short_until = time.monotonic() + SHORT_FOR_S

    def waited_well(self) -> None:
        """Or all waits would stay short where commits take longer than a short one: a slow disk."""
        self._short_until = 0.0


class ConflictRetryError(Exception):
    """The transaction has to be rolled back because of another one, and run again."""


class StatementError(Exception):
    """The engine cannot make sense of a statement: a table is missing, until it is migrated."""


def in_transaction() -> bool:
    """Whether this thread holds a transaction open (no HTTP call may happen then)."""
    return getattr(_thread, "open", False)


class _OnlyTransaction:
    """Refuses a transaction inside another: it would deadlock on SQLite and split on PostgreSQL."""

    # Each request comes through here: a generator made for it would cost several times as much.
    def __enter__(self) -> None:
        if in_transaction():
            raise RuntimeError("a transaction is already open on this thread")
        _thread.open = True

    def __exit__(self, *_: object) -> None:
        _thread.open = False


only_transaction = _OnlyTransaction()


class Transaction:
    """An open transaction; given to the functions of a store, first."""

    def __init__(self, connection: Any, translate: Callable[[str], str], engine: str) -> None:
        self._connection = connection
        self._translate = translate
        self.engine = engine

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        self._connection.execute(self._translate(sql), params)

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        cursor = self._connection.cursor()
        cursor.executemany(self._translate(sql), rows)

    def one(self, sql: str, params: Sequence[Any] = ()) -> Row | None:
        """The first row, or None."""
        # All rows are fetched: SQLite cannot commit while a RETURNING statement is half read.
        rows = self._connection.execute(self._translate(sql), params).fetchall()
        return rows[0] if rows else None

    def get(self, sql: str, params: Sequence[Any] = ()) -> Row:
        """The first row, where there must be one."""
        rows: list[Row] = self._connection.execute(self._translate(sql), params).fetchall()
        return rows[0]

    def any(self, sql: str, params: Sequence[Any] = ()) -> bool:
        """Whether there is a row: one that was found, or one that was written (`RETURNING`)."""
        return bool(self._connection.execute(self._translate(sql), params).fetchall())

    def all(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        rows: list[Row] = self._connection.execute(self._translate(sql), params).fetchall()
        return rows

    def delete_before(self, table: str, key: str, column: str, before: str, limit: int) -> int:
        """Delete up to `limit` rows whose time in `column` is before that, oldest first; how many.

        `key` names the columns of the primary key.
        """
        rows = self.all(
            f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {column} < ?"
            f" ORDER BY {column} LIMIT ?) RETURNING {key}",
            (before, limit),
        )
        return len(rows)

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterator[Row]:
        """Rows as they are read, for results that should not stand in memory at once."""
        yield from self._connection.execute(self._translate(sql), params)


def marks(values: Sequence[Any]) -> str:
    """A placeholder for each of the values: `?, ?, ?`."""
    return ", ".join("?" * len(values))


class Where:
    """The conditions of a statement, which must all hold, and the values that they ask for."""

    def __init__(self, condition: str = "TRUE") -> None:
        self._conditions = [condition]
        self.params: list[Any] = []

    def add(self, condition: str, *params: Any) -> None:
        """Unless a value is None, which asks for nothing."""
        if None not in params:
            self._conditions.append(condition)
            self.params += params

    def __str__(self) -> str:
        return " AND ".join(self._conditions)


class Database(ABC):
    """One app's database: a kept connection for each thread of each process."""

    engine: str

    def __init__(self) -> None:
        self._patience = Patience()
        self._local = threading.local()
        # Each with the process that opened it, which alone may close it.
        self._connections: list[tuple[int, Any]] = []

    def write(
        self, work: Callable[[Transaction], R], *, alone: bool = False, durable: bool = True
    ) -> R:
        """What `work` gives, done in a transaction that behaves as if it were alone; committed.

        `work` is run again when the engine rolled back for a conflict, and may be run by another
        thread of the process, with the caller's context variables. So it does nothing but read and
        write; what it tells others goes through the outbox, which is rolled back too.

        `alone` says that it takes long: no other shares its commit, and so nobody waits for it
        who has done its work already. One that is not `durable` waits for no disk: a power cut,
        or a crash of the database's server, may undo it.

        Raises BusyError when a lock cannot be had in LOCK_WAIT_S or the engine is away.
        """
        for attempt in range(MAX_ATTEMPTS):
            try:
                return self._write(work, alone=alone, durable=durable)
            except ConflictRetryError:
                # Spread out: those who collided would otherwise collide again.
                time.sleep(random.uniform(0, 0.005 * 2**attempt))
        raise BusyError("The database is busy with too many changes to the same data.")

    @abstractmethod
    def _write(self, work: Callable[[Transaction], R], *, alone: bool, durable: bool) -> R:
        """As `write`, once. Raises ConflictRetryError when it must be run again."""

    @abstractmethod
    def read(self) -> AbstractContextManager[Transaction]:
        """One snapshot of everything; never waits for a writer."""

    @abstractmethod
    def schema_change(self, work: Callable[[Transaction], R]) -> R:
        """As `write`, for migrations: only one process at a time is in it, and nothing is rerun."""

    @abstractmethod
    def version(self) -> str:
        """The engine's version, such as `SQLite 3.53.4`."""

    def close(self) -> None:
        for pid, connection in self._connections:
            if pid == os.getpid():
                connection.close()
        self._connections.clear()
        self._local = threading.local()


def open_database(config: Config) -> Database:
    """The database that `config` names; nothing is connected before the first transaction."""
    if config.database_url.startswith("postgresql:"):
        # Imported here: psycopg costs a worker memory that a shop on SQLite should not pay.
        from shop_common.db.postgres import PostgresDatabase

        return PostgresDatabase(config.database_url, schema=config.app)
    from shop_common.db.sqlite import SQLiteDatabase

    return SQLiteDatabase(config.database_url.removeprefix("sqlite:///"))
