"""PostgreSQL through psycopg 3: READ COMMITTED, a kept connection a thread, a schema an app."""

import functools
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row

from shop_common import crash, waiting
from shop_common.db import (
    LOCK_WAIT_S,
    ConflictRetryError,
    Database,
    R,
    StatementError,
    Transaction,
    only_transaction,
)
from shop_common.errors import BusyError, UnknownOutcomeError

logger = logging.getLogger("shop.db")

Connection = psycopg.Connection[dict[str, Any]]

CONNECT_TIMEOUT_S = 2
# Any number will do as long as every process of the shop uses the same one.
MIGRATION_LOCK = 7_021_978
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
_BEGIN_UNSYNCED = f"{_BEGIN}; SET LOCAL synchronous_commit = off"


@functools.lru_cache(maxsize=512)
def _translate(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


class PostgresDatabase(Database):
    """Each app lives in a schema of its own name, so one database can hold all four."""

    engine = "postgres"

    def __init__(self, url: str, schema: str) -> None:
        super().__init__()
        self._url = url
        self._schema = schema

    def _write(self, work: Callable[[Transaction], R], *, alone: bool, durable: bool) -> R:
        waiting.begins()
        with only_transaction, _driver_errors():
            connection = self._begin(_BEGIN if durable else _BEGIN_UNSYNCED)
            try:
                with _ended(connection, writes=True):
                    wait_s = self._patience.wait_s()
                    if wait_s != LOCK_WAIT_S:
                        connection.execute(f"SET LOCAL lock_timeout = {int(wait_s * 1000)}")
                    result = work(Transaction(connection, _translate, self.engine))
                    crash.point("before_commit")
                crash.point("after_commit")
            except psycopg.errors.LockNotAvailable:
                self._patience.waited_in_vain()
                raise
        return result

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        waiting.begins()
        with only_transaction, _driver_errors():
            connection = self._begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            with _ended(connection):
                yield Transaction(connection, _translate, self.engine)

    def schema_change(self, work: Callable[[Transaction], R]) -> R:
        with only_transaction, _driver_errors(), self._connect() as connection:
            # A lock of the session, taken before the transaction's snapshot: who waited for it
            # must see what was changed meanwhile.
            connection.execute("SET lock_timeout = '60s'")
            connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
            # IF NOT EXISTS asks for the right to create it, where it is already too.
            found = connection.execute("SELECT to_regnamespace(%s) AS schema", (self._schema,))
            if not any(row["schema"] for row in found):
                connection.execute(f'CREATE SCHEMA "{self._schema}"')
            connection.execute("BEGIN")
            with _ended(connection, writes=True):
                return work(Transaction(connection, _translate, self.engine))

    def version(self) -> str:
        with self.read() as tx:
            row = tx.get("SELECT current_setting('server_version') AS version")
        return f"PostgreSQL {row['version']}"

    def _begin(self, statement: str) -> Connection:
        connection = self._connection()
        try:
            connection.execute(statement)
        except psycopg.OperationalError:
            # A kept connection that the server closed meanwhile; nothing was sent on it yet.
            connection.close()
            connection = self._connection()
            connection.execute(statement)
        return connection

    def _connection(self) -> Connection:
        kept: Connection | None = getattr(self._local, "connection", None)
        if kept is None or kept.closed or self._local.pid != os.getpid():
            if kept is not None and kept.closed:
                self._connections.remove((self._local.pid, kept))
                self._local.connection = None  # whatever becomes of the next
            kept = self._connect()
            self._connections.append((os.getpid(), kept))
            self._local.connection, self._local.pid = kept, os.getpid()
        return kept

    def _connect(self) -> Connection:
        return psycopg.connect(
            self._url,
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=CONNECT_TIMEOUT_S,
            # Else it is the server's, and where that is SQL_ASCII texts would come as bytes.
            client_encoding="utf8",
            # A server that has vanished from the network is noticed by keepalives while it is
            # waited for and by the time-out while it is told; TCP would take a quarter of an hour.
            keepalives_idle=2,
            keepalives_interval=1,
            keepalives_count=2,
            tcp_user_timeout=4000,
            application_name=f"cornershop-{self._schema}",
            options=f"-c search_path={self._schema} -c lock_timeout={int(LOCK_WAIT_S * 1000)}"
            " -c idle_in_transaction_session_timeout=10000",
        )


@contextmanager
def _ended(connection: Connection, *, writes: bool = False) -> Iterator[None]:
    """Commit at the end of the block; roll back if the block fails."""
    is_complete = False
    try:
        yield
        is_complete = True
        connection.execute("COMMIT")
    except BaseException as error:
        try:
            connection.execute("ROLLBACK")
        except psycopg.OperationalError:
            # The connection is gone, and the transaction with it; the first error is the news.
            connection.close()
            if writes and is_complete:
                logger.warning("PostgreSQL went away during a commit: %s", str(error).strip())
                raise UnknownOutcomeError from error
        raise


@contextmanager
def _driver_errors() -> Iterator[None]:
    """The driver's errors in our words: ConflictRetryError, BusyError, StatementError."""
    try:
        yield
    except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected) as error:
        raise ConflictRetryError from error
    except psycopg.errors.LockNotAvailable as error:
        raise BusyError("The database is busy.") from error
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise BusyError("The database takes no changes now.") from error
    except psycopg.errors.InsufficientPrivilege as error:
        logger.warning("PostgreSQL refuses: %s", str(error).strip())
        raise BusyError("The database's user may not do this.") from error
    except psycopg.ProgrammingError as error:
        raise StatementError(str(error).partition("\n")[0]) from error
    except (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout) as error:
        # Why stands in the log: it may name hosts and users, which are none of the caller's
        # business.
        logger.warning("PostgreSQL is unavailable: %s", str(error).strip())
        raise BusyError("The database is unavailable.") from error
