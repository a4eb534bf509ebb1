"""The benchmark itself: it measures all that it says without an error; how fast, nobody asserts."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.bench.catalogue import Amounts
from tests.bench.measure import run_wrk
from tests.bench.report import OPERATIONS
from tests.bench.systems import Limit
from tests.system.running import APPS, CHECKOUT


def test_bench(tmp_path: Path) -> None:
    """A short run fills every table and file, has no error, ends clean and leaves nothing."""
    done = subprocess.run(
        [
            sys.executable, "-m", "shop_common.cli", "bench", "--no-peer", "--small",
            "--rounds", "1", "--seconds", "0.3", "--products", "20", "--carts", "10",
            "--orders", "30", "--connections", "4", "--scratch", str(tmp_path),
            "--json", str(tmp_path / "bench.json"), "--chart", str(tmp_path / "bench.svg"),
        ],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The books balance" in done.stdout
    report = json.loads((tmp_path / "bench.json").read_text())
    assert report["books_balance"]
    assert list(report["operations"]) == list(OPERATIONS)
    for operation, by_system in report["operations"].items():
        assert f"| {OPERATIONS[operation]} " in done.stdout
        assert list(by_system) == ["shop", "small", "limit", "gthread"]
        for found in by_system.values():
            assert found["errors"] == 0, operation
            assert len(found["rounds"]) == 1
        assert set(by_system["shop"]["cpu_ms_by_program"]) == {"supervisor", *APPS, "nginx"}
    for found in report["systems"].values():
        assert 0 < found["idle_mb"] < 2000
        assert found["start_up_s"][0] > 0
    assert (tmp_path / "bench.svg").read_text().startswith("<svg ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.json", "bench.svg"]


def test_a_bench_that_is_told_to_end(tmp_path: Path) -> None:
    """By SIGTERM as by Ctrl-C: it leaves no process and no file."""
    with subprocess.Popen(
        [
            sys.executable, "-m", "shop_common.cli", "bench", "--no-peer",
            "--rounds", "1000", "--scratch", str(tmp_path),
        ],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, stderr=subprocess.PIPE, text=True,
    ) as bench:  # fmt: skip
        assert bench.stderr
        assert any("filling: limit" in line for line in bench.stderr)
        bench.terminate()
        bench.communicate(timeout=60)
    assert bench.returncode == 130
    assert not list(tmp_path.iterdir())


def test_a_run_that_ends_before_wrk_listens(tmp_path: Path) -> None:
    """It is a longer run than was asked for, and no failed one."""
    limit = Limit(tmp_path / "limit", Amounts(products=10, carts=10, orders=10))
    try:
        limit.start()
        run = run_wrk(limit, "read", connections=2, number=1, seconds=0.001)
    finally:
        limit.stop()
    assert run.count
    assert not run.errors
