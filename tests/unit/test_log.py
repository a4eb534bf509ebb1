"""The line of a request, as it is written to stderr."""

import json
import logging
import sys

import pytest

from shop_common import log


@pytest.mark.parametrize(
    "path", ["/cart/anna", '/cart/"\\', "/cart/zoë", "/cart/\x9b2J", "/cart/\x7f"]
)
def test_line_of_a_request(
    path: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """One line of JSON, in which nothing is left that a terminal would take as a command."""
    caplog.set_level(logging.INFO, "shop.app")
    log.write_request("cart", "GET", path, 200, 0.0123)
    written = capsys.readouterr().err
    assert json.loads(written)["message"] == f"GET {path}"
    assert json.loads(written)["ms"] == 12.3
    assert written.isascii()
    assert written.removesuffix("\n").isprintable()
    caplog.set_level(logging.WARNING, "shop.app")
    log.write_request("cart", "GET", path, 200, 0.0123)
    assert capsys.readouterr().err == ""


def test_line_of_a_log_record() -> None:
    """It has the request's id, all that was said beside the message, and what went wrong."""
    log.request_id.set("r1")
    said = {"name": "shop.x", "levelname": "WARNING", "msg": "%s is away", "args": ("cart",)}
    try:
        raise LookupError("gone")
    except LookupError:
        record = logging.makeLogRecord(said | {"partner": "cart", "exc_info": sys.exc_info()})
    line = json.loads(log.JsonFormatter("orders").format(record))
    assert line.pop("time")
    assert line.pop("exception").endswith("LookupError: gone")
    assert line == {
        "level": "WARNING",
        "app": "orders",
        "logger": "shop.x",
        "message": "cart is away",
        "request_id": "r1",
        "partner": "cart",
    }
