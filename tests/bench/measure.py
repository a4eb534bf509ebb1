"""One run of wrk against one system, and what it cost: processor time and memory from /proc."""

import json
import math
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from shop_common.cli.processes import die_with_parent, read_stat
from tests.bench.systems import HERE, System
from tests.system.running import KEY

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# What takes longer is an error; a plain implementation with many products takes very long.
TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Run:
    """What one run found; `cpu_ms` is processor time for one operation, by program."""

    count: int
    seconds: float
    per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_ms: Mapping[str, float]


def run_wrk(system: System, script: str, connections: int, number: int, seconds: float) -> Run:
    """Let wrk run the script against the system for a while, as round `number`."""
    out = system.folder / "wrk.json"
    out.unlink(missing_ok=True)
    environment = {
        "BENCH_LUA": str(HERE / "lua"),
        "BENCH_OUT": str(out),
        "BENCH_ORDERS": str(system.folder / "orders"),
        "BENCH_SYSTEM": system.name,
        "BENCH_KEY": KEY,
        "BENCH_USERS": str(system.amounts.carts),
        "BENCH_PRODUCTS": str(system.amounts.products),
        "BENCH_ROUND": str(number),
    }
    command = [
        "wrk", "-t1", f"-c{connections}", f"-d{math.ceil(seconds)}s",
        f"--timeout={TIMEOUT_S}s", "-s", str(HERE / "lua" / f"{script}.lua"), system.url,
    ]  # fmt: skip
    before = cpu_seconds(system.pids())
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=partial(_begin, os.getpid()),  # noqa: PLW1509 - two calls
    ) as wrk:  # fmt: skip
        if seconds < math.ceil(seconds):  # it knows whole seconds, and ends in order when told to
            time.sleep(seconds)
            wrk.send_signal(signal.SIGINT)
        said, _ = wrk.communicate()
    after = cpu_seconds(system.pids())
    if wrk.returncode or not out.exists():
        raise click.ClickException(f"wrk failed with {script} at {system.name}:\n{said}")
    used = {name: after[name] - before.get(name, 0.0) for name in after}
    return read_run(json.loads(out.read_text()), used)


def _begin(parent: int) -> None:
    die_with_parent(parent, signal.SIGKILL)
    # Told to end before it listens for that, wrk would die; so it runs for its whole second.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def read_run(found: Mapping[str, Any], cpu_s: Mapping[str, float]) -> Run:
    """A run from what a script wrote and the processor time that was used meanwhile.

    A script that looks at the answers itself counts `failures`, one that does more than one request
    for an operation tells the `durations_ms` of those that went well.
    """
    seconds = found.get("ran_out_s") or found["seconds"]
    errors = found["lost"] + found.get("failures", found["refused"])
    count, p50_ms, p99_ms = found["requests"], found["p50_ms"], found["p99_ms"]
    if "durations_ms" in found:
        durations = sorted(found["durations_ms"])
        count = len(durations)
        p50_ms, p99_ms = percentile(durations, 50), percentile(durations, 99)
    return Run(
        count=count,
        seconds=seconds,
        per_second=count / seconds,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        errors=errors,
        cpu_ms={name: 1000 * used / max(1, count) for name, used in cpu_s.items()},
    )


def percentile(ordered: list[float], percent: float) -> float:
    """The smallest value that so many percent are not above; 0 of nothing."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def cpu_seconds(pids: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Processor time, user's and system's, that the processes of each program have used so far."""
    return {name: sum(map(_cpu_seconds, some)) for name, some in pids.items()}


def _cpu_seconds(pid: int) -> float:
    fields = read_stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S if fields else 0.0


def memory_mb(pids: Mapping[str, Iterable[int]]) -> float:
    """The proportional set size of all the processes: what they share counts once."""
    return sum(_memory_kb(pid) for some in pids.values() for pid in some) / 1024


def _memory_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
