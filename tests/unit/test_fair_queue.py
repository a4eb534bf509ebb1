"""The queue before SQLite's write lock."""

import fcntl
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from shop_common.db.fair_queue import FairQueue
from shop_common.db.sqlite import SQLiteDatabase
from shop_common.errors import BusyError

PROCESSES = 4


@contextmanager
def turn(queue: FairQueue, timeout_s: float) -> Iterator[None]:
    queue.enter(timeout_s)
    try:
        yield
    finally:
        queue.leave()


def _write_for(path: str, seconds: float, start: Barrier, counts: "Queue[int]") -> None:
    database = SQLiteDatabase(path)
    database.write(lambda tx: tx.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER)"))
    count = 0
    start.wait()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        database.write(lambda tx: tx.execute("INSERT INTO t VALUES (1)"))
        count += 1
    counts.put(count)


def test_no_process_starves(tmp_path: Path) -> None:
    """Four processes that write all the time: SQLite's own waiting lets one of them do it all."""
    context = multiprocessing.get_context("spawn")
    start, counts = context.Barrier(PROCESSES), context.Queue()
    path = str(tmp_path / "test.db")
    processes = [
        context.Process(target=_write_for, args=(path, 2.0, start, counts))
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    written = [counts.get(timeout=30) for _ in processes]
    for process in processes:
        process.join()
    assert min(written) > max(written) / 2, written


# The fork is the point of the test, and the child does nothing but hold the lock.
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_process_that_dies_leaves_its_turn_to_the_others(tmp_path: Path) -> None:
    """Also one that was forked while the queue was in use: it must not share the parent's lock."""
    queue = FairQueue(str(tmp_path / "q"))
    with turn(queue, 1):
        pass
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with turn(queue, 1):
            os.write(writing, b"x")
            time.sleep(60)
        os._exit(0)
    assert os.read(reading, 1) == b"x"
    outcome: list[str] = []

    def take() -> None:
        with turn(queue, 10):
            outcome.append("mine")

    waiter = threading.Thread(target=take)
    waiter.start()
    waiter.join(0.2)
    assert outcome == [], "the child excludes the parent"
    os.kill(child, 9)
    os.waitpid(child, 0)
    waiter.join(10)
    assert outcome == ["mine"]
    os.close(reading)
    os.close(writing)
    queue.close()


def test_who_has_just_written_stands_behind_who_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no other user can stand in the queue."""
    writer, other = (FairQueue(str(tmp_path / "q")) for _ in range(2))
    is_next, written = threading.Event(), []
    take = other._take

    def stand_before(file: int, *how: Any) -> None:
        if file == other._lock:
            is_next.set()
        take(file, *how)

    def wait() -> None:
        with turn(other, 10):
            written.append("other")

    monkeypatch.setattr(other, "_take", stand_before)
    waiter = threading.Thread(target=wait)
    with turn(writer, 1):
        waiter.start()
        assert is_next.wait(10)
    with turn(writer, 10):
        written.append("writer")
    waiter.join(10)
    assert written == ["other", "writer"]
    assert all(file.stat().st_mode & 0o077 == 0 for file in tmp_path.iterdir())
    for queue in (writer, other):
        queue.close()


def test_no_process_waits_longer_than_it_said(tmp_path: Path) -> None:
    """Another process holds the lock for good: whoever waits at the file locks hears busy too."""
    holder, first, second = (FairQueue(str(tmp_path / "q")) for _ in range(3))
    outcomes: list[str] = []

    def wait(queue: FairQueue) -> None:
        try:
            with turn(queue, 0.1):
                outcomes.append("mine")
        except BusyError:
            outcomes.append("busy")

    with turn(holder, 1):
        threads = [threading.Thread(target=wait, args=(queue,)) for queue in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert outcomes == ["busy", "busy"]
    with turn(first, 1), pytest.raises(BusyError), turn(second, 0):
        pass
    for queue in (holder, first, second):
        queue.close()


def test_who_is_stopped_at_the_turnstile_keeps_nobody_longer(tmp_path: Path) -> None:
    """As by SIGSTOP; and who gave up because of it has neither lock."""
    queue, other = (FairQueue(str(tmp_path / "q")) for _ in range(2))
    outcomes: list[str] = []

    def wait() -> None:
        try:
            with turn(queue, 0.1):
                outcomes.append("mine")
        except BusyError:
            outcomes.append("busy")

    with (tmp_path / "q-turnstile").open("w") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        waiter = threading.Thread(target=wait)
        waiter.start()
        waiter.join(5)
        assert outcomes == ["busy"]
    with turn(other, 0):
        pass
    for each in (queue, other):
        each.close()
