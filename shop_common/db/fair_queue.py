"""The queue before SQLite's write lock: fair across processes."""

import fcntl
import os
import time
from collections.abc import Sequence

from shop_common.errors import BusyError

# Between one try and the next, the last one again and again. At the lock stands one alone, and a
# transaction takes some 200 microseconds.
LOCK_PAUSES_S = [0.00002 * 1.2**n for n in range(22)]
# At the turnstile, who has waited longer asks more often: else who comes last would often be next.
TURNSTILE_PAUSES_S = [0.0005 * 0.9**n for n in range(16)]


class FairQueue:
    """One writer at a time, over all processes that use `path`.

    SQLite's own waiting is a poll that starves: of two busy writers one can wait for ever. Here
    processes, one thread of each, queue at a turnstile of two file locks: who holds the first is
    next at the second, and whoever has just written stands behind him. Several who wait for the
    first get it nearly in the order in which they came. The kernel frees the locks of a process
    that dies.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._pid = 0
        self._turnstile = self._lock = -1

    def enter(self, timeout_s: float) -> None:
        """Take the right to write. Raises BusyError after `timeout_s` without it."""
        deadline = time.monotonic() + timeout_s
        self._open()
        self._take(self._turnstile, TURNSTILE_PAUSES_S, deadline)
        try:
            self._take(self._lock, LOCK_PAUSES_S, deadline)
        finally:
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)

    def leave(self) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _take(self, file: int, pauses_s: Sequence[float], deadline: float) -> None:
        # A flock that waits takes no time-out, and who holds the file may be stopped.
        tries = 0
        while True:
            try:
                return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(pauses_s[min(tries, len(pauses_s) - 1)])
            tries += 1
            if time.monotonic() >= deadline:
                raise BusyError("The database is busy.")

    def _open(self) -> None:
        # A descriptor from before a fork shares its lock with the parent and excludes nobody.
        if self._pid != os.getpid():
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._turnstile = os.open(f"{self._path}-turnstile", flags, 0o600)
            self._lock = os.open(f"{self._path}-lock", flags, 0o600)
            self._pid = os.getpid()

    def close(self) -> None:
        if self._pid == os.getpid():
            os.close(self._turnstile)
            os.close(self._lock)
        self._pid = 0
