"""A partner and many threads: places, the breaker, probes."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from shop_common.breaker import Breaker
from tests.network import SEND
from tests.unit.faulty_server import FaultyServer
from tests.unit.partner_calls import LATE_S, client_of, get, opened_client, until


def test_no_more_calls_are_under_way_than_there_are_places(
    server: FaultyServer, pool: ThreadPoolExecutor
):
    client = client_of(server, places=2)
    assert get(client) == "200"  # two threads that are the first ones have an adapter each
    server.set_fault("hang")
    calls = [pool.submit(get, client) for _ in range(8)]
    until(lambda: len(server.seen) == 3)
    server.set_fault("normal")
    assert [call.result(30) for call in calls] == ["200"] * 8
    assert server.connections == 2


def test_without_a_place_a_call_is_busy_and_not_let_through(
    server: FaultyServer, pool: ThreadPoolExecutor
):
    client = client_of(server, places=1)
    server.set_fault("hang")
    holder = pool.submit(get, client)
    until(lambda: len(server.seen) == 1)
    started_at = time.monotonic()
    assert get(client, timeout_s=0.2) == "NoPlaceError"
    assert 0.19 <= time.monotonic() - started_at < LATE_S
    assert client.status()["consecutive_failures"] == 0
    server.set_fault("normal")
    assert holder.result(30) == "200"


def test_a_call_that_queued_too_long_does_not_accuse_the_partner(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
):
    """It got its place when less than half of its time was left."""

    class LatePlace:
        def acquire(self, timeout: float) -> bool:
            time.sleep(timeout * 0.6)
            return True

        def release(self) -> None: ...

    client = client_of(server)
    monkeypatch.setattr(client, "_places", LatePlace())
    server.set_fault("hang")
    assert get(client, timeout_s=0.5) == "NoPlaceError"
    assert client.status()["consecutive_failures"] == 0
    server.set_fault("reset")  # which took none of its time
    assert get(client, timeout_s=3) == "PartnerSilentError"


def test_a_hung_partner_costs_a_crowd_two_time_outs(server: FaultyServer, pool: ThreadPoolExecutor):
    """The queue behind those who found out drains at once, and later callers do not even queue."""
    breaker = Breaker(least_open_s=3600)
    client = client_of(server, first_byte_timeout_s=0.3, places=2, breaker=breaker)
    server.set_fault("hang")
    started_at = time.monotonic()
    results = list(pool.map(lambda _: get(client), range(24)))
    assert time.monotonic() - started_at < LATE_S
    # Three wait in vain if one gets the first one's place before the second one gives up.
    slow = results.count("PartnerSilentError")
    assert slow in (2, 3)
    assert results.count("BreakerOpenError") == 24 - slow
    assert len(server.seen) == slow
    assert get(client) == "BreakerOpenError"


def test_a_dripping_partner_is_slow_for_at_most_five_of_twelve(server: FaultyServer):
    clients = [client_of(server, timeout_s=0.4, first_byte_timeout_s=0.2) for _ in range(2)]
    server.set_fault("drip_body")
    results = [get(clients[number % 2]) for number in range(12)]
    assert results.count("PartnerSilentError") <= 5
    assert results.count("BreakerOpenError") == 12 - results.count("PartnerSilentError")


def test_the_breaker_lets_one_probe_through_and_closes_on_success(
    server: FaultyServer, pool: ThreadPoolExecutor
):
    seconds = [100.0]
    client = client_of(server, places=2, breaker=Breaker(clock=lambda: seconds[0]))
    server.set_fault("error_500")
    assert [get(client), get(client), get(client)] == ["BadAnswerError"] * 2 + ["BreakerOpenError"]
    status = client.status()
    assert status["state"] == "open"
    assert str(status["opened_at"]).endswith("Z")
    server.set_fault("hang")
    seconds[0] += 2
    probe = pool.submit(get, client)
    until(lambda: len(server.seen) == 3)
    assert client.status()["state"] == "half-open"
    assert [get(client) for _ in range(5)] == ["BreakerOpenError"] * 5
    server.set_fault("normal")
    assert probe.result(30) == "200"
    assert client.status() == {"state": "closed", "consecutive_failures": 0}


def test_a_probe_that_meets_a_bug_leaves_no_place_taken_and_no_probe_behind(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
):
    breaker = Breaker(least_open_s=0.0, open_factor=0.0)
    client = client_of(server, places=1, breaker=breaker)
    server.set_fault("error_500")
    assert [get(client), get(client)] == ["BadAnswerError"] * 2
    server.set_fault("normal")

    class DiedError(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise DiedError

    with monkeypatch.context() as patch:
        patch.setattr(SEND, die)
        with pytest.raises(DiedError):
            client.call("GET", "/products")
    assert client.status()["state"] == "open"
    assert get(client) == "200"


def test_a_probing_call_closes_an_open_breaker(server: FaultyServer):
    client = opened_client(server)
    assert get(client, probe=True) == "BadAnswerError"
    assert get(client) == "BreakerOpenError"
    server.set_fault("normal")
    assert get(client, probe=True) == "200"
    assert get(client) == "200"


def test_a_probe_that_finds_the_partner_busy_closes_the_breaker(server: FaultyServer):
    client = opened_client(server)
    server.set_fault("busy_503")
    assert get(client, probe=True) == "PartnerBusyError"
    assert client.status()["state"] == "closed"


@pytest.mark.parametrize("places", [1, 2, 8])
@pytest.mark.parametrize(
    ("found", "result", "afterwards"),
    [("normal", "200", "200"), ("error_500", "BadAnswerError", "BreakerOpenError")],
)
def test_one_probing_call_goes_ahead_and_those_with_a_place_use_what_it_found(
    server: FaultyServer,
    pool: ThreadPoolExecutor,
    places: int,
    found: str,
    result: str,
    afterwards: str,
):
    """Whoever finds no place does not wait: that would be a thread that a hung partner holds."""
    client = opened_client(server, places=places)
    server.set_fault("hang")
    first = pool.submit(get, client, probe=True)
    until(lambda: len(server.seen) == 1)
    others = [pool.submit(get, client, probe=True) for _ in range(7)]
    until(lambda: sum(call.done() for call in others) == 8 - places)
    until(lambda: client._places._value == 0)
    assert get(client) == "BreakerOpenError"
    assert len(server.seen) == 1
    server.set_fault(found)
    results = [call.result(30) for call in others]
    assert first.result(30) == result
    assert results.count(afterwards) == places - 1
    assert results.count("NoPlaceError") == 8 - places
    assert len(server.seen) == (places if found == "normal" else 1)


def test_a_probing_call_waits_for_another_no_longer_than_it_may(
    server: FaultyServer, pool: ThreadPoolExecutor
):
    client = opened_client(server, places=2)
    server.set_fault("hang")
    first = pool.submit(get, client, probe=True)
    until(lambda: len(server.seen) == 1)
    assert get(client, probe=True, timeout_s=0.1) == "BreakerOpenError"
    server.set_fault("normal")
    assert first.result(30) == "200"


def test_many_threads_get_through_a_live_partner(server: FaultyServer, pool: ThreadPoolExecutor):
    client = client_of(server, places=4)
    assert list(pool.map(lambda _: get(client), range(400))) == ["200"] * 400
    assert server.connections <= 4
