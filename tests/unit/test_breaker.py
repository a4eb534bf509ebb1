"""The circuit breaker, its clock turned by hand."""

import threading

import pytest

from shop_common.breaker import Attempt, Breaker


class HandClock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def admitted(breaker: Breaker, *, force: bool = False) -> Attempt:
    attempt = breaker.admit(5.0, force=force)
    assert attempt is not None
    return attempt


def opened(clock: HandClock, took_s: float = 0.0) -> Breaker:
    """A breaker that has just opened, its last failing call having taken `took_s`."""
    breaker = Breaker(clock=clock)
    for _ in range(2):
        attempt = admitted(breaker)
        clock.now += took_s
        breaker.settle(attempt, works=False)
    return breaker


def state(breaker: Breaker) -> object:
    return breaker.status()["state"]


def test_one_failure_does_not_open():
    breaker = Breaker(clock=HandClock())
    assert breaker.settle(admitted(breaker), works=False) is False
    assert not breaker.refuses()
    assert breaker.status() == {"state": "closed", "consecutive_failures": 1}


def test_only_consecutive_failures_open():
    breaker = Breaker(clock=HandClock())
    for works in (False, True, False):
        breaker.settle(admitted(breaker), works=works)
    assert state(breaker) == "closed"
    assert breaker.settle(admitted(breaker), works=False) is True
    assert state(breaker) == "open"
    assert breaker.refuses()
    assert breaker.admit(5.0) is None


def test_a_call_that_found_out_nothing_does_not_count():
    breaker = Breaker(clock=HandClock())
    breaker.settle(admitted(breaker), works=False)
    breaker.settle(admitted(breaker), works=None)
    assert breaker.status()["consecutive_failures"] == 1
    breaker.settle(admitted(breaker), works=False)
    assert state(breaker) == "open"


def test_a_quick_failure_opens_for_two_seconds():
    clock = HandClock()
    breaker = opened(clock)
    clock.now += 1.99
    assert breaker.refuses()
    clock.now += 0.01
    assert not breaker.refuses()


def test_a_slow_failure_opens_for_four_times_its_length():
    clock = HandClock()
    breaker = opened(clock, took_s=5.0)
    clock.now += 19.9
    assert breaker.refuses()
    clock.now += 0.1
    assert not breaker.refuses()


@pytest.mark.parametrize("failure_s", [0.3, 0.5, 1.0, 5.0])
def test_at_most_five_of_twelve_calls_over_two_processes_are_slow(failure_s: float):
    """Each process has its own breaker; which of them gets a call is chance, so try each order."""
    for order in range(2**12):
        clock = HandClock()
        breakers = (Breaker(clock=clock), Breaker(clock=clock))
        slow = 0
        for number in range(12):
            breaker = breakers[order >> number & 1]
            attempt = breaker.admit(5.0)
            if attempt is not None:
                slow += 1
                clock.now += failure_s
                breaker.settle(attempt, works=False)
            clock.now += 0.02
        assert slow <= 5


def test_exactly_one_probe_is_let_through():
    clock = HandClock()
    breaker = opened(clock)
    clock.now += 2
    probe = admitted(breaker)
    assert state(breaker) == "half-open"
    assert breaker.refuses()
    assert [breaker.admit(5.0) for _ in range(10)] == [None] * 10
    assert breaker.settle(probe, works=True) is True
    assert breaker.status() == {"state": "closed", "consecutive_failures": 0}
    assert not breaker.refuses()


def test_a_failed_probe_opens_anew():
    clock = HandClock()
    breaker = opened(clock)
    clock.now += 2
    probe = admitted(breaker)
    clock.now += 1
    assert breaker.settle(probe, works=False) is False
    assert state(breaker) == "open"
    clock.now += 3.99
    assert breaker.refuses()
    clock.now += 0.01
    assert not breaker.refuses()


def test_a_probe_that_found_out_nothing_leaves_room_for_the_next():
    clock = HandClock()
    breaker = opened(clock)
    clock.now += 2
    breaker.settle(admitted(breaker), works=None)
    assert state(breaker) == "open"
    assert breaker.admit(5.0) is not None


def test_a_probe_that_never_came_back_is_replaced_and_then_ignored():
    clock = HandClock()
    breaker = opened(clock)
    clock.now += 2
    lost = admitted(breaker)
    clock.now += 5
    assert state(breaker) == "open"
    second = admitted(breaker)
    assert breaker.settle(lost, works=True) is False
    assert state(breaker) == "half-open"
    breaker.settle(second, works=True)
    assert state(breaker) == "closed"


def test_a_call_from_before_the_opening_says_nothing_about_now():
    clock = HandClock()
    breaker = Breaker(clock=clock)
    early = [admitted(breaker) for _ in range(4)]
    breaker.settle(early[0], works=False)
    breaker.settle(early[1], works=False)
    assert breaker.settle(early[2], works=True) is False
    assert state(breaker) == "open"
    clock.now += 2
    breaker.settle(admitted(breaker), works=True)
    breaker.settle(early[3], works=False)
    assert breaker.status()["consecutive_failures"] == 0


def test_force_probes_an_open_breaker_before_its_time_but_not_twice_at_once():
    breaker = opened(HandClock())
    probe = admitted(breaker, force=True)
    assert breaker.admit(5.0, force=True) is None
    assert breaker.admit(5.0) is None
    breaker.settle(probe, works=True)
    assert state(breaker) == "closed"


def test_a_forced_probe_that_fails_never_brings_the_next_one_forward():
    clock = HandClock()
    breaker = opened(clock, took_s=5.0)
    probe = admitted(breaker, force=True)
    clock.now += 0.3
    breaker.settle(probe, works=False)
    clock.now += 19.6
    assert breaker.refuses()
    clock.now += 0.2
    assert not breaker.refuses()


def test_forced_probes_that_fail_never_put_the_next_one_off():
    """However many there are: the partner may only be too slow for these."""
    clock = HandClock()
    breaker = opened(clock)
    for _ in range(4):
        probe = admitted(breaker, force=True)
        clock.now += 0.3
        breaker.settle(probe, works=False)
        clock.now += 0.4
    assert not breaker.refuses()
    breaker.settle(admitted(breaker), works=True)
    assert state(breaker) == "closed"


def test_an_old_long_opening_does_not_lengthen_a_new_short_one():
    clock = HandClock()
    breaker = opened(clock, took_s=5.0)
    breaker.settle(admitted(breaker, force=True), works=True)
    for _ in range(2):
        breaker.settle(admitted(breaker), works=False)
    clock.now += 2
    assert not breaker.refuses()


def test_status_says_since_when_and_until_when():
    clock = HandClock()
    breaker = opened(clock)
    clock.now += 0.5
    assert breaker.status() == {
        "state": "open",
        "consecutive_failures": 2,
        "open_for_s": 0.5,
        "probe_in_s": 1.5,
    }


def test_waiting_for_a_probe_ends_with_what_it_found():
    for works in (True, False):
        breaker = opened(HandClock())
        probe = admitted(breaker, force=True)
        found: list[bool] = []
        waiting = threading.Thread(target=lambda b=breaker, f=found: f.append(b.wait_for_probe(30)))
        waiting.start()
        breaker.settle(probe, works=works)
        waiting.join(10)
        assert found == [works]


def test_waiting_for_a_probe_is_bounded_and_needs_none():
    breaker = opened(HandClock())
    assert breaker.wait_for_probe(30) is False
    admitted(breaker, force=True)
    assert breaker.status()["state"] == "half-open"
    assert breaker.wait_for_probe(0.01) is False


def test_of_many_threads_one_becomes_the_probe():
    clock = HandClock()
    breaker = opened(clock)
    clock.now += 2
    gate = threading.Barrier(16)
    let_through: list[Attempt] = []

    def ask() -> None:
        gate.wait(10)
        attempt = breaker.admit(5.0)
        if attempt is not None:
            let_through.append(attempt)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(let_through) == 1
