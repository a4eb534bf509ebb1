"""The pure parts of the benchmark: what wrk found, what the rounds add up to, how it is shown."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.bench import catalogue, chart, report
from tests.bench.command import command
from tests.bench.measure import Run, percentile, read_run

LUA = Path(__file__).parents[1] / "bench" / "lua"
FOUND = {"requests": 30, "seconds": 3.0, "lost": 1, "refused": 2, "p50_ms": 5.0, "p99_ms": 9.0}


def run(per_second: float, p99_ms: float = 8.0, cpu_ms: float = 1.0) -> Run:
    return Run(100, 1.0, per_second, 4.0, p99_ms, 1, {"cart": cpu_ms, "nginx": cpu_ms})


def example() -> dict[str, object]:
    """A report of two rounds of two operations."""
    runs = {
        "add": {"shop": [run(100), run(300)], "peer": [run(50, 80), run(60, 80)]},
        "purchase": {
            "shop": [run(10, cpu_ms=9)] * 2,
            "limit": [run(500)] * 2,
            "gthread": [run(250, cpu_ms=3)] * 2,
        },
    }
    about = {"idle_mb": 120.4, "after_mb": 200.6, "start_up_s": [0.9, 1.1]}
    return {"operations": report.summarise(runs), "systems": {"shop": about}}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--products", "10", "--connections", "11"], "a product for each connection"),
        (["--catalogue", "hung", "--only", "pay"], "only adds and reads"),
        (["--json", "/nonexistent/bench.json"], "/nonexistent/bench.json cannot be written"),
        (["--chart", "/nonexistent/bench.svg"], "/nonexistent/bench.svg cannot be written"),
    ],
)
def test_options_that_cannot_be_met(options: list[str], said: str) -> None:
    """Are refused before anything is installed or started."""
    result = CliRunner().invoke(command, options)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(("percent", "expected"), [(50, 2), (51, 3), (99, 4), (100, 4), (1, 1)])
def test_percentile(percent: float, expected: float) -> None:
    """The nearest that was really measured."""
    assert percentile([1, 2, 3, 4], percent) == expected


def test_percentile_of_nothing() -> None:
    """A run that finished no operation is no error."""
    assert percentile([], 99) == 0


def test_requests_are_counted_by_wrk() -> None:
    """Lost and refused ones are errors; processor time is by request."""
    found = read_run(FOUND, {"cart": 0.6, "nginx": 0.03})
    assert (found.count, found.per_second, found.errors) == (30, 10.0, 3)
    assert (found.p50_ms, found.p99_ms) == (5.0, 9.0)
    assert found.cpu_ms == {"cart": 20.0, "nginx": 1.0}


def test_a_script_that_judges_answers_counts_failures() -> None:
    """What it calls a failure is not counted once more for its status."""
    assert read_run({**FOUND, "failures": 4}, {}).errors == 5


def test_orders_that_ran_out_end_the_time() -> None:
    """The rest of the run was idle."""
    assert read_run({**FOUND, "ran_out_s": 1.5}, {}).per_second == 20
    assert read_run({**FOUND, "ran_out_s": 0.0}, {}).per_second == 10


def test_operations_of_several_requests() -> None:
    """They count as one each, with their own durations."""
    found = read_run({**FOUND, "failures": 0, "durations_ms": [30.0, 10.0, 20.0]}, {"cart": 0.3})
    assert (found.count, found.per_second, found.p50_ms, found.p99_ms) == (3, 1.0, 20.0, 30.0)
    assert found.cpu_ms == {"cart": pytest.approx(100.0)}
    assert read_run({**FOUND, "failures": 7, "durations_ms": []}, {"cart": 0.3}).count == 0


def test_ratios_are_of_pairs() -> None:
    """Each round against its own; the spread shows what the machine did meanwhile."""
    add = report.summarise({"add": {"shop": [run(100), run(300)], "peer": [run(50), run(60)]}})
    peer = add["add"]["peer"]
    assert peer["shop_times_per_second"] == {"median": 3.5, "min": 2.0, "max": 5.0}
    assert peer["shop_times_p99"]["median"] == 1.0
    assert peer["errors"] == 2
    assert "shop_times_per_second" not in add["add"]["shop"]


def test_a_system_that_did_nothing_has_no_ratio() -> None:
    """Rather than a division by zero."""
    idle = report.summarise({"add": {"shop": [run(100)], "peer": [run(0, 0, 0)]}})
    assert "shop_times_per_second" not in idle["add"]["peer"]
    assert "add to cart" in report.tables({"operations": idle, "systems": {}})


def test_tables() -> None:
    """Every figure stands where a reader looks for it, in columns of one width."""
    text = report.tables(example())
    assert "| add to cart    | shop    | 200 (100..300) |" in text
    assert "3.50 (2.00..5.00)" in text
    assert "| shop   | 0.90          | 1.10              | 120     | 201      |" in text
    assert "One whole purchase costs the processor time of 9.00 (9.00..9.00) hello worlds" in text
    assert "costs the processor time of 3.00 (3.00..3.00) hello worlds (gthread)" in text
    for part in text.split("\n\n")[:3]:
        assert len({len(line) for line in part.splitlines()}) == 1


def test_chart() -> None:
    """Well-formed, with a bar for each figure and nothing outside the picture."""
    root = ET.fromstring(chart.draw(example()))
    width = float(root.attrib["viewBox"].split()[2])
    bars = [e for e in root.iter() if e.tag.endswith("rect") and float(e.attrib["y"]) >= 40]
    assert len(bars) == 5
    assert all(float(e.attrib["x"]) + float(e.attrib["width"]) <= width for e in bars)


@pytest.mark.parametrize("beside", ["small", "hung", "refusing"])
def test_the_legend_stays_in_the_picture(beside: str) -> None:
    """However many systems there are, above the first bar and never past the edge."""
    systems = {name: [run(100)] for name in ("shop", beside, "limit", "gthread", "peer")}
    drawn = {"operations": report.summarise({"add": systems})}
    root = ET.fromstring(chart.draw(drawn))
    width = float(root.attrib["viewBox"].split()[2])
    texts = [element for element in root.iter() if element.tag.endswith("text")]
    legend, bar = texts[:5], texts[5]
    for element in legend:
        assert float(element.attrib["x"]) + 7 * len(element.text or "") <= width
        assert float(element.attrib["y"]) < float(bar.attrib["y"]) - 12


def test_the_scripts_draw_from_what_was_loaded() -> None:
    """What stands in the Lua files too is the same there."""
    common, search = (LUA / "common.lua").read_text(), (LUA / "search.lua").read_text()
    assert f"LINES = {catalogue.LINES}\n" in common
    assert f"STRIDE = {catalogue.STRIDE}\n" in common
    assert "return 1 + ((user - 1) * LINES + line) * STRIDE % PRODUCTS" in common
    assert "return 1 + product % 50" in common
    for name, words in (("first", catalogue.FIRST), ("second", catalogue.SECOND)):
        found = re.search(rf"local {name} = {{ (.*) }}", search)
        assert found
        assert found[1] == ", ".join(f'"{word.lower()}"' for word in words)


@pytest.mark.parametrize("products", [10, 1000, 4096, 100_000])
def test_carts_name_products_all_over_the_catalogue(products: int) -> None:
    """No cart names one twice, and together they miss none."""
    carts = [
        [catalogue.product_of(user, line, products) for line in range(catalogue.LINES)]
        for user in range(1, products // catalogue.LINES + 1)
    ]
    assert all(len(set(cart)) == catalogue.LINES for cart in carts)
    named = {product for cart in carts for product in cart}
    assert len(named) == catalogue.LINES * len(carts) > products - catalogue.LINES
