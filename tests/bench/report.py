"""What the rounds add up to, and how it is shown; pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from tests.bench.measure import Run

OPERATIONS = {
    "add": "add to cart",
    "read": "read cart",
    "list": "list products",
    "search": "search products",
    "order": "create order",
    "pay": "pay",
    "purchase": "whole purchase",
    "checkout": "purchase of a cart",
}
# Of several requests each.
PURCHASES = ("purchase", "checkout")

Runs = Mapping[str, Mapping[str, Sequence[Run]]]  # by operation, by system, one for each round


def spread(values: Iterable[float]) -> dict[str, float]:
    ordered = sorted(values)
    found = {"median": median(ordered), "min": ordered[0], "max": ordered[-1]}
    return {name: round(value, 3) for name, value in found.items()}


def ratios(ours: Sequence[Run], theirs: Sequence[Run], of: Callable[[Run], float]) -> list[float]:
    """Ours by theirs, round by round: what disturbed one round disturbed both."""
    pairs = [(of(our), of(their)) for our, their in zip(ours, theirs, strict=True)]
    return [our / their for our, their in pairs if their]


def summarise(runs: Runs) -> dict[str, Any]:
    """By operation and system: the medians, and how the shop stands to each of the others."""
    return {
        operation: {
            system: _summary(some) | _comparison(by_system["shop"], some, system)
            for system, some in by_system.items()
        }
        for operation, by_system in runs.items()
    }


def _summary(runs: Sequence[Run]) -> dict[str, Any]:
    return {
        "per_second": spread(run.per_second for run in runs),
        "p50_ms": spread(run.p50_ms for run in runs),
        "p99_ms": spread(run.p99_ms for run in runs),
        "errors": sum(run.errors for run in runs),
        "count": sum(run.count for run in runs),
        "cpu_ms": round(median(_cpu_ms(run) for run in runs), 4),
        "cpu_ms_by_program": {
            name: round(median(run.cpu_ms[name] for run in runs), 4) for name in runs[0].cpu_ms
        },
        "rounds": [asdict(run) for run in runs],
    }


def _comparison(shop: Sequence[Run], other: Sequence[Run], system: str) -> dict[str, Any]:
    if system == "shop":
        return {}
    kinds: dict[str, Callable[[Run], float]] = {
        "shop_times_per_second": lambda run: run.per_second,
        "shop_times_p99": lambda run: run.p99_ms,
        "shop_times_cpu": _cpu_ms,
    }
    found = {name: ratios(shop, other, of) for name, of in kinds.items()}
    return {name: spread(values) for name, values in found.items() if values}


def _cpu_ms(run: Run) -> float:
    return sum(run.cpu_ms.values())


def tables(report: Mapping[str, Any]) -> str:
    """The report in Markdown, to be read in a terminal as well."""
    parts = [_operations(report["operations"]), _programs(report["operations"])]
    parts.append(_systems(report["systems"]))
    parts += [
        f"One {OPERATIONS[operation]} costs the processor time of"
        f" {_spread(found[system]['shop_times_cpu'])} hello worlds ({system})."
        for operation, found in report["operations"].items()
        if operation in PURCHASES
        for system in ("limit", "gthread")
        if "shop_times_cpu" in found.get(system, {})
    ]
    return "\n\n".join(parts)


def _operations(operations: Mapping[str, Any]) -> str:
    rows = [
        (
            OPERATIONS[operation] if system == "shop" else "",
            system,
            _spread(found["per_second"], 0),
            f"{found['p50_ms']['median']:.1f}",
            f"{found['p99_ms']['median']:.1f}",
            str(found["errors"]),
            f"{found['cpu_ms']:.2f}",
            _spread(found["shop_times_per_second"]) if "shop_times_per_second" in found else "",
            _spread(found["shop_times_p99"]) if "shop_times_p99" in found else "",
        )
        for operation, by_system in operations.items()
        for system, found in by_system.items()
    ]
    header = (
        "Operation", "System", "a second", "p50 ms", "p99 ms", "errors", "CPU ms each",
        "shop's speed / its", "shop's p99 / its",
    )  # fmt: skip
    return table(header, rows)


def _programs(operations: Mapping[str, Any]) -> str:
    """Where the shop's processor time goes, in milliseconds for one operation."""
    programs = list(dict.fromkeys(
        name for found in operations.values() for name in found["shop"]["cpu_ms_by_program"]
    ))  # fmt: skip
    rows = [
        (
            OPERATIONS[operation],
            *(f"{found['shop']['cpu_ms_by_program'].get(name, 0):.2f}" for name in programs),
            f"{found['shop']['cpu_ms']:.2f}",
        )
        for operation, found in operations.items()
    ]
    return table(("CPU ms of the shop", *programs, "all"), rows)


def _systems(systems: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            f"{found['start_up_s'][0]:.2f}",
            f"{found['start_up_s'][-1]:.2f}" if len(found["start_up_s"]) > 1 else "",
            f"{found['idle_mb']:.0f}",
            f"{found['after_mb']:.0f}",
        )
        for name, found in systems.items()
    ]
    header = ("System", "first start s", "start with data s", "idle MB", "after MB")
    return table(header, rows)


def _spread(found: Mapping[str, float], digits: int = 2) -> str:
    low, high = f"{found['min']:.{digits}f}", f"{found['max']:.{digits}f}"
    return f"{found['median']:.{digits}f} ({low}..{high})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([line(header), rule, *map(line, rows)])
