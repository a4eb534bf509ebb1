"""What an app does besides answering: jobs that one thread of each worker runs again and again."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shop_common.db import Database, Transaction
from shop_common.errors import BusyError

logger = logging.getLogger("shop.background")

STOP_S = 2.0


@dataclass(frozen=True, slots=True)
class Job:
    """`run` is called every `every_s` seconds, in each worker: it must be safe to run twice."""

    name: str
    every_s: float
    run: Callable[[], Any]

    def take_turn(self) -> None:
        try:
            self.run()
        except BusyError as error:
            logger.warning("%s put off: %s", self.name, error.detail)
        except Exception:
            # Logged whole: one job that fails must not end the others.
            logger.exception("%s failed", self.name)


def in_batches(database: Database, delete: Callable[[Transaction], int]) -> None:
    """Run it, each time in a transaction, until it has done nothing; others write in between."""
    while database.write(delete):
        pass


class Background:
    """The thread that runs the jobs; started after the fork, since threads do not survive one."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self._stop = threading.Event()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="background", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the running job end, for STOP_S at most; its leases run out by themselves."""
        self._stop.set()
        self._thread.join(STOP_S)

    def _loop(self) -> None:
        due = {job.name: time.monotonic() + job.every_s for job in self.jobs}
        while not self._stop.wait(max(0.0, min(due.values()) - time.monotonic())):
            for job in self.jobs:
                if due[job.name] <= time.monotonic():
                    job.take_turn()
                    due[job.name] = time.monotonic() + job.every_s
