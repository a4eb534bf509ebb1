"""Facts about processes and what ties them together, from the kernel; knows nothing of the shop."""

import ctypes
import os
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
TCP_LISTEN = "0A"
KILL_S = 5.0
INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM)  # what asks a program to end

_libc = ctypes.CDLL(None)


class Process(NamedTuple):
    """A process that is never mistaken for a later one with the same number."""

    pid: int
    started: str  # of this boot, in clock ticks


def find_process(pid: int) -> Process | None:
    """The process `pid` as it is now; None if there is none, or only its unread exit code."""
    fields = read_stat(pid)
    if fields is None or fields[0] in "ZX":
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Process(pid, f"{boot}/{fields[19]}")


def is_alive(process: Process) -> bool:
    return find_process(process.pid) == process


def read_stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the third on (state, ppid, pgrp, session, ...)."""
    try:
        # The name in the second field may hold spaces and brackets of its own.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def run_in_batches() -> None:
    """Let this process and those it starts end what they are at before the next one's turn comes.

    The kernel would else interrupt whoever sends a request or an answer, in favour of the one it is
    for, and the processor's caches would be filled anew each time.
    """
    # Where a sandbox forbids it, everything works as well, and slower.
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def kill_group(pid: int) -> None:
    """SIGKILL to whatever is left of the process group `pid`."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def left_over(leaders: Iterable[Process], logs: Path) -> list[Process]:
    """The living processes of the sessions that `leaders` began.

    A session's number may belong to strangers by now, so only a process that is the recorded
    leader itself, or one that writes its errors into `logs`, is counted.
    """
    known = set(leaders)
    sessions = {str(leader.pid) for leader in known}
    found = []
    for pid in _all_pids():
        fields = read_stat(pid)
        if fields is None or fields[3] not in sessions:
            continue
        process = find_process(pid)
        if process and (process in known or _file_behind(pid, 2).startswith(f"{logs}/")):
            found.append(process)
    return found


def kill_and_wait(processes: Sequence[Process]) -> None:
    """SIGKILL to each that is alive, and wait until they are gone, or KILL_S is over."""
    for process in filter(is_alive, processes):
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    wait_until_gone(processes, KILL_S)


def wait_until_gone(processes: Iterable[Process], timeout_s: float) -> bool:
    """Whether all of them ended within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while any(is_alive(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def find_listener(port: int) -> str:
    """Who listens on the TCP port, as "process 12 (name)"; empty if that cannot be seen."""
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == TCP_LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    sockets.add(f"socket:[{fields[9]}]")
    for pid in _all_pids():
        with suppress(OSError):  # another user's process, or one that has just ended
            for entry in os.listdir(f"/proc/{pid}/fd"):
                if _file_behind(pid, int(entry)) in sockets:
                    return f"process {pid} ({Path(f'/proc/{pid}/comm').read_text().strip()})"
    return ""


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _file_behind(pid: int, descriptor: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:
        return ""


def die_with_parent(parent_pid: int, number: int = signal.SIGKILL) -> None:
    """From now on this process gets signal `number` when its parent dies, however that happens."""
    _libc.prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent_pid:  # it died before it was asked
        os._exit(1)


def name_process(name: str) -> None:
    """What `ps -o comm` and `top` call this process; 15 bytes are kept."""
    _libc.prctl(PR_SET_NAME, name.encode())
