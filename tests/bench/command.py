"""`shop bench`: its options, and the order in which everything is started, measured and ended."""

import json
import os
import platform
import shutil
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from shop_common import __version__
from shop_common.cli.nginx import get_nginx
from shop_common.cli.state import CHECKOUT
from shop_common.cli.test import get_wrk, make_environment
from tests.bench.catalogue import Amounts
from tests.bench.chart import draw
from tests.bench.measure import Run, memory_mb, run_wrk
from tests.bench.report import OPERATIONS, PURCHASES, summarise, tables
from tests.bench.systems import (
    HERE,
    Limit,
    Peer,
    ShopSystem,
    StockLimit,
    System,
    passed_settings,
    stand_in,
)

# What the peer's description does not have.
NOT_IN_PEER = ("search", "checkout")
# What a shop does without its catalogue at the same speed as with it.
WITHOUT_CATALOGUE = ("add", "read")
# The first second without the catalogue is another matter: the breakers are still closed.
WARM_UP_S = 1.0
# What the small shop has of everything, beside which a large one shows how flat it is.
SMALL = 1000


def _check_file(_ctx: click.Context, _parameter: click.Parameter, file: Path | None) -> Path | None:
    """Refused before all is measured, and not after it."""
    if file and not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise click.BadParameter(f"{file} cannot be written")
    return file


_file = click.Path(path_type=Path, dir_okay=False)


@click.command("bench")
@click.option("--products", default=1000, show_default=True, type=click.IntRange(10, 9_999_999))
@click.option("--carts", default=1000, show_default=True, type=click.IntRange(1, 10_000_000))
@click.option("--orders", default=1000, show_default=True, type=click.IntRange(0, 1_000_000))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option(
    "--seconds", default=3.0, show_default=True, type=click.FloatRange(0.1), help="Of each run."
)
@click.option("--connections", default=16, show_default=True, type=click.IntRange(1, 1000))
@click.option(
    "--only", multiple=True, type=click.Choice(list(OPERATIONS)), help="May be given repeatedly."
)
@click.option("--peer/--no-peer", default=True, help="With or without the FastAPI shop.")
@click.option(
    "--catalogue",
    default="up",
    show_default=True,
    type=click.Choice(["up", "hung", "refusing"]),
    help="Beside the shop another one whose catalogue does not answer.",
)
@click.option("--small", is_flag=True, help=f"Beside the shop another one with {SMALL} of each.")
@click.option("--json", "json_file", type=_file, callback=_check_file)
@click.option("--chart", "chart_file", type=_file, callback=_check_file)
@click.option(
    "--scratch",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Where the scratch folder is made: a real disk.  [default: the system's]",
)
def command(json_file: Path | None, chart_file: Path | None, **options: Any) -> None:
    """Measure a scratch shop beside a limit and a peer, in one run; docs/benchmark.md explains it.

    The limit is Flask's hello world on the same gunicorn settings behind the same Nginx rules, with
    gunicorn's own threads it is gthread; the peer is a plainly written FastAPI shop. They are
    measured in turn, round by round.
    """
    operations = [name for name in OPERATIONS if name in (options["only"] or OPERATIONS)]
    if options["catalogue"] != "up":
        operations = [name for name in operations if name in WITHOUT_CATALOGUE]
    if not operations:
        raise click.UsageError("without the catalogue, only adds and reads of carts are measured")
    if options["connections"] > options["products"] and {*PURCHASES} & {*operations}:
        raise click.UsageError("purchases need a product for each connection")
    options["only"] = operations
    get_nginx()
    get_wrk()
    python = None
    if options["peer"]:
        python = make_environment(CHECKOUT / ".tox" / "bench", HERE / "requirements.txt")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: nothing is left behind
    folder = Path(tempfile.mkdtemp(prefix="cornershop-bench-", dir=options["scratch"]))
    try:
        with ExitStack() as stack:
            report = _measure(_systems(folder, python, options, stack), folder, options, stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    click.echo(tables(report))
    click.echo("\n" + "\n".join(report["doctor"]))
    if json_file:
        json_file.write_text(json.dumps(report, indent=1) + "\n")
    if chart_file:
        chart_file.write_text(draw(report))
    if not report["books_balance"]:
        raise SystemExit(1)


def _systems(
    folder: Path, python: Path | None, options: dict[str, Any], stack: ExitStack
) -> list[System]:
    amounts = Amounts(options["products"], options["carts"], options["orders"])
    systems: list[System] = [ShopSystem(folder / "shop", amounts)]
    if (how := options["catalogue"]) != "up":
        silent = stand_in(how, stack)
        systems.append(ShopSystem(folder / how, amounts, how, CATALOG_URL=silent))
    if options["small"]:
        systems.append(ShopSystem(folder / "small", Amounts(SMALL, SMALL, SMALL), "small"))
    systems += [Limit(folder / "limit", amounts), StockLimit(folder / "gthread", amounts)]
    if python:
        systems.append(Peer(folder / "peer", amounts, python))
    return systems


def _measure(
    systems: list[System], folder: Path, options: dict[str, Any], stack: ExitStack
) -> dict[str, Any]:
    about: dict[str, dict[str, Any]] = {}
    for system in systems:
        _say(f"starting and filling: {system.name}")
        stack.callback(system.stop)
        system.start()
        system.load()
        about[system.name] = {"idle_mb": round(memory_mb(system.pids()), 1)}
    os.sync()  # else the disk writes what was filled while the first runs are measured
    runs: dict[str, dict[str, list[Run]]] = {name: {} for name in options["only"]}
    for number in range(1, options["rounds"] + 1):
        for operation, found in runs.items():
            for system in systems:
                if isinstance(system, Peer) and operation in NOT_IN_PEER:
                    continue
                run = _run(system, operation, number, options)
                found.setdefault(system.name, []).append(run)
                _say(
                    f"round {number}, {OPERATIONS[operation]}, {system.name}:"
                    f" {run.per_second:.0f}/s, p99 {run.p99_ms:.1f} ms, {run.errors} errors"
                )
    for system in systems:
        about[system.name] |= {
            "after_mb": round(memory_mb(system.pids()), 1),
            "start_up_s": [round(seconds, 3) for seconds in system.start_up_s],
        }
    _say("./shop doctor")
    doctors = [system.call("doctor") for system in systems if isinstance(system, ShopSystem)]
    return {
        "version": __version__,
        "machine": _machine(folder),
        "options": {name: value for name, value in options.items() if name != "scratch"},
        "settings": passed_settings(),
        "systems": about,
        "operations": summarise(runs),
        "doctor": [said for _, said in doctors],
        "books_balance": all(is_clean for is_clean, _ in doctors),
    }


def _run(system: System, operation: str, number: int, options: dict[str, Any]) -> Run:
    """One run, warmed up where it matters."""
    seconds, connections = options["seconds"], options["connections"]
    script = "read" if isinstance(system, Limit) else operation
    if script == "pay" and "order" not in options["only"]:
        run_wrk(system, "order", connections, number, seconds)
    is_degraded = system.name == options["catalogue"]
    if is_degraded or (number == 1 and script not in ("order", "pay")):
        warm_up_s = WARM_UP_S if is_degraded else min(WARM_UP_S, seconds / 3)
        run_wrk(system, script, connections, 0, warm_up_s)
    return run_wrk(system, script, connections, number, seconds)


def _machine(folder: Path) -> dict[str, Any]:
    cpu = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    # The last mount of the longest path is where the folder is.
    place = max(
        (mount for mount in mounts if folder.is_relative_to(mount[0])), key=lambda m: len(m[0])
    )
    return {
        "cpus": os.cpu_count(),
        "cpu": cpu[0] if cpu else platform.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "file_system": place[1],
    }


def _say(text: str) -> None:
    click.echo(text, err=True)
