"""What the tests of calls to a partner share: clients of a faulty server, and their outcomes."""

import time
from collections.abc import Callable
from typing import Any

from shop_common.breaker import Breaker
from shop_common.errors import BusyError
from shop_common.exchange import Answer
from shop_common.http_client import HttpClient
from tests.unit.faulty_server import FaultyServer

# What a call with a deadline of 0.4 s may take on a busy machine; without one it takes ten seconds.
LATE_S = 4.0
HASTY = {"timeout_s": 0.4, "first_byte_timeout_s": 0.4}
# For calls whose outcome is not about time.
UNHURRIED = {"timeout_s": 20.0, "first_byte_timeout_s": 20.0}


def client_of(server: FaultyServer, **options: Any) -> HttpClient:
    return HttpClient("catalog", server.url, "secret-key-123", **(UNHURRIED | options))


def never_opening() -> Breaker:
    return Breaker(failures_to_open=1_000_000)


def outcome(function: Callable[[], Answer]) -> str:
    """The class of the error, or the status of the answer."""
    try:
        return str(function().status)
    except BusyError as error:
        return type(error).__name__


def get(client: HttpClient, **options: Any) -> str:
    return outcome(lambda: client.call("GET", "/products", **options))


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread; fail if it does not within 10 s."""
    ends_at = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends_at, "it did not happen"
        time.sleep(0.005)


def opened_client(server: FaultyServer, **options: Any) -> HttpClient:
    """A client whose breaker is open and will not let a probe through by itself."""
    client = client_of(server, breaker=Breaker(least_open_s=3600), **options)
    server.set_fault("error_500")
    assert [get(client), get(client), get(client)] == ["BadAnswerError"] * 2 + ["BreakerOpenError"]
    server.seen.clear()
    return client
