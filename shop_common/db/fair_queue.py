"""The queue before SQLite's write lock: fair across processes."""

import fcntl
import os
import time

from shop_common.errors import BusyError

# A transaction takes some 200 microseconds.
FIRST_PAUSE_S = 0.00002
LONGEST_PAUSE_S = 0.001


class FairQueue:
    """One writer at a time, over all processes that use `path`.

    SQLite's own waiting is a poll that starves: of two busy writers one can wait for ever. Here
    processes, one thread of each, queue at a turnstile of two file locks: who holds the first is
    next at the second, so whoever has just written stands behind those who wait. The kernel frees
    the locks of a process that dies.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._pid = 0
        self._turnstile = self._lock = -1

    def enter(self, timeout_s: float) -> None:
        """Take the right to write. Raises BusyError after `timeout_s` without it."""
        deadline = time.monotonic() + timeout_s
        self._open()
        # Waits for those who wait here for the lock, each of whom gives up in its time.
        fcntl.flock(self._turnstile, fcntl.LOCK_EX)
        try:
            self._take_lock(deadline)
        finally:
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)

    def leave(self) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _take_lock(self, deadline: float) -> None:
        # flock takes no time-out, so the one at the turnstile asks again and again.
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise BusyError("The database is busy.") from None
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.2, LONGEST_PAUSE_S)

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
