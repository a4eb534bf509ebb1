"""JSON log lines that carry the request id; nothing secret is ever put into one."""

import json
import logging
import sys
from contextvars import ContextVar

from shop_common import clock, json_text

_requests = logging.getLogger("shop.app")
request_id: ContextVar[str] = ContextVar("request_id", default="")

# What every LogRecord has; anything else came in through `extra=` and belongs in the line.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_encode = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, app, logger, message, request_id and `extra`."""

    def __init__(self, app: str) -> None:
        super().__init__()
        self.app = app

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": clock.to_iso(clock.now()),
            "level": record.levelname,
            "app": self.app,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line)


# The operations that apps or probes ask for day and night: their successes, which would be most of
# a quiet shop's log, are not in it.
POLLED: set[str] = set()


def write_request(app: str, method: str, path: str, status: int, seconds: float) -> None:
    """Write the line of a request that was answered.

    As JsonFormatter would; but every request has one, and a LogRecord costs more than the line.
    """
    if _requests.isEnabledFor(logging.INFO):
        line = {
            "time": clock.to_iso(clock.now()),
            "level": "INFO",
            "app": app,
            "logger": _requests.name,
            "message": f"{method} {path}",
            "request_id": request_id.get(),
            "status": status,
            "ms": round(seconds * 1000, 2),
        }
        # Of other characters a terminal may take some as commands.
        is_harmless = path.isascii() and path.isprintable()
        sys.stderr.write((json_text.dump if is_harmless else _encode)(line) + "\n")
