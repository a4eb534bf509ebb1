"""Every fault of a partner that the client between the apps can meet, on real sockets."""

import multiprocessing
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from shop_common import exchange
from shop_common.exchange import MAX_BODY_BYTES
from tests.unit.faulty_server import PRODUCTS, FaultyServer
from tests.unit.partner_calls import HASTY, LATE_S, client_of, get, never_opening, outcome

CERTIFICATE = Path(__file__).with_name("localhost.pem")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("normal", "200"),
        ("chunked", "200"),
        ("empty", "200"),
        ("wrong_shape", "200"),
        ("unauthorized", "401"),
        ("not_found", "404"),
        ("refuse", "PartnerSilentError"),
        ("reset", "PartnerSilentError"),
        ("close", "PartnerSilentError"),
        ("cut", "PartnerSilentError"),
        ("cut_closing", "PartnerSilentError"),
        ("cut_chunks", "PartnerSilentError"),
        ("error_500", "BadAnswerError"),
        ("plain_503", "BadAnswerError"),
        ("not_json", "BadAnswerError"),
        ("garbage", "BadAnswerError"),
        ("redirect", "BadAnswerError"),
        ("huge", "BadAnswerError"),
        ("busy_503", "PartnerBusyError"),
    ],
)
def test_every_fault_has_its_error(server: FaultyServer, fault: str, expected: str):
    """And whatever it was, the next call works: no place, connection or probe is left behind."""
    client = client_of(server, places=1, breaker=never_opening())
    server.set_fault(fault)
    assert [get(client) for _ in range(3)] == [expected] * 3
    server.set_fault("normal")
    assert client.call("GET", "/products").body[2]["id"] == PRODUCTS[2]["id"]


@pytest.mark.parametrize(
    "fault", ["hang", "slow_first_byte", "drip_headers", "drip_body", "drip_chunks"]
)
def test_no_fault_outlives_the_deadline(server: FaultyServer, fault: str):
    client = client_of(server, breaker=never_opening(), **HASTY)
    server.slow_s = 60
    server.set_fault(fault)
    started_at = time.monotonic()
    assert get(client) == "PartnerSilentError"
    assert 0.39 <= time.monotonic() - started_at < LATE_S
    assert len(server.seen) == 1


def test_the_deadline_covers_connecting():
    """A listener whose queue is full lets nobody in, and refuses nobody."""
    with FaultyServer("deaf") as server, ExitStack() as stack:
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", server.port))
        for limits in (HASTY, {"timeout_s": 60.0, "first_byte_timeout_s": 0.4}):
            started_at = time.monotonic()
            assert get(client_of(server, **limits)) == "PartnerSilentError"
            assert 0.39 <= time.monotonic() - started_at < LATE_S


def check_that_sending_is_bounded(server: FaultyServer) -> None:
    """A request that fills all buffers, to a partner that takes nothing, or a little at a time."""
    large = {"text": "x" * 20_000_000}
    for fault in ("deaf", "sip"):
        server.set_fault(fault)
        client = client_of(server, **HASTY)
        started_at = time.monotonic()
        assert outcome(lambda c=client: c.call("POST", "/", json=large)) == "PartnerSilentError"
        # Writing the JSON down is not the partner's time.
        assert 0.39 <= time.monotonic() - started_at < LATE_S + 1


def test_the_deadline_covers_sending(server: FaultyServer):
    check_that_sending_is_bounded(server)


def test_the_first_byte_has_a_shorter_deadline_than_the_rest(server: FaultyServer):
    client = client_of(server, breaker=never_opening(), timeout_s=60.0, first_byte_timeout_s=0.2)
    server.set_fault("hang")
    started_at = time.monotonic()
    assert get(client) == "PartnerSilentError"
    assert time.monotonic() - started_at < LATE_S
    # A partner that has begun to answer gets the whole deadline for the rest.
    server.body = b"[]"
    server.drips = 10
    server.set_fault("drip_body")
    started_at = time.monotonic()
    assert get(client) == "200"
    assert time.monotonic() - started_at > 0.4


def test_a_caller_may_wait_longer_for_the_first_byte(server: FaultyServer):
    client = client_of(server, timeout_s=20.0, first_byte_timeout_s=0.1)
    server.slow_s = 0.3
    server.set_fault("slow_first_byte")
    assert get(client) == "PartnerSilentError"
    assert get(client, first_byte_timeout_s=20.0) == "200"


def test_who_may_wait_for_a_lock_is_waited_for(server: FaultyServer):
    """All that writes, and a read that says so."""
    client = client_of(server, timeout_s=20.0, first_byte_timeout_s=0.1, breaker=never_opening())
    server.slow_s = 0.3
    server.set_fault("slow_first_byte")
    assert get(client) == "PartnerSilentError"
    assert get(client, patient=True) == "200"
    assert outcome(lambda: client.call("POST", "/x", json={})) == "200"


def test_a_shorter_deadline_of_the_caller_holds(server: FaultyServer):
    server.set_fault("hang")
    started_at = time.monotonic()
    assert get(client_of(server), timeout_s=0.2) == "PartnerSilentError"
    assert time.monotonic() - started_at < LATE_S


def test_a_huge_answer_is_not_read_to_its_end(server: FaultyServer):
    """Of an honest length, and of one that says nothing; one byte less than too much is read."""
    client = client_of(server, breaker=never_opening())
    server.body = b"[" + b" " * MAX_BODY_BYTES + b"]"
    assert get(client) == "BadAnswerError"
    assert client._channel._own_adapter()._kept == [], "its rest would be the next one's answer"
    server.body = b"[" + b" " * (MAX_BODY_BYTES - 2) + b"]"
    for fault in ("normal", "chunked"):
        server.set_fault(fault)
        assert get(client) == "200"


def test_a_redirect_is_not_followed_and_the_key_goes_nowhere(server: FaultyServer):
    server.set_fault("redirect")
    assert get(client_of(server)) == "BadAnswerError"
    assert [request.target for request in server.seen] == ["/products"]


def test_no_cookie_is_kept(server: FaultyServer):
    client = client_of(server)
    server.set_fault("cookie")
    assert [get(client), get(client)] == ["200", "200"]
    assert all("cookie" not in request.headers for request in server.seen)


def test_the_environment_is_not_asked_for_a_proxy(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    assert get(client_of(server)) == "200"


def test_a_connection_is_kept_and_used_again(server: FaultyServer):
    client = client_of(server)
    for fault in ("normal", "not_found", "empty", "busy_503"):
        server.set_fault(fault)
        for _ in range(3):
            get(client)
    assert server.connections == 1
    # Whatever is not as plain as our own apps answer may be followed by anything.
    server.set_fault("chunked")
    for _ in range(3):
        assert get(client) == "200"
    assert server.connections == 3


def test_a_kept_connection_that_was_closed_meanwhile_costs_nobody_an_answer(server: FaultyServer):
    client = client_of(server)
    assert get(client) == "200"
    server.drop_connections()
    assert outcome(lambda: client.call("POST", "/orders", json={})) == "200"


def test_a_refusal_that_passes_is_not_noticed(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exchange, "CHEAP_FAILURE_S", 10)  # else not on a busy machine
    client = client_of(server)
    for fault in ("reset", "close", "cut"):
        server.set_fault(fault, times=1)
        assert get(client) == "200"
        server.set_fault(fault, times=1)
        assert outcome(lambda: client.call("POST", "/orders", json={}, safe=True)) == "200"
    assert client.status()["consecutive_failures"] == 0
    assert len(server.seen) == 12


@pytest.mark.parametrize(
    "fault", ["error_500", "plain_503", "busy_503", "not_json", "garbage", "redirect", "huge"]
)
def test_an_answer_however_bad_is_an_answer_and_not_asked_for_again(
    server: FaultyServer, fault: str
):
    server.set_fault(fault)
    assert get(client_of(server)) in ("BadAnswerError", "PartnerBusyError")
    assert len(server.seen) == 1


def test_a_failure_that_took_long_is_not_repeated(server: FaultyServer):
    server.slow_s = 0.3
    server.set_fault("late_reset")
    assert get(client_of(server)) == "PartnerSilentError"
    assert len(server.seen) == 1


def test_a_post_is_not_sent_twice_unless_that_is_safe(server: FaultyServer):
    client = client_of(server)
    server.set_fault("reset", times=1)
    assert outcome(lambda: client.call("POST", "/orders", json={})) == "PartnerSilentError"
    assert len(server.seen) == 1


def test_a_process_never_uses_its_parents_connection(server: FaultyServer):
    client = client_of(server)
    assert get(client) == "200"
    context = multiprocessing.get_context("fork")
    child = context.Process(target=lambda: os._exit(0 if get(client) == "200" else 1))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert server.connections == 2
    assert get(client) == "200"
    assert server.connections == 2


@pytest.fixture
def tls_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    """A server whose certificate the system trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with FaultyServer(tls=context) as server:
        yield server


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("normal", "200"),
        ("reset", "PartnerSilentError"),
        ("cut", "PartnerSilentError"),
        ("garbage", "BadAnswerError"),
        ("refuse", "PartnerSilentError"),
    ],
)
def test_faults_over_tls_are_the_same(tls_server: FaultyServer, fault: str, expected: str):
    client = client_of(tls_server, breaker=never_opening())
    tls_server.set_fault(fault)
    assert [get(client) for _ in range(2)] == [expected] * 2
    tls_server.set_fault("normal")
    assert get(client) == "200"


@pytest.mark.parametrize("fault", ["hang", "drip_headers", "drip_body", "deaf"])
def test_the_deadline_holds_over_tls(tls_server: FaultyServer, fault: str):
    tls_server.set_fault(fault)
    started_at = time.monotonic()
    assert get(client_of(tls_server, **HASTY)) == "PartnerSilentError"
    assert 0.39 <= time.monotonic() - started_at < LATE_S


def test_the_deadline_covers_sending_over_tls(tls_server: FaultyServer):
    check_that_sending_is_bounded(tls_server)


def test_a_certificate_that_nobody_trusts_is_refused(
    tls_server: FaultyServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SSL_CERT_FILE")
    assert get(client_of(tls_server)) == "PartnerSilentError"
    assert tls_server.seen == []
