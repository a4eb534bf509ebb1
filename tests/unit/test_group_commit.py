"""Group commit on SQLite: who shares a commit, what each of them hears, and when."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

import pysqlite3 as sqlite3
import pytest

from shop_common import log
from shop_common.db import Database, Transaction
from shop_common.db.fair_queue import FairQueue
from shop_common.db.sqlite import SQLiteDatabase
from shop_common.errors import BusyError, DamagedError


class Gate:
    """A transaction that holds the lock until it is opened."""

    def __init__(self, pool: ThreadPoolExecutor, database: Database, **how: bool) -> None:
        self._entered, self._opened = threading.Event(), threading.Event()
        self.done = pool.submit(database.write, self._hold, **how)
        assert self._entered.wait(10)

    def _hold(self, tx: Transaction) -> None:
        tx.execute("INSERT INTO notes (id) VALUES (0)")
        self._entered.set()
        assert self._opened.wait(10)

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SQLiteDatabase]:
    database = SQLiteDatabase(str(tmp_path / "notes.db"))
    database.schema_change(make_tables)
    yield database
    database.close()


def make_tables(tx: Transaction) -> None:
    tx.execute("CREATE TABLE authors (id INTEGER PRIMARY KEY)")
    tx.execute(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, author_id INTEGER"
        " REFERENCES authors (id) DEFERRABLE INITIALLY DEFERRED)"
    )


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


@pytest.fixture
def commits(database: SQLiteDatabase, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each COMMIT of the database's writers from here on."""
    said: list[str] = []
    connect = database._connect

    def traced() -> object:
        connection = connect()
        connection.set_trace_callback(lambda sql: said.append(sql) if sql == "COMMIT" else None)
        return connection

    monkeypatch.setattr(database, "_connect", traced)
    database.close()
    return said


def ids(database: Database) -> set[int]:
    with database.read() as tx:
        return {row["id"] for row in tx.all("SELECT id FROM notes")}


def add(database: Database, note: int, *, author: int | None = None) -> None:
    database.write(
        lambda tx: tx.execute("INSERT INTO notes (id, author_id) VALUES (?, ?)", (note, author))
    )


def refused(tx: Transaction) -> None:
    if tx.any("SELECT id FROM notes WHERE id = 0"):
        raise LookupError("it is there already")


def come(
    pool: ThreadPoolExecutor, database: SQLiteDatabase, *parts: Callable[[], None]
) -> list[Future[None]]:
    """Start these transactions; they stand before the lock when this returns."""
    futures = [pool.submit(part) for part in parts]
    deadline = time.monotonic() + 10
    while len(database._group._waiting) < len(parts):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return futures


def test_those_who_wait_share_a_commit(
    pool: ThreadPoolExecutor, database: SQLiteDatabase, commits: list[str]
) -> None:
    gate = Gate(pool, database)
    futures = come(pool, database, *[lambda n=n: add(database, n) for n in range(1, 11)])
    gate.open()
    for future in [gate.done, *futures]:
        future.result()
    assert ids(database) == set(range(11))
    assert commits.count("COMMIT") - 1 == 1  # one is the reader's


def test_nobody_returns_before_the_commit(
    pool: ThreadPoolExecutor, database: SQLiteDatabase
) -> None:
    """Neither with what it did nor with an error: that may be about what a neighbour did."""
    last_entered, finish = threading.Event(), threading.Event()

    def last(tx: Transaction) -> None:
        tx.execute("INSERT INTO notes (id) VALUES (1)")
        last_entered.set()
        assert finish.wait(10)

    gate = Gate(pool, database)
    futures = come(pool, database, lambda: database.write(refused), lambda: database.write(last))
    gate.open()
    assert last_entered.wait(10)
    # `refused` came before or after `last`; in both cases it is part of what is not committed.
    assert not gate.done.done()
    assert not futures[0].done()
    assert ids(database) == set()
    finish.set()
    gate.done.result()
    futures[1].result()
    with pytest.raises(LookupError):
        futures[0].result()
    assert ids(database) == {0, 1}


def test_a_part_that_fails_harms_no_neighbour(
    pool: ThreadPoolExecutor, database: SQLiteDatabase, commits: list[str]
) -> None:
    def fail(tx: Transaction, note: int) -> None:
        tx.execute("INSERT INTO notes (id) VALUES (?)", (note,))
        tx.execute("INSERT INTO notes (id) VALUES (0)")

    gate = Gate(pool, database)
    good = [partial(add, database, note) for note in (1, 2, 3)]
    bad = [partial(database.write, partial(fail, note=note)) for note in (4, 5)]
    futures = come(pool, database, *good, *bad)
    gate.open()
    gate.done.result()
    for future in futures[:3]:
        future.result()
    for future in futures[3:]:
        with pytest.raises(sqlite3.IntegrityError):
            future.result()
    assert ids(database) == {0, 1, 2, 3}
    assert commits.count("COMMIT") - 1 == 1


def test_if_the_commit_fails_all_parts_do(
    pool: ThreadPoolExecutor, database: SQLiteDatabase
) -> None:
    """Who was refused for what a neighbour did too: none of that is there."""
    gate = Gate(pool, database)
    futures = come(
        pool,
        database,
        lambda: add(database, 1),
        lambda: add(database, 2, author=7),  # there is no such author, and COMMIT finds it
        lambda: add(database, 3),
        lambda: database.write(refused),
    )
    gate.open()
    for future in [gate.done, *futures]:
        with pytest.raises(sqlite3.IntegrityError):
            future.result()
    assert ids(database) == set()
    add(database, 4)
    assert ids(database) == {4}


def test_if_sqlite_drops_the_transaction_all_parts_fail(
    pool: ThreadPoolExecutor, database: SQLiteDatabase
) -> None:
    """As it does by itself when a disk is full."""

    def drop() -> None:
        database.write(lambda tx: tx.execute("INSERT OR ROLLBACK INTO notes (id) VALUES (0)"))

    gate = Gate(pool, database)
    (future,) = come(pool, database, drop)
    gate.open()
    for each in (gate.done, future):
        with pytest.raises(sqlite3.IntegrityError):
            each.result()
    assert ids(database) == set()
    add(database, 4)
    assert ids(database) == {4}


def test_if_a_part_cannot_be_taken_back_all_parts_fail(
    pool: ThreadPoolExecutor, database: SQLiteDatabase
) -> None:
    """And whoever comes later can write."""
    gate = Gate(pool, database)
    deny = {sqlite3.SQLITE_SAVEPOINT: sqlite3.SQLITE_DENY}
    connection = database._writer()
    connection.set_authorizer(lambda action, *_: deny.get(action, sqlite3.SQLITE_OK))
    (future,) = come(pool, database, lambda: add(database, 1))
    gate.open()
    for each in (gate.done, future):
        with pytest.raises(sqlite3.DatabaseError):
            each.result(10)
    connection.set_authorizer(None)
    assert ids(database) == set()
    add(database, 4)
    assert ids(database) == {4}


def test_if_it_cannot_be_rolled_back_all_parts_fail(
    pool: ThreadPoolExecutor, database: SQLiteDatabase
) -> None:
    """And whoever comes later can write, from another process too."""
    gate = Gate(pool, database)
    connection = database._writer()
    connection.set_authorizer(
        lambda action, said, *_: (
            sqlite3.SQLITE_DENY
            if action == sqlite3.SQLITE_TRANSACTION and said == "ROLLBACK"
            else sqlite3.SQLITE_OK
        )
    )
    (future,) = come(pool, database, lambda: add(database, 1, author=7))  # there is no such author
    gate.open()
    for each in (gate.done, future):
        with pytest.raises(sqlite3.DatabaseError):
            each.result(10)
    other = SQLiteDatabase(database.path)
    add(other, 3)
    other.close()
    add(database, 4)
    assert ids(database) == {3, 4}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (sqlite3.SQLITE_BUSY, BusyError),
        (sqlite3.SQLITE_FULL, BusyError),
        (sqlite3.SQLITE_IOERR, BusyError),
        (sqlite3.SQLITE_IOERR | 4 << 8, BusyError),  # an fsync, says the rest of the code
        (sqlite3.SQLITE_CANTOPEN, BusyError),
        (sqlite3.SQLITE_CORRUPT, DamagedError),
        (sqlite3.SQLITE_NOTADB, DamagedError),
    ],
)
def test_a_fault_of_the_machine_is_busy(
    database: SQLiteDatabase, code: int, error: type[BusyError]
) -> None:
    fault = sqlite3.OperationalError("a fault")
    fault.sqlite_errorcode = code

    def fail(tx: Transaction) -> None:
        raise fault

    with pytest.raises(BusyError) as caught:
        database.write(fail)
    assert type(caught.value) is error


def test_the_first_part_fails_alone(pool: ThreadPoolExecutor, database: SQLiteDatabase) -> None:
    entered, fail = threading.Event(), threading.Event()

    def first(tx: Transaction) -> None:
        tx.execute("INSERT INTO notes (id) VALUES (0)")
        entered.set()
        assert fail.wait(10)
        raise LookupError

    failing = pool.submit(database.write, first)
    assert entered.wait(10)
    futures = come(pool, database, lambda: add(database, 1), lambda: add(database, 2))
    fail.set()
    with pytest.raises(LookupError):
        failing.result()
    for future in futures:
        future.result()
    assert ids(database) == {1, 2}


@pytest.mark.parametrize("first_alone", [True, False])
def test_who_is_alone_shares_nothing(
    pool: ThreadPoolExecutor, database: SQLiteDatabase, commits: list[str], *, first_alone: bool
) -> None:
    """Nobody's answer waits for a long transaction that came after it."""
    entered, finish = threading.Event(), threading.Event()

    def long(tx: Transaction) -> None:
        entered.set()
        assert finish.wait(10)
        tx.execute("INSERT INTO notes (id) VALUES (1)")

    if first_alone:
        gate = Gate(pool, database, alone=True)
        (future,) = come(pool, database, lambda: add(database, 1))
        gate.open()
        gate.done.result()
        future.result()
    else:
        gate = Gate(pool, database)
        (future,) = come(pool, database, lambda: database.write(long, alone=True))
        gate.open()
        gate.done.result()  # while the long one has not even begun to end
        assert entered.wait(10)
        assert ids(database) == {0}
        finish.set()
        future.result()
    assert ids(database) == {0, 1}
    writes = commits.count("COMMIT") - (1 if first_alone else 2)
    assert writes == 2


@pytest.mark.parametrize("first_durable", [True, False])
def test_a_durable_part_shares_no_commit_that_is_not(
    pool: ThreadPoolExecutor, database: SQLiteDatabase, commits: list[str], *, first_durable: bool
) -> None:
    """The other way round it costs nobody anything."""
    said: list[int] = []

    def second(tx: Transaction) -> None:
        tx.execute("INSERT INTO notes (id) VALUES (1)")
        said.append(tx.get("PRAGMA synchronous")["synchronous"])

    gate = Gate(pool, database, durable=first_durable)
    (future,) = come(pool, database, lambda: database.write(second, durable=not first_durable))
    gate.open()
    gate.done.result()
    future.result()
    assert ids(database) == {0, 1}
    assert said == [2]  # FULL
    assert commits.count("COMMIT") - 1 == (1 if first_durable else 2)  # one is the reader's


def test_who_waits_in_vain_is_told_and_holds_up_nobody(
    pool: ThreadPoolExecutor, database: SQLiteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop_common.db.LOCK_WAIT_S", 0.05)
    gate = Gate(pool, database)
    futures = [pool.submit(add, database, n) for n in (1, 2)]
    for future in futures:
        with pytest.raises(BusyError):
            future.result()
    assert database._patience._short_until, "those who come next wait but a moment"
    gate.open()
    gate.done.result()
    assert ids(database) == {0}
    add(database, 3)
    assert ids(database) == {0, 3}


@pytest.mark.parametrize("first_alone", [False, True])
def test_who_gives_up_too_late_goes_on(
    pool: ThreadPoolExecutor,
    database: SQLiteDatabase,
    monkeypatch: pytest.MonkeyPatch,
    *,
    first_alone: bool,
) -> None:
    """In that moment its part has been taken up, or it has been called to lead the next ones."""
    monkeypatch.setattr("shop_common.db.LOCK_WAIT_S", 0.05)
    mutex, here = database._group._mutex, threading.local()
    gave_up, too_late = threading.Event(), threading.Event()

    class Late:
        def __enter__(self) -> None:
            here.times = getattr(here, "times", 0) + 1
            if here.times == 2 and getattr(here, "is_late", False):
                gave_up.set()
                assert too_late.wait(10)
            mutex.acquire()

        def __exit__(self, *_: object) -> None:
            mutex.release()

    def work(tx: Transaction) -> None:
        tx.execute("INSERT INTO notes (id) VALUES (1)")
        too_late.set()
        assert wait([future], timeout=0.1).not_done, "nobody returns before the commit"

    def late() -> None:
        here.is_late = True
        database.write(work)

    gate = Gate(pool, database, alone=first_alone)
    monkeypatch.setattr(database._group, "_mutex", Late())
    future = pool.submit(late)
    assert gave_up.wait(10)
    gate.open()
    if first_alone:
        gate.done.result(10)
        too_late.set()
    future.result(10)
    gate.done.result(10)
    assert ids(database) == {0, 1}


def test_a_part_is_done_as_its_callers_whoever_does_it(
    pool: ThreadPoolExecutor, database: SQLiteDatabase
) -> None:
    """With its request, by which it is logged and its key known."""
    seen: dict[str, str] = {}

    def write(name: str) -> None:
        log.request_id.set(name)
        database.write(lambda _: seen.update({name: log.request_id.get()}))

    gate = Gate(pool, database)
    futures = come(pool, database, partial(write, "a"), partial(write, "b"))
    gate.open()
    for future in [gate.done, *futures]:
        future.result()
    assert seen == {"a": "a", "b": "b"}


def test_who_gets_the_lock_is_patient_again(
    database: SQLiteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waits would stay short for ever where a commit takes longer than a short one."""
    monkeypatch.setattr("shop_common.db.LOCK_WAIT_S", 0.1)
    monkeypatch.setattr("shop_common.db.SHORT_FOR_S", 60.0)
    other = FairQueue(database.path)
    other.enter(timeout_s=1)
    with pytest.raises(BusyError):
        add(database, 1)
    assert database._patience.wait_s() < 0.1
    other.close()
    add(database, 1)
    assert database._patience.wait_s() == 0.1


def test_an_error_keeps_nothing_alive(pool: ThreadPoolExecutor, database: SQLiteDatabase) -> None:
    """Neither what its part held, nor what those held that shared the transaction."""

    class Held:
        pass

    held: list[weakref.ref[Held]] = []

    def attempt() -> None:
        def fail(tx: Transaction, rows: Held) -> None:
            raise LookupError

        rows = Held()
        held.append(weakref.ref(rows))
        with pytest.raises(LookupError):
            database.write(partial(fail, rows=rows))

    gc.disable()
    try:
        attempt()
        gate = Gate(pool, database)
        futures = come(pool, database, attempt)
        gate.open()
        for future in [gate.done, *futures]:
            future.result()
        assert [each() for each in held] == [None, None]
    finally:
        gc.enable()


def test_many_threads_and_short_patience(
    pool: ThreadPoolExecutor, database: SQLiteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gave up has written nothing, whoever did not has, and nobody hangs."""
    monkeypatch.setattr("shop_common.db.LOCK_WAIT_S", 0.002)
    monkeypatch.setattr("shop_common.db.SHORT_WAIT_S", 0.0005)

    def attempt(note: int) -> int | None:
        try:
            add(database, note)
        except BusyError:
            return None
        return note

    written = set(pool.map(attempt, range(2000), timeout=60)) - {None}
    assert ids(database) == written
    assert len(written) > 0
