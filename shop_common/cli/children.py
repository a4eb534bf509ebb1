"""The children of the supervisor: how one comes to be, and what is left when it has ended."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NoReturn

from shop_common.cli import processes
from shop_common.cli.state import Shop
from shop_common.errors import BusyError
from shop_common.migrations import MigrationError


class LogError(Exception):
    """A log that cannot be opened; the message names it."""


def fork(
    shop: Shop, name: str, run: Callable[[], None], death_signal: int, kept: int | None = None
) -> int:
    """The pid of a new child that does `run` and has nothing open but the descriptor `kept`.

    It gets `death_signal` when this process dies.
    """
    supervisor_pid = os.getpid()

    def become() -> None:
        """Leave everything of this process behind but its memory."""
        os.setsid()
        processes.die_with_parent(supervisor_pid, death_signal)
        processes.name_process(f"shop-{name}")
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        redirect(shop, name)
        # The lock above all: who inherits it would count as the supervisor.
        os.closerange(3, os.sysconf("SC_OPEN_MAX") if kept is None else kept)
        if kept is not None:
            os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
            os.set_inheritable(kept, True)
        run()

    pid = os.fork()
    if pid == 0:
        end_with(become)
    return pid


def end_with(run: Callable[[], None]) -> NoReturn:
    """Call it in a fork, which ends with it whatever happens; the exit code is that of `run`."""
    status = 1
    try:
        run()
        status = 0
    except SystemExit as exit:
        status = exit.code if isinstance(exit.code, int) else 1
    except (BusyError, LogError, MigrationError) as error:  # which say all there is to say
        sys.stderr.write(f"{error}\n")
    except Exception:  # noqa: BLE001 - the fork must end here, whatever happens in it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def redirect(shop: Shop, name: str) -> None:
    """Nothing to read, and both outputs into the program's log. Raises LogError."""
    log = open_log(shop, name)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, log), (2, log)):
        os.dup2(source, target)
    os.close(null)
    os.close(log)


def open_log(shop: Shop, name: str) -> int:
    """A descriptor that writes at the end of the program's log. Raises LogError."""
    try:
        shop.logs.mkdir(exist_ok=True)  # somebody may have removed it while the shop runs
        path = shop.logs / f"{name}.log"
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError as error:
        raise LogError(f"{error.filename} cannot be opened: {error.strerror}") from None


def end_of_log(shop: Shop, name: str, begins_at: int) -> str:
    """The last lines from there on of a program's log, to be put behind an error about it."""
    path = shop.logs / f"{name}.log"
    lines = []
    with suppress(OSError), path.open(errors="replace") as log:
        # One that is shorter than it was has been cut, or is a new one.
        log.seek(0 if os.fstat(log.fileno()).st_size < begins_at else begins_at)
        lines = log.read().splitlines()[-8:]
    return f"; the end of {path}:\n" + "\n".join(f"  {line}" for line in lines) if lines else ""


def exits() -> Iterator[tuple[int, int]]:
    """The children that have ended, each with its wait status; one is waited for as it is given.

    What is left of its group goes with each: the workers of a master that was killed keep its
    sockets and its databases' locks. Before it is waited for, no stranger can have its number.
    """
    with suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            processes.kill_group(ended.si_pid)
            yield os.waitpid(ended.si_pid, 0)
