"""The database seam on the engine under test: alone with the data, bounded waits, re-runs."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shop_common.config import Config, load_config
from shop_common.db import (
    ConflictRetryError,
    Database,
    Patience,
    Transaction,
    in_transaction,
    open_database,
)
from shop_common.db.fair_queue import FairQueue
from shop_common.db.sqlite import LOG_PAGES, SQLiteDatabase
from shop_common.errors import BusyError, UnknownOutcomeError
from shop_common.migrations import MigrationError, migrate

ENTRIES = 200
PROCESSES = 4


@pytest.fixture
def config(tmp_path: Path, postgres_url: str | None) -> Config:
    config = load_config("cart", {"SHOP_DATA_DIR": str(tmp_path)})
    if postgres_url:
        config = replace(config, app="transactions", database_url=postgres_url)
    return config


@pytest.fixture
def open_another(config: Config) -> Iterator[Callable[[], Database]]:
    """Open the test's database once more, as another process of the shop would."""
    opened: list[Database] = []

    def another() -> Database:
        opened.append(open_database(config))
        return opened[-1]

    yield another
    for database in opened:
        database.close()


@pytest.fixture
def database(open_another: Callable[[], Database]) -> Database:
    database = open_another()
    database.schema_change(make_counters)
    return database


def make_counters(tx: Transaction) -> None:
    tx.execute("DROP TABLE IF EXISTS counters")
    tx.execute("CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
    tx.execute("INSERT INTO counters (id, n) VALUES (1, 0), (2, 0)")


def count(database: Database, counter: int = 1) -> int:
    with database.read() as tx:
        row = tx.one("SELECT n FROM counters WHERE id = ?", (counter,))
    assert row is not None
    return int(row["n"])


def read_modify_write(tx: Transaction) -> None:
    n = tx.get("SELECT n FROM counters WHERE id = 1 FOR UPDATE")["n"]
    tx.execute("UPDATE counters SET n = ? WHERE id = 1", (n + 1,))


def _count_up(config: Config) -> None:
    database = open_database(config)
    threads = [
        threading.Thread(
            target=lambda: [database.write(read_modify_write) for _ in range(ENTRIES // 2)]
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_no_update_is_lost_between_processes_and_threads(
    config: Config, database: Database
) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_count_up, args=(config,)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert count(database) == PROCESSES * ENTRIES


# The fork is the point of the test.
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_process_never_uses_its_parents_connections(database: Database) -> None:
    def use() -> int:
        """How many connections of its own that took this process."""
        count(database)
        database.write(read_modify_write)
        return [pid for pid, _ in database._connections].count(os.getpid())

    mine = use()
    child = multiprocessing.get_context("fork").Process(target=lambda: os._exit(use()))
    child.start()
    child.join(20)
    assert child.exitcode == mine > 0
    assert use() == mine
    assert count(database) == 3


def test_a_process_closes_none_of_its_parents_connections(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(database)
    _, connection = database._connections[-1]
    with monkeypatch.context() as child:
        child.setattr("os.getpid", lambda: 1)
        database.close()
    assert connection.execute("SELECT 1 AS one").fetchone()["one"] == 1
    connection.close()


def test_an_error_rolls_back(database: Database) -> None:
    def fail(tx: Transaction) -> None:
        tx.execute("UPDATE counters SET n = 5 WHERE id = 1")
        raise KeyError

    with pytest.raises(KeyError):
        database.write(fail)
    assert count(database) == 0


def test_a_reader_sees_one_state_and_waits_for_no_writer(
    database: Database, open_another: Callable[[], Database]
) -> None:
    other = open_another()
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        with other.read() as tx:
            for counter in (1, 2):
                row = tx.one("SELECT n FROM counters WHERE id = ?", (counter,))
                assert row is not None
                seen.append(row["n"])
                if counter == 1:
                    halfway.set()
                    written.wait(10)
        done.set()

    def write(tx: Transaction) -> None:
        tx.execute("UPDATE counters SET n = 1")
        reader.start()
        assert halfway.wait(10), "the reader does not wait for the open write"

    halfway, written = threading.Event(), threading.Event()
    reader = threading.Thread(target=read)
    database.write(write)
    written.set()
    assert done.wait(10)
    reader.join()
    assert seen == [0, 0]


def test_a_writer_that_cannot_have_the_lock_is_busy_in_time(
    database: Database, open_another: Callable[[], Database]
) -> None:
    other = open_another()
    outcome: list[Any] = []

    def write() -> None:
        started_at = time.monotonic()
        try:
            other.write(lambda tx: tx.one("SELECT n FROM counters WHERE id = 1 FOR UPDATE"))
        except BusyError as error:
            outcome.extend([error, time.monotonic() - started_at])

    def hold(tx: Transaction) -> None:
        tx.execute("UPDATE counters SET n = 1 WHERE id = 1")
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(10)

    if isinstance(other, SQLiteDatabase):
        # As a foreign program would hold it: by SQLite's own lock, past the queue.
        other._queue._path += "-elsewhere"
    database.write(hold)
    assert outcome, "it neither waits for ever nor writes"
    assert outcome[0].headers["Retry-After"]
    assert outcome[1] < 4
    if isinstance(other, SQLiteDatabase):
        queue = FairQueue(other._queue._path)
        queue.enter(0)  # who waited in vain stands in nobody's way
        queue.close()
    other.write(lambda _: None)  # nor in his own


def test_threads_that_wait_too_long_are_busy(database: Database) -> None:
    outcomes: list[str] = []

    def write() -> None:
        try:
            database.write(lambda tx: tx.execute("UPDATE counters SET n = n + 1 WHERE id = 1"))
            outcomes.append("done")
        except BusyError:
            outcomes.append("busy")

    def hold(tx: Transaction) -> None:
        tx.execute("UPDATE counters SET n = 1 WHERE id = 1")
        threads = [threading.Thread(target=write) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

    database.write(hold)
    assert outcomes == ["busy"] * 3
    assert count(database) == 1


def test_a_transaction_inside_another_is_refused(database: Database) -> None:
    def nest(_: Transaction) -> None:
        assert in_transaction()
        with pytest.raises(RuntimeError, match="already open"), database.read():
            pass
        with pytest.raises(RuntimeError, match="already open"):
            database.write(lambda _: None)

    database.write(nest)
    assert not in_transaction()


def test_conflicts_are_re_run_and_given_up_as_busy(database: Database) -> None:
    runs = []

    def work(tx: Transaction, *, conflicts: int) -> str:
        runs.append(1)
        tx.execute("UPDATE counters SET n = n + 1 WHERE id = 1")
        if len(runs) <= conflicts:
            raise ConflictRetryError
        return "done"

    assert database.write(partial(work, conflicts=3)) == "done"
    assert len(runs) == 4
    with pytest.raises(BusyError):
        database.write(partial(work, conflicts=1000))
    assert count(database) == 1


def test_who_hears_busy_is_not_re_run(database: Database) -> None:
    """It has waited for long enough."""
    runs: list[int] = []

    def work(_: Transaction) -> None:
        runs.append(1)
        raise BusyError("The database is busy.")

    with pytest.raises(BusyError):
        database.write(work)
    assert runs == [1]


def test_who_waits_after_another_in_vain_waits_but_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For a second: then waiting may help again."""
    patience, now = Patience(), 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    waits_s = [patience.wait_s()]
    patience.waited_in_vain()
    waits_s.append(patience.wait_s())
    now += 1
    assert [*waits_s, patience.wait_s()] == [1.5, 0.05, 1.5]


def test_a_database_that_takes_no_changes_is_busy(database: Database) -> None:
    """A disk that was mounted anew, a server that has become another one's copy."""
    now_read_only = {"sqlite": "PRAGMA query_only = ON", "postgres": "SET TRANSACTION READ ONLY"}

    def write(tx: Transaction) -> None:
        tx.execute(now_read_only[database.engine])
        tx.execute("UPDATE counters SET n = 1 WHERE id = 1")

    with pytest.raises(BusyError):
        database.write(write)
    assert count(database) == 0


def test_a_transaction_that_the_server_ended_is_busy(
    database: Database, postgres_url: str | None
) -> None:
    """PostgreSQL does so when its process stands still; for SQLite there is nobody who could."""
    if postgres_url is None:
        return
    import psycopg

    def write(tx: Transaction) -> None:
        tx.execute("UPDATE counters SET n = 1 WHERE id = 1")
        tx.execute("SET LOCAL idle_in_transaction_session_timeout = '1ms'")
        with psycopg.connect(postgres_url) as other:  # the row is free once that has happened
            other.execute("SELECT n FROM transactions.counters WHERE id = 1 FOR UPDATE")
        tx.execute("UPDATE counters SET n = 2 WHERE id = 1")

    with pytest.raises(BusyError) as caught:
        database.write(write)
    assert caught.value.status == 503, "nothing was done, and it is known"
    assert count(database) == 0


def test_a_commit_that_is_not_answered(database: Database, postgres_url: str | None) -> None:
    """It may have been done: that is no "busy", which says that nothing was."""
    if postgres_url is None:
        return

    def make_trigger(tx: Transaction) -> None:
        tx.execute(
            "CREATE FUNCTION vanish() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
        )
        tx.execute(
            "CREATE CONSTRAINT TRIGGER vanish AFTER UPDATE ON counters"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION vanish()"
        )

    database.write(make_trigger)
    with pytest.raises(UnknownOutcomeError) as raised:
        database.write(lambda tx: tx.execute("UPDATE counters SET n = 1 WHERE id = 1"))
    assert raised.value.status == 504
    assert "Retry-After" not in raised.value.headers
    assert count(database) == 0, "the next transaction has a connection of its own"
    assert len(database._connections) == 1, "the one that is lost is not kept"


def test_a_server_that_is_away_for_a_while(
    database: Database, postgres_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is "busy" however often it is asked, and over when the server is back."""
    if postgres_url is None:
        return
    import psycopg

    def refuse() -> None:
        raise psycopg.OperationalError("connection refused")

    assert count(database) == 0
    database._local.connection.close()
    with monkeypatch.context() as away:
        away.setattr(database, "_connect", refuse)
        for _ in range(2):
            with pytest.raises(BusyError):
                count(database)
    assert count(database) == 0
    with psycopg.connect(postgres_url) as other:  # who ends what is idle
        pid = database._local.connection.info.backend_pid
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    assert count(database) == 0


def test_who_lock_each_other_out_are_re_run(database: Database, postgres_url: str | None) -> None:
    """PostgreSQL ends one of them; on SQLite they stand one behind the other from the start."""
    if postgres_url is None:
        return
    both = threading.Barrier(2)

    def write(tx: Transaction, *, rows: list[int], tries: list[int]) -> None:
        for row in rows:
            tx.execute("UPDATE counters SET n = n + 1 WHERE id = ?", (row,))
            if not tries:
                tries.append(row)
                both.wait(10)

    works = [partial(write, rows=rows, tries=[]) for rows in ([1, 2], [2, 1])]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(database.write, works))
    assert (count(database, 1), count(database, 2)) == (2, 2)


def test_both_engines_say_what_they_are(database: Database) -> None:
    assert database.version().startswith(("SQLite 3.", "PostgreSQL "))
    if database.engine == "postgres":
        # A process that stands still must not hold its locks for ever.
        with database.read() as tx:
            asked = "SELECT current_setting('idle_in_transaction_session_timeout') AS said"
            assert tx.get(asked)["said"] == "10s"
    if database.engine == "sqlite":
        # Before 3.51.3 a reset of the write-ahead log could lose the database.
        assert tuple(map(int, database.version().split()[1].split("."))) >= (3, 51, 3)
        with database.read() as tx:
            assert tx.one("PRAGMA journal_mode")["journal_mode"] == "wal"  # type: ignore[index]
            assert tx.one("PRAGMA synchronous")["synchronous"] == 2  # type: ignore[index] # FULL
            assert tx.get("PRAGMA wal_autocheckpoint")["wal_autocheckpoint"] == LOG_PAGES


def test_only_what_says_so_is_not_on_the_disk_when_it_is_over(database: Database) -> None:
    def syncs(*, durable: bool) -> str:
        """What the engine does at the end of the transaction, in its own words."""
        asked = "SHOW synchronous_commit" if database.engine == "postgres" else "PRAGMA synchronous"

        def write(tx: Transaction) -> str:
            tx.execute("UPDATE counters SET n = n + 1 WHERE id = 1")
            return str(next(iter(dict(tx.get(asked)).values())))

        return database.write(write, durable=durable)

    full, not_at_once = ("on", "off") if database.engine == "postgres" else ("2", "1")
    assert [syncs(durable=durable) for durable in (True, False, False, True)] == [
        full,
        not_at_once,
        not_at_once,
        full,
    ]
    assert count(database) == 4


def test_a_crowd_behind_a_lock_hears_busy_in_time(
    database: Database, open_another: Callable[[], Database]
) -> None:
    """Two threads for twelve requests: those who come later do not wait as long again."""
    other = open_another()
    took_s: list[float] = []

    def write() -> None:
        other.write(lambda tx: tx.one("SELECT n FROM counters WHERE id = 1 FOR UPDATE"))

    def work_off(requests: int) -> None:
        for _ in range(requests):
            began = time.monotonic()
            with pytest.raises(BusyError):
                write()
            took_s.append(time.monotonic() - began)

    def hold(tx: Transaction) -> None:
        tx.execute("UPDATE counters SET n = 1 WHERE id = 1")
        threads = [threading.Thread(target=work_off, args=(6,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    database.write(hold)
    assert len(took_s) == 12
    assert sum(took_s) < 2 * 4


def test_a_text_on_a_server_of_any_encoding(
    postgres_url: str | None, config: Config, tmp_path: Path
) -> None:
    """Every text is kept, or the database is refused before anything is in it."""
    if postgres_url is None:
        return
    (tmp_path / "0001_names.sql").write_text("CREATE TABLE names (name TEXT NOT NULL);\n")
    kept, refused = (
        open_database(replace(config, database_url=make_beside(postgres_url, encoding)))
        for encoding in ("SQL_ASCII", "LATIN1")
    )
    migrate(kept, [tmp_path])
    insert = "INSERT INTO names (name) VALUES (?) RETURNING name"
    assert kept.write(lambda tx: tx.get(insert, ("Käse 日本",)))["name"] == "Käse 日本"
    kept.close()
    with pytest.raises(MigrationError, match="is in LATIN1, it must be in UTF8"):
        migrate(refused, [tmp_path])
    refused.close()


def make_beside(postgres_url: str, encoding: str) -> str:
    """The address of a new database of that encoding on the same server."""
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        name = f"{connection.info.dbname}_{encoding.lower()}"
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
        )
        return postgres_url.replace(connection.info.dbname, name)


def test_a_user_who_may_not_make_schemas(postgres_url: str | None, config: Config) -> None:
    """One that was made for it before will do; without one it is told so."""
    if postgres_url is None:
        return
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE clerk LOGIN")
        connection.execute("CREATE SCHEMA given AUTHORIZATION clerk")
        owner = connection.info.user
    url = postgres_url.replace(f"//{owner}", "//clerk")
    given, missing = (
        open_database(replace(config, app=app, database_url=url)) for app in ("given", "missing")
    )
    given.schema_change(lambda tx: tx.execute("CREATE TABLE things (id INTEGER)"))
    with pytest.raises(BusyError, match="may not do this"):
        missing.schema_change(lambda _: None)
    given.close()
    missing.close()
