"""What the client between the apps sends, answers, counts and logs."""

import json
import logging
import socket
from decimal import Decimal
from pathlib import Path

import pytest
import responses
from prometheus_client import REGISTRY

from shop_common import __version__
from shop_common.db.sqlite import SQLiteDatabase
from shop_common.exchange import Answer, BadAnswerError, PartnerBusyError
from shop_common.http_client import HttpClient
from shop_common.log import JsonFormatter, request_id
from tests.network import SEND
from tests.unit.faulty_server import FaultyServer
from tests.unit.partner_calls import (
    client_of,
    get,
    opened_client,
    outcome,
)

URL = "http://catalog.test:8002"
responses.mock.target = SEND  # for `activate`


@responses.activate
def test_an_answer_has_status_and_body():
    responses.get(f"{URL}/products/1", body='{"id": 1, "price": 999.99}')
    answer = HttpClient("catalog", URL, "secret-key-123").call("GET", "/products/1")
    assert answer.status == 200
    assert answer.body == {"id": 1, "price": Decimal("999.99")}
    assert type(answer.body["price"]) is Decimal
    assert type(answer.body["id"]) is int


@responses.activate
def test_key_agent_and_request_id_are_sent():
    responses.get(f"{URL}/products", json=[])
    client = HttpClient("catalog", URL, "secret-key-123")
    token = request_id.set("req-1")
    try:
        client.call("GET", "/products", params={"ids": [1, 2], "q": "a b&c"})
    finally:
        request_id.reset(token)
    client.call("GET", "/products")
    first, second = (call.request for call in responses.calls)
    assert first.url == f"{URL}/products?ids=1&ids=2&q=a+b%26c"
    assert dict(first.headers) == {
        "X-API-Key": "secret-key-123",
        "Accept": "application/json",
        "User-Agent": f"cornershop/{__version__}",
        "X-Request-ID": "req-1",
    }
    assert "X-Request-ID" not in second.headers


@pytest.mark.parametrize(
    ("host", "family"), [("localhost", socket.AF_INET), ("127.0.0.1", socket.AF_UNSPEC)]
)
def test_localhost_is_where_our_apps_listen(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch, host: str, family: int
):
    """At ::1, which many machines call localhost too, a stranger may listen for the key.

    Of several addresses the first one counts that answers.
    """
    asked = []
    look_up = socket.getaddrinfo

    def heard(name, port, family=0, kind=0):
        asked.append((name, family))
        nobody = (socket.AF_INET, kind, 0, "", ("127.0.0.1", 1))
        return [nobody, *look_up(name, port, family, kind)]

    monkeypatch.setattr(socket, "getaddrinfo", heard)
    client = HttpClient("catalog", f"http://{host}:{server.port}", "secret-key-123")
    assert client.call("GET", "/products").status == 200
    assert asked == [(host, family)]


def test_a_json_body_arrives_with_its_length(server: FaultyServer):
    client_of(server).call("POST", "/reservations", json={"name": "Käse", "items": []})
    request = server.seen[0]
    assert (request.method, request.target) == ("POST", "/reservations")
    assert json.loads(request.body) == {"name": "Käse", "items": []}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"


@responses.activate
def test_not_a_number_is_never_sent():
    with pytest.raises(ValueError, match="JSON"):
        HttpClient("catalog", URL, "k").call("POST", "/", json={"price": float("nan")})


@responses.activate
@pytest.mark.parametrize("status", [200, 201, 202, 400, 401, 403, 404, 409, 422, 429])
def test_2xx_and_4xx_are_answers(status: int):
    responses.get(f"{URL}/x", json={"detail": "so"}, status=status)
    client = HttpClient("catalog", URL, "k")
    for _ in range(3):
        assert client.call("GET", "/x") == Answer("catalog", status, {"detail": "so"})
    assert client.status() == {"state": "closed", "consecutive_failures": 0}


@responses.activate
def test_an_empty_answer_has_no_body():
    responses.delete(f"{URL}/x", status=204)
    assert HttpClient("catalog", URL, "k").call("DELETE", "/x").body is None


@responses.activate
@pytest.mark.parametrize("status", [301, 302, 304, 307, 500, 502, 504, 599])
def test_redirects_and_5xx_are_bad_answers(status: int):
    responses.get(f"{URL}/x", json={"detail": "so"}, status=status, headers={"Location": "/y"})
    with pytest.raises(BadAnswerError, match=f"catalog answered {status}") as caught:
        HttpClient("catalog", URL, "k").call("GET", "/x")
    assert caught.value.partner == "catalog"
    assert caught.value.status == 503
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{",
        b'{"price": NaN}',
        b"[Infinity]",
        b"\xff\xfe",
        b"[" * 200_000,
        b"1" * 10_000,
        b"[1e9999999999999999999999]",
        b"[] []",
        b"\xef\xbb\xbf[]",
    ],
    ids=["html", "cut", "nan", "infinity", "bytes", "deep", "digits", "exponent", "two", "mark"],
)
@pytest.mark.parametrize("status", [200, 404, 503])
def test_what_is_no_json_is_a_bad_answer(status: int, body: bytes):
    responses.get(f"{URL}/x", body=body, status=status)
    assert outcome(lambda: HttpClient("catalog", URL, "k").call("GET", "/x")) == "BadAnswerError"


@responses.activate
def test_a_busy_partner_lives():
    """Its 503 is not tried again and does not open the breaker."""
    responses.get(f"{URL}/x", json={"detail": "the database is busy"}, status=503)
    client = HttpClient("catalog", URL, "k")
    for _ in range(3):
        with pytest.raises(PartnerBusyError, match="catalog is busy") as caught:
            client.call("GET", "/x")
    assert caught.value.headers == {"Retry-After": "1"}
    assert client.status() == {"state": "closed", "consecutive_failures": 0}
    assert len(responses.calls) == 3


@responses.activate
@pytest.mark.parametrize("body", ["[]", '{"detail": 3}', '"busy"', "", '{"error": "busy"}'])
def test_a_503_that_no_app_wrote_is_a_bad_answer(body: str):
    responses.get(f"{URL}/x", body=body, status=503)
    assert outcome(lambda: HttpClient("catalog", URL, "k").call("GET", "/x")) == "BadAnswerError"


@responses.activate
def test_a_time_out_is_not_tried_again():
    responses.get(f"{URL}/x", body=TimeoutError())
    assert outcome(lambda: HttpClient("catalog", URL, "k").call("GET", "/x")) == (
        "PartnerSilentError"
    )
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize(
    ("method", "safe", "sent"),
    [
        ("GET", False, 2),
        ("HEAD", False, 2),
        ("POST", False, 1),
        ("DELETE", False, 1),
        ("POST", True, 2),
    ],
)
def test_only_what_is_safe_is_sent_again_and_only_once(
    method: str, safe: bool, sent: int, monkeypatch: pytest.MonkeyPatch
):
    """After a pause, in which a partner that restarts may be back."""
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    responses.add(method, f"{URL}/x", body=ConnectionResetError())
    client = HttpClient("catalog", URL, "k")
    assert outcome(lambda: client.call(method, "/x", safe=safe)) == "PartnerSilentError"
    assert len(responses.calls) == sent
    assert len(pauses) == sent - 1
    assert all(0.01 <= pause_s <= 0.05 for pause_s in pauses)
    assert client.status()["consecutive_failures"] == 1


def test_no_call_is_made_inside_a_transaction(tmp_path: Path):
    """A partner that hangs must not hold a lock."""
    database = SQLiteDatabase(str(tmp_path / "test.db"))
    with database.read(), pytest.raises(RuntimeError, match="inside a transaction"):
        HttpClient("catalog", URL, "k").call("GET", "/x")
    database.close()


def calls_counted(result: str) -> float:
    labels = {"partner": "catalog", "outcome": result}
    return REGISTRY.get_sample_value("partner_calls_total", labels) or 0.0


@pytest.mark.parametrize(
    ("fault", "counted"),
    [
        ("normal", "ok"),
        ("not_found", "client_error"),
        ("reset", "silent"),
        ("error_500", "bad_answer"),
        ("busy_503", "busy"),
    ],
)
def test_every_call_is_counted_once(server: FaultyServer, fault: str, counted: str):
    server.set_fault(fault)
    before = calls_counted(counted)
    get(client_of(server))
    assert calls_counted(counted) == before + 1


@pytest.mark.parametrize("tries", [True, False])
def test_a_call_that_an_open_breaker_refused_is_counted(server: FaultyServer, tries: bool):
    client = opened_client(server)
    before = calls_counted("breaker_open")
    get(client, tries=tries)
    assert calls_counted("breaker_open") == before + 1


def test_failures_and_the_breakers_changes_are_logged_without_the_query(
    server: FaultyServer, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "shop.http_client")
    client = client_of(server)
    server.set_fault("refuse")
    for _ in range(3):
        outcome(lambda: client.call("GET", "/products", params={"q": "private"}))
    server.set_fault("normal")
    get(client, probe=True)
    lines = [json.loads(JsonFormatter("cart").format(record)) for record in caplog.records]
    assert [line["message"] for line in lines] == [
        "catalog gave no usable answer",
        "catalog gave no usable answer",
        "the breaker of catalog is open",
        "the breaker of catalog is closed",
    ]
    assert lines[0]["path"] == "/products"
    assert lines[0]["error"] == "PartnerSilentError"
    assert not any("secret-key-123" in str(line) for line in lines)
