"""What is counted, in the process and over all workers of an app; served at /metrics."""

import functools
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client import values as _values

REQUESTS = Counter("http_requests_total", "Requests answered.", ["operation", "status"])
REQUEST_SECONDS = Histogram(
    "http_request_seconds",
    "Time to answer a request.",
    ["operation"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
PARTNER_CALLS = Counter("partner_calls_total", "Calls to another app.", ["partner", "outcome"])
FAIL_OPEN = Counter("fail_open_total", "Checks let through unchecked.", ["policy"])
LINES_LOST = Counter("log_lines_lost_total", "Requests not logged.", ["operation"])
OUTBOX_SENT = Counter("outbox_sent_total", "Outbox rows sent.", ["topic", "outcome"])


def count_request(operation: str, status: int, seconds: float) -> None:
    count(REQUESTS, operation, status)
    _labelled(REQUEST_SECONDS, operation).observe(seconds)


def count(counter: Counter, *labels: object) -> None:
    _labelled(counter, *labels).inc()


@functools.cache
def _labelled(metric: Any, *labels: object) -> Any:
    # Finding it by its labels costs as much as counting.
    return metric.labels(*labels)


def exposition() -> bytes:
    """All metrics of this app in Prometheus' text format, summed over its workers."""
    if _values.ValueClass is _values.MutexValue:  # one process only, as in tests
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # has no types
    return generate_latest(registry)
