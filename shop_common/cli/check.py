"""The check of the books that the supervisor has made now and then."""

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from shop_common.cli.children import fork
from shop_common.cli.state import Shop

NICENESS = 10


@dataclass
class Check:
    """A child that ends by itself, begun every `every_s` (0: never)."""

    shop: Shop
    every_s: float
    pid: int = 0
    start_at: float = 0.0  # when the next one is due, if none runs
    was_clean: bool = True

    def begin_if_due(self) -> None:
        if self.every_s and not self.pid and self.start_at <= time.monotonic():
            self.start_at = time.monotonic() + self.every_s
            # A program of its own, so that what it reads never becomes this process's memory.
            with suppress(OSError):  # a machine without room for it: the next may find some
                self.pid = fork(self.shop, "doctor", self._run_doctor, signal.SIGKILL)

    def _run_doctor(self) -> None:
        os.nice(NICENESS)
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # it counts nothing
        command = [sys.executable, "-m", "shop_common.cli", "doctor", "--json"]
        os.execv(command[0], [*command, "--data-dir", str(self.shop.data_dir)])

    def end(self, code: int) -> str | None:
        """Note its exit code; what there is to say of it, if that is another than the last."""
        self.pid, was_clean, self.was_clean = 0, self.was_clean, code == 0
        if was_clean == self.was_clean:
            return None
        if self.was_clean:
            return "the books balance again"
        return f"the books do not balance, or cannot be checked: {self.shop.logs}/doctor.log"

    def stop(self) -> None:
        """It only reads, and its report is replaced as a whole: it may end anywhere."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
