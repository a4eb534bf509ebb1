"""A chart of the report as SVG: for each operation a bar a system, its length the speed."""

from collections.abc import Mapping
from html import escape
from typing import Any

from tests.bench.report import OPERATIONS

WIDTH = 720
LABEL = 130
NUMBER = 130
BAR = 14
GAP = 12
COLOURS = {"shop": "#0b7a5b", "limit": "#b9c2c8", "gthread": "#8d99a1", "peer": "#d98a2b"}
OTHER = "#5b6bbf"
NAMES = {
    "shop": "Cornershop",
    "small": "Cornershop with little in it",
    "limit": "Flask's hello world on its worker",
    "gthread": "the same on gunicorn's threads",
    "peer": "FastAPI, plainly written",
}


def draw(report: Mapping[str, Any]) -> str:
    operations = report["operations"]
    systems = list(dict.fromkeys(name for found in operations.values() for name in found))
    longest = max(
        f["per_second"]["median"] for found in operations.values() for f in found.values()
    )
    scale = (WIDTH - LABEL - NUMBER) / max(longest, 1)
    body, y = _legend(systems)
    for operation, found in operations.items():
        middle = y + len(found) * BAR / 2 + 4
        body += [_text(LABEL - 10, middle, OPERATIONS[operation], 'text-anchor="end"')]
        for system, figures in found.items():
            speed = figures["per_second"]["median"]
            length = max(1.0, speed * scale)
            body += [
                f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR - 2}"'
                f' fill="{COLOURS.get(system, OTHER)}"/>',
                _text(LABEL + length + 6, y + 10, f"{speed:,.0f} a second", 'class="small"'),
            ]
            y += BAR
        y += GAP
    style = (
        "text{font:13px system-ui,sans-serif;fill:#24292f}.small{font-size:11px}"
        "@media(prefers-color-scheme:dark){text{fill:#d7dde3}}"
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img">',
            "<title>Operations a second through Nginx</title>",
            f"<style>{style}</style>",
            *body,
            "</svg>\n",
        ]
    )


def _legend(systems: list[str]) -> tuple[list[str], int]:
    """Which colour is whose, in as many lines as it takes, and where they end."""
    parts, x, y = [], LABEL, 10
    for system in systems:
        name = NAMES.get(system, f"Cornershop, catalogue {system}")
        width = 40 + 8 * len(name)
        if x + width > WIDTH:
            x, y = LABEL, y + 20
        colour = COLOURS.get(system, OTHER)
        parts.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(x + 18, y + 11, name, ""))
        x += width
    return parts, y + 30


def _text(x: float, y: float, text: str, attributes: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escape(text)}</text>'
