"""What every app has: a guard on each route, health, error bodies, request ids, a description."""

import contextlib
import gc
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path

import pysqlite3 as sqlite3
import pytest
from flask import Request
from openapi_spec_validator import OpenAPIV31SpecValidator
from prometheus_client import REGISTRY
from werkzeug.test import create_environ

from shop_common import auth
from shop_common.config import APPS
from shop_common.errors import BusyError, UnauthorizedError
from shop_common.http_client import FAIL_OPEN_POLICIES
from shop_common.operations import find_operation
from tests.api.harness import KEY, Api

DOCS = Path(__file__).parents[2] / "docs"
PUBLIC = {"health", "livez", "readyz", "get_metrics", "get_openapi", "get_docs", "get_docs_file"}


@pytest.fixture(params=APPS)
def api(request: pytest.FixtureRequest, make_api: Callable[..., Api]) -> Api:
    return make_api(request.param)


def requests_of(api: Api) -> list[tuple[str, str, str]]:
    """`(view, method, path)` of each route, with something in each place of the path."""
    return [
        (rule.endpoint.rpartition(".")[2], method, re.sub(r"<[^>]+>", "1", rule.rule))
        for rule in api.app.url_map.iter_rules()
        for method in sorted(rule.methods or ())
    ]


def test_every_route_but_the_public_ones_needs_the_key(api: Api) -> None:
    """Each route is tried with no key and with wrong ones; nothing but the refusal comes back."""
    wrong = ["", "wrong", "A-KEY-FOR-TESTS", "a-key-for-tests ", "a-key-for-tests\x00", "schlüssel"]
    guarded = [(m, p) for name, m, p in requests_of(api) if name not in PUBLIC]
    assert guarded
    for method, path in guarded:
        for headers in [{}, *({"X-API-Key": key} for key in wrong)]:
            response = api.client.open(path, method=method, headers=headers)
            assert response.status_code == 401, (method, path, headers)
            if method != "HEAD":
                assert response.text == '{"detail":"Invalid API Key"}'
                assert response.content_type == "application/problem+json"


def test_keys_are_compared_in_constant_time(cart: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr("hmac.compare_digest", lambda *pair: compared.append(pair))
    assert cart.get("/admin/status").status_code == 401
    assert compared == [(KEY.encode(), KEY.encode())]


def test_the_public_routes_are_exactly_these(api: Api) -> None:
    found = {
        rule.endpoint.rpartition(".")[2]
        for rule in api.app.url_map.iter_rules()
        if auth.is_public(api.app.view_functions[rule.endpoint])
    }
    assert found == PUBLIC


def test_any_view_can_be_guarded(cart: Api) -> None:
    view = auth.verify_api_key(lambda: "shown")
    with cart.app.test_request_context(headers={"X-API-Key": KEY}):
        assert view() == "shown"
    with cart.app.test_request_context(), pytest.raises(UnauthorizedError):
        view()


def test_what_is_no_route_needs_the_key_too(api: Api) -> None:
    assert api.client.get("/nowhere").status_code == 401
    assert api.client.delete("/health").status_code == 401
    assert api.get("/nowhere").status_code == 404
    assert api.get("/admin//status").status_code == 404
    response = api.delete("/health")
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_no_resource_has_a_nul_in_its_name(api: Api) -> None:
    """No database can look for one."""
    for rule in api.app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "a%00b", re.sub(r"<int[^>]*>", "1", rule.rule))
        if "%00" in path:
            method = next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"}))
            answer = api.client.open(path, method=method, headers={"X-API-Key": KEY})
            assert answer.status_code == 404, path


def test_what_preparing_opened_is_closed(api: Api) -> None:
    """The processes that are forked from it would share it."""
    assert api.context.db._connections == []


def test_health_has_the_seeds_words(api: Api) -> None:
    response = api.client.get("/health")
    assert response.status_code == 200
    name = api.context.config.app
    assert json.loads(response.text) == {
        "status": f"{name} service is running",
        "database": "connected",
    }


def test_health_and_readiness_tell_a_lost_database(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> None:
        raise BusyError("The database is unavailable.")

    monkeypatch.setattr(type(api.context.db), "read", away)
    response = api.client.get("/health")
    assert response.status_code == 503
    assert response.json == {
        "status": f"{api.context.config.app} service is running",
        "database": "unavailable",
    }
    assert api.client.get("/readyz").status_code == 503
    assert caplog.messages == ["not ready: The database is unavailable."]
    assert api.get("/admin/status").json["database"]["status"] == "unavailable"
    assert api.client.get("/livez").json == {"status": "alive"}


def test_readiness_says_which_database_runs(api: Api) -> None:
    body = api.client.get("/readyz").json
    assert body["status"] == "ready"
    assert body["migrations"] == "applied"
    assert body["database"]["engine"] in ("sqlite", "postgres")
    assert re.match(r"SQLite 3\.\d+|PostgreSQL \d+", body["database"]["version"])


def test_readiness_misses_the_right_to_write(
    make_api: Callable[..., Api], postgres_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reads go on, from a file that is another's or a server that stands by."""
    api = make_api("orders")
    assert api.client.get("/readyz").status_code == 200
    if postgres_url:
        api.context.db.write(lambda tx: tx.execute("SET default_transaction_read_only = on"))
    else:
        api.context.db.close()
        connect = sqlite3.connect
        monkeypatch.setattr(
            sqlite3, "connect", lambda path, **how: connect(f"file:{path}?mode=ro", uri=True, **how)
        )
    assert api.get("/orders").status_code == 200
    response = api.client.get("/readyz")
    assert (response.status_code, response.json["status"]) == (503, "not ready")
    assert response.json["database"]["status"] in (
        "The database cannot be written.",
        "The database takes no changes now.",
    )


def test_readiness_misses_a_migration(api: Api) -> None:
    delete = "DELETE FROM schema_migrations WHERE version = 1 RETURNING *"
    applied = api.context.db.write(lambda tx: tx.get(delete))
    response = api.client.get("/readyz")
    # The next tests are given the same tables.
    columns = ("version", "name", "checksum", "applied_at")
    api.context.db.write(
        lambda tx: tx.execute(
            f"INSERT INTO schema_migrations ({', '.join(columns)}) VALUES (?, ?, ?, ?)",
            [applied[column] for column in columns],
        )
    )
    assert (response.status_code, response.json["migrations"]) == (503, "missing")


def test_status_shows_what_an_operator_asks(api: Api) -> None:
    body = api.get("/admin/status").json
    assert body["app"] == api.context.config.app
    assert body["database"]["status"] == "connected"
    assert body["partners"].keys() == api.context.partners.keys()
    assert all(partner["state"] == "closed" for partner in body["partners"].values())


def test_a_request_id_is_taken_or_made_and_answered(api: Api) -> None:
    assert api.get("/livez", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    made = api.get("/livez").headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert api.get("/livez").headers["X-Request-ID"] != made
    for bad in ("a b", "x" * 129, "a\tb", "é"):
        answered = api.get("/livez", headers={"X-Request-ID": bad}).headers["X-Request-ID"]
        assert re.fullmatch("[0-9a-f]{32}", answered)


def test_metrics_count_by_operation_and_never_by_path(api: Api) -> None:
    api.client.get("/livez")
    api.get("/some/path/of/a/client")
    text = api.client.get("/metrics").text
    assert 'http_requests_total{operation="livez",status="200"}' in text
    assert "some/path" not in text


def test_what_is_asked_all_the_time_is_logged_when_it_fails(
    make_api: Callable[..., Api],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else a quiet shop's log would be full of it; an unknown product is logged as ever."""
    caplog.set_level(logging.INFO, "shop.app")
    catalog, cart = make_api("catalog"), make_api("cart")
    for path in ("/changes?after=", "/reservations?unsettled_for=30", "/livez", "/readyz"):
        assert catalog.get(path).status_code == 200
    assert cart.get("/checkouts?unsettled_for=30").status_code == 200
    assert capsys.readouterr().err == ""
    assert catalog.get("/changes?nope=1").status_code == 422
    assert catalog.get("/products/99").status_code == 404
    assert [json.loads(line)["status"] for line in capsys.readouterr().err.splitlines()] == [
        422,
        404,
    ]


def lost_lines() -> float:
    lost = REGISTRY.get_sample_value("log_lines_lost_total", {"operation": "create_product"})
    return lost or 0


def test_a_log_that_cannot_be_written_changes_no_answer(
    catalog: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was done stands, so its client must hear of it."""
    caplog.set_level(logging.INFO, "shop.app")
    before = lost_lines()
    with open("/dev/full", "w", buffering=1) as full, monkeypatch.context() as patched:
        patched.setattr("sys.stderr", full)
        made = catalog.post("/products", json={"name": "Mug", "price": 5, "stock": 1})
        with contextlib.suppress(OSError):
            full.close()
    assert made.status_code == 201
    assert catalog.get(f"/products/{made.json['id']}").status_code == 200
    assert lost_lines() == before + 1


def test_metrics_are_for_this_machine_only(api: Api) -> None:
    response = api.get("/metrics", environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert response.status_code == 403


def test_the_description_is_valid_and_complete(api: Api) -> None:
    document = json.loads(api.client.get("/openapi.json").data)
    OpenAPIV31SpecValidator(document).validate()
    described = {
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    }
    assert described == {name for name, _, _ in requests_of(api)}
    known = re.findall(r"^\| (\d{3}(?:, \d{3})*) \|", (DOCS / "api.md").read_text("utf-8"), re.M)
    answers = {
        status
        for path in document["paths"].values()
        for operation in path.values()
        for status in operation["responses"]
    }
    assert answers <= set(", ".join(known).split(", ")), "in the docs"
    assert all(find_operation(view) for view in api.app.view_functions.values())
    # Bounds of an amount are checked in minor units, which nobody sends.
    assert not re.search(r'"type": "number"[^{}]*"minimum": [1-9]', json.dumps(document))


def test_the_description_names_the_headers_that_are_read(catalog: Api) -> None:
    paths = json.loads(catalog.client.get("/openapi.json").data)["paths"]

    def headers(path: str, method: str) -> list[str]:
        parameters = paths[path][method]["parameters"]
        return [each["name"] for each in parameters if each["in"] == "header"]

    assert headers("/products", "post") == ["Idempotency-Key"]
    assert headers("/products", "get") == ["If-None-Match"]
    assert headers("/products/{product_id}", "patch") == ["If-Match"]
    assert headers("/categories", "get") == []


def test_the_page_of_the_description_holds_it(api: Api) -> None:
    response = api.client.get("/docs")
    assert response.content_type == "text/html; charset=utf-8"
    embedded = re.search(r'id="openapi">(.*?)</script>', response.text, re.DOTALL)
    assert embedded
    assert json.loads(embedded[1]) == json.loads(api.client.get("/openapi.json").data)
    files = re.findall(r'(?:href|src)="(docs/[^"]+)"', response.text)
    assert files
    for name in files:
        assert api.client.get(f"/{name}", buffered=True).status_code == 200
    name = api.context.config.app
    behind = api.client.get("/docs", headers={"X-Forwarded-Prefix": f"/api/docs/{name}"}).text
    assert f'"{name}/docs.css"' in behind
    assert '"servers": [{"url": "/api' in behind
    assert "/livez" not in behind, "what Nginx does not pass on is not described there"
    assert api.client.get("/docs/..%2Fhealth.py").status_code in (401, 404)


def test_a_fault_of_ours_says_nothing_about_itself(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setitem(api.app.view_functions, "health.livez", auth.public(fail))
    response = api.client.get("/livez")
    assert response.status_code == 500
    assert response.text == '{"detail":"Internal Server Error"}'


def test_an_answer_that_cannot_be_written_down_is_a_fault_of_ours(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the disk that the log goes to is full."""

    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("shop_common.app.record", fail)
    response = api.client.get("/livez")
    assert response.status_code == 500
    assert response.content_type == "application/problem+json"
    assert "No space" not in response.text


def test_a_request_is_gone_once_it_is_answered(api: Api) -> None:
    """Nothing of it goes round in a circle, which only the garbage collector would find."""
    environ = create_environ("/livez")
    gc.disable()
    try:
        b"".join(api.app.wsgi_app(environ, lambda *_: None))
        requests = [found for found in gc.get_objects() if isinstance(found, Request)]
        assert not any(found.environ is environ for found in requests)
    finally:
        gc.enable()


def test_the_fail_open_policies_are_exactly_those_of_the_docs() -> None:
    text = (DOCS / "architecture.md").read_text("utf-8")
    assert list(FAIL_OPEN_POLICIES) == re.findall(r"^\| `(\w+)` \|", text, re.M)


def test_every_operation_is_in_the_docs_and_no_other(make_api: Callable[..., Api]) -> None:
    text = (DOCS / "api.md").read_text("utf-8")
    offered = {
        (method, re.sub(r"<(?:int(?:\([^)]*\))?:)?(\w+)>", r"<\1>", rule.rule))
        for app in APPS
        for rule in make_api(app).app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(re.findall(r"^\| `([A-Z]+) (/\S+)` \|", text, re.M)) == offered
