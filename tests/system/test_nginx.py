"""Nginx in front: the key, the routes, the limits, and its own errors."""

import json
import re
import socket
import stat
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shop_common.cli.nginx import find_nginx
from tests.system.running import APPS, RunningShop, wait_for

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' https: data:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}


def problem(answer: Any) -> tuple[int, dict[str, Any]]:
    """The status and body of an error, which must be a problem document."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.headers
    content: dict[str, Any] = answer.json()
    return answer.status_code, content


def parse(raw: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, body


def test_the_dashboard_is_served(shop: RunningShop) -> None:
    """The page comes without a key, compressed, and is asked for again each time."""
    answer = shop.session.get(f"{shop.url}/", timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Encoding"] == "gzip"
    again = shop.session.get(
        f"{shop.url}/", headers={"If-None-Match": answer.headers["ETag"]}, timeout=5
    )
    assert again.status_code == 304


def test_a_part_that_is_not_there_is_no_error(shop: RunningShop) -> None:
    """The whole file comes, with each header once."""
    answer = shop.get(
        "/index.html", headers={"Range": "bytes=9999999-", "Accept-Encoding": "identity"}
    )
    assert answer.status_code == 200
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "path", ["/.gitignore", "/../nginx.conf", "/%2e%2e/nginx.conf", "/no/such"]
)
def test_nothing_but_the_frontend_is_served(shop: RunningShop, path: str) -> None:
    """Hidden files, and what lies beside the folder, are not to be had."""
    status, headers, body = parse(
        shop.talk(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    )
    assert status in (400, 404)
    assert headers["Content-Type"] == "application/problem+json"
    assert "detail" in json.loads(body)


@pytest.mark.parametrize(
    "path", ["/", "/api/health/cart", "/api/catalog", "/none", "/api/docs/cart"]
)
def test_security_headers_are_on_every_answer(shop: RunningShop, path: str) -> None:
    """Each once, on files, answers of apps and errors alike."""
    for headers in ({"X-API-Key": shop.key}, {}):
        answer = shop.session.get(shop.url + path, headers=headers, timeout=5)
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value
        assert answer.headers["Server"] == "nginx"


@pytest.mark.parametrize("app", APPS)
def test_health_and_docs_need_no_key(shop: RunningShop, app: str) -> None:
    """How an app is, and what it offers, anybody may know."""
    health = shop.session.get(f"{shop.url}/api/health/{app}", timeout=5)
    assert health.json() == {"status": f"{app} service is running", "database": "connected"}
    page = shop.session.get(f"{shop.url}/api/docs/{app}", timeout=5)
    assert page.status_code == 200
    for link in re.findall(r'(?:href|src)="([a-z][^":]*)"', page.text):
        file = shop.session.get(f"{shop.url}/api/docs/{link}", timeout=5)
        assert file.status_code == 200, link


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [""],
        ["wrong"],
        ["SECRET-KEY-123"],
        ["secret-key-1234"],
        ["xsecret-key-123"],
        ["secretxkey-123"],
        ["wrong", "secret-key-123"],
        ["secret-key-123", "wrong"],
    ],
)
def test_a_wrong_key_is_refused(shop: RunningShop, keys: list[str]) -> None:
    """Missing, empty, in other letters, longer, doubled: the seed's 401."""
    lines = "".join(f"X-API-Key: {key}\r\n" for key in keys)
    request = f"GET /api/cart/u1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}\r\n"
    status, headers, body = parse(shop.talk(request.encode()))
    assert status == 401
    assert json.loads(body) == {"detail": "Invalid API Key"}
    assert headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["/api/none", "/api", "/api/", "/api/cart/u/checkouts", "/apicart"]
)
def test_without_a_key_nobody_learns_which_paths_there_are(shop: RunningShop, path: str) -> None:
    """The key is looked at first."""
    answer = shop.session.get(shop.url + path, timeout=5)
    assert problem(answer) == (401, {"detail": "Invalid API Key"})


NOT_ROUTED = [
    "/api",
    "/api/",
    "/api/none",
    "/api/catalog/reservations",
    "/api/catalog/reservations/x/release",
    "/api/catalog/%72eservations",
    "/api/catalog/products/../reservations",
    "/api/catalog/products/%2e%2e/reservations",
    "/api/catalog/products%2F..%2Freservations",
    "/api/catalog//reservations",
    "/api/catalog/metrics",
    "/api/catalog/admin/status",
    "/api/cart/u/checkouts",
    "/api/cart/u/checkouts/o/restore",
    "/api/cart/u/%63heckouts",
    "/api/cart/u%2Fcheckouts",
    "/api/cart/u%2fcheckouts%2fo%2frestore",
    "/api/cart/u/x/../checkouts",
    "/api/cart/../cart/u/checkouts",
    "/api/cart/u/add/../checkouts",
    "/api/cart/..\\..\\metrics",
    "/api/orders/o/payment",
    "/api/orders/o/payment/",
    "/api/orders/o/payment?x=1",
    "/api/orders/o/%70ayment",
    "/api/orders/o/Payment",
    "/api/orders/o//payment",
    "/api/orders/o/./payment",
    "/api/orders/./o/payment",
    "/api/orders/o/x/../payment",
    "/api/orders/o%2Fpayment",
    "/api/orders/o%2fpayment",
    "/api/orders/o/payment%00",
    "/api/orders/o/payment#/cancel",
    "//api/orders/o/payment",
    "http://x/api/orders/o/payment",
    "http://x/api/cart/u/../../metrics",
    "/api/orders/o;v=1/payment",
    "/api/orders/o/payment;v=1",
    "/API/orders",
    "/api/metrics",
    "/metrics",
    "/api/health/cart/../../orders",
    "/api/health/cart%2f..%2fmetrics",
    "/api/health",
    "/api/health/none",
    "/api/docs",
    "/api/docs/cart/../metrics",
    "/api/docs/cart/%2e%2e/metrics",
    "/api/admin/cart/../metrics",
    "/api/admin/none/status",
    "/_key",
    "/_error/404",
]


@pytest.mark.parametrize("path", NOT_ROUTED)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_apps_say_to_each_other_is_not_routed(
    shop: RunningShop, method: str, path: str
) -> None:
    """No spelling of such a path reaches an app, even with the key."""
    request_id = uuid4().hex
    request = (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {shop.key}\r\n"
        f"X-Request-ID: {request_id}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    status, headers, body = parse(shop.talk(request.encode()))
    assert status in (400, 404, 405), body
    assert headers["Content-Type"] == "application/problem+json"
    for app in APPS:
        assert request_id not in (shop.data_dir / "logs" / f"{app}.log").read_text()


def test_every_operation_is_routed_or_meant_not_to_be(shop: RunningShop) -> None:
    """What an app offers reaches it through Nginx, but for what only apps may say."""
    inside = {
        "/health", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/{name}",
        "/orders/{order_id}/payment", "/orders/{order_id}/refund",
        "/payments/{payment_id}/return",
        "/changes", "/reservations", "/reservations/settle", "/reservations/{order_id}/release",
        "/checkouts", "/checkouts/settle",
        "/cart/{user_id}/checkouts", "/cart/{user_id}/checkouts/{order_id}/restore",
    }  # fmt: skip
    for app in APPS:
        for template in shop.get(f"{shop.app_url(app)}/openapi.json").json()["paths"]:
            path = re.sub(r"\{[^}]*\}", "7", template)
            if template.startswith("/admin"):
                path = f"/{app}{path}".replace(f"/{app}/admin", f"/admin/{app}")
            elif app == "catalog":
                path = f"/catalog{path}"
            answer = shop.request("OPTIONS", f"/api{path}")
            is_reached = answer.headers.get("Allow", "") != ""
            assert is_reached == (template not in inside), (app, template, answer.status_code)


def test_the_path_reaches_the_app_as_it_was_written(shop: RunningShop) -> None:
    """Percent-encoding is neither undone nor added to on the way."""
    for user_id in ("a%20b", "%C3%A9", "50%25", "a+b", "a%3Fb", "a%5Cb", "~u.s_e-r", ".u", "..."):
        answer = shop.get(f"/api/cart/{user_id}?x=%2F..%2F")
        direct = shop.get(f"{shop.app_url('cart')}/cart/{user_id}?x=%2F..%2F")
        assert (answer.status_code, answer.content) == (direct.status_code, direct.content)


def test_an_apps_own_error_passes_through(shop: RunningShop) -> None:
    """Nginx puts no words into an app's mouth."""
    answer = shop.get("/api/catalog/products/999")
    assert problem(answer) == (404, {"detail": "Product 999 not found"})
    answer = shop.request("PUT", "/api/catalog/products/1")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_errors_of_its_own_are_problems(shop: RunningShop) -> None:
    """Requests that no app ever sees are answered in the same form."""
    key = f"X-API-Key: {shop.key}\r\n"
    close = f"Host: x\r\nConnection: close\r\n{key}"
    import_ = "POST /api/catalog/products/import HTTP/1.1"
    cases = {
        "GET /api/cart/u HTTP/1.1\r\nConnection: close\r\n\r\n": 400,  # no Host
        "nonsense\r\n\r\n": 400,
        f"GET /api/cart/{'u' * 9000} HTTP/1.1\r\n{close}\r\n": 414,
        f"GET /api/cart/u HTTP/1.1\r\n{close}X: {'x' * 9000}\r\n\r\n": 431,
        f"POST /api/cart/u/add HTTP/1.1\r\n{close}Content-Length: 1048577\r\n\r\n": 413,
        f"{import_}\r\n{close}Content-Length: 67108865\r\n\r\n": 413,
        f"POST /index.html HTTP/1.1\r\n{close}Content-Length: 0\r\n\r\n": 405,
        f"TRACE /api/cart/u HTTP/1.1\r\n{close}\r\n": 405,
        f"GET /api/cart/u HTTP/7.1\r\n{close}\r\n": 505,
    }
    for request, expected in cases.items():
        status, headers, body = parse(shop.talk(request.encode()))
        assert status == expected, (request[:60], body)
        assert headers["Content-Type"] == "application/problem+json"
        assert list(json.loads(body)) == ["detail"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Request-ID"]


def test_the_import_may_be_larger(shop: RunningShop) -> None:
    """2 MB is too much for any other address."""
    content = b"Handle,Title,Variant Price\n" + b"\n" * 2_000_000
    answer = shop.post(
        "/api/catalog/products/import?dry_run=1", data=content, headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code in (200, 422)


def test_an_import_that_is_refused_for_another_reason(shop: RunningShop) -> None:
    """It is told that, however large it is; and the log says what was sent."""
    answer = shop.post(
        "/api/catalog/products/import",
        data=b"\n" * 2_000_000,
        headers={"Content-Type": "text/csv", "X-API-Key": "wrong", "X-Request-ID": "large-1"},
    )
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Invalid API Key"}
    wait_for(lambda: find_lines(shop, "large-1"))
    [line] = find_lines(shop, "large-1")
    assert (line["method"], line["status"]) == ("POST", "401")


def find_lines(shop: RunningShop, request_id: str) -> list[dict[str, Any]]:
    """The lines of Nginx's log about the request."""
    log = (shop.data_dir / "logs" / "nginx-access.log").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    return [line for line in lines if line["request_id"] == request_id]


def test_a_body_that_cannot_be_buffered_is_a_503(own_shop: RunningShop) -> None:
    """As on a full disk: no app has seen the request, so it can be sent again."""
    own_shop.up()
    folder = own_shop.data_dir / "run" / "nginx" / "temp" / "body"
    folder.rmdir()
    folder.touch()
    answer = own_shop.post("/api/catalog/products/import", data=b"\n" * 100_000)
    assert problem(answer) == (503, {"detail": "Service Unavailable"})
    assert answer.headers["Retry-After"] == "1"


def test_a_slow_client_is_dropped_and_holds_nobody_up(shop: RunningShop) -> None:
    """Forty clients that never finish their body: others are answered at once."""
    with ExitStack() as clients:
        slow = []
        for _ in range(40):
            address = ("127.0.0.1", shop.port)
            client = clients.enter_context(socket.create_connection(address, timeout=20))
            client.sendall(
                f"POST /api/cart/slow/add HTTP/1.1\r\nHost: x\r\nX-API-Key: {shop.key}\r\n"
                "Content-Length: 1000\r\n\r\nx".encode()
            )
            slow.append(client)
        assert shop.get("/api/cart/quick", timeout=8).status_code == 200
        # Nginx waits 10 s for the next piece of a body.
        with pytest.raises(ConnectionResetError):
            slow[0].recv(65536)


def test_request_ids(shop: RunningShop) -> None:
    """A good one is kept, a bad one replaced; it comes back once and is in both logs."""
    answer = shop.get("/api/cart/u", headers={"X-Request-ID": "my-id_1.x"})
    assert answer.headers["X-Request-ID"] == "my-id_1.x"
    # Each of them writes its line when the answer has gone out.
    for name in ("cart.log", "nginx-access.log"):
        wait_for(lambda name=name: "my-id_1.x" in (shop.data_dir / "logs" / name).read_text())
    assert [line["status"] for line in find_lines(shop, "my-id_1.x")] == ["200"]
    assert shop.key not in (shop.data_dir / "logs" / "nginx-access.log").read_text()
    for bad in ("x" * 129, "a b", 'a"b', "a\tb", "é"):
        answer = shop.get("/api/cart/u", headers={"X-Request-ID": bad.encode("latin-1")})
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
    refused = shop.session.get(f"{shop.url}/api/cart/u", headers={"X-Request-ID": "r1"}, timeout=5)
    assert (refused.status_code, refused.headers["X-Request-ID"]) == (401, "r1")


def test_an_address_of_other_bytes_leaves_the_log_readable(shop: RunningShop) -> None:
    """The line is JSON all the same; its address ends where it is no ASCII any more."""
    shop.talk(
        b"GET /api/cart/a\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"X-Request-ID: odd-1\r\n\r\n"
    )
    wait_for(lambda: find_lines(shop, "odd-1"))
    assert [line["uri"] for line in find_lines(shop, "odd-1")] == ["/api/cart/a..."]


def test_the_configuration_is_private_and_sound(shop: RunningShop) -> None:
    """It holds the key, so only its owner may read it, as all data; `nginx -t` finds nothing."""
    folder = shop.data_dir / "run" / "nginx"
    for file in (folder / "nginx.conf", shop.data_dir / "run" / "api-key"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for file in (*shop.data_dir.glob("*.db"), *(shop.data_dir / "logs").iterdir()):
        assert file.stat().st_mode & 0o077 == 0
    program = find_nginx()
    assert program
    checked = subprocess.run(
        [program, "-p", str(folder), "-e", "stderr", "-c", "nginx.conf", "-t"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0
    assert "warn" not in checked.stderr, checked.stderr


def test_wrong_keys_are_limited_and_right_ones_are_not(own_shop: RunningShop) -> None:
    """100 a minute and address; whoever has the key is served all the same."""
    own_shop.up()
    answers = [
        own_shop.session.get(
            f"{own_shop.url}/api/cart/u", headers={"X-API-Key": "guess"}, timeout=5
        )
        for _ in range(60)
    ]
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {401, 429}
    assert 20 <= codes.count(401) <= 30
    last = next(answer for answer in reversed(answers) if answer.status_code == 429)
    assert problem(last)[1].keys() == {"detail"}
    assert last.headers["Retry-After"] == "1"
    assert all(own_shop.get("/api/cart/u").status_code == 200 for _ in range(60))


def test_an_app_that_is_away_is_a_502(own_shop: RunningShop) -> None:
    """And one that hangs a 504, as problems that say when to try again."""
    own_shop.up()
    other = RunningShop(Path(own_shop.data_dir.parent) / "other")
    other.port_base = 1  # nobody listens there
    done = own_shop.run("nginx-config", "--port", str(own_shop.port), env={"SHOP_PORT_BASE": "1"})
    assert done.returncode == 0
    master = own_shop.pids()["nginx"][0]
    subprocess.run(["kill", "-HUP", str(master)], check=True)
    # Each on a connection of its own: those that are kept end with the worker that had them.
    own_shop.session.headers["Connection"] = "close"
    answers: list[Any] = []

    def is_away() -> bool:  # for a moment the workers of before still answer
        answers.append(own_shop.get("/api/cart/u"))
        return answers[-1].status_code == 502

    wait_for(is_away)
    answer = answers[-1]
    assert problem(answer) == (502, {"detail": "The app gave no answer"})
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "key", ['a"b$c\\d;e{f}g', "'$request_uri'", "(.*)+[a-z]^|#", "${x}\\x41zz"]
)
def test_any_key_can_be_used(own_shop: RunningShop, key: str) -> None:
    """No character of a key means anything to Nginx or to its expressions."""
    own_shop.environment["API_KEY"] = own_shop.key = key
    own_shop.up()
    assert own_shop.get("/api/cart/u").status_code == 200
    for wrong in (key.upper(), key[:-1], key + "x", "x" * len(key), "secret-key-123"):
        answer = own_shop.get("/api/cart/u", headers={"X-API-Key": wrong})
        assert answer.status_code == (200 if wrong == key else 401)


def test_reports_on_orders_are_no_orders(shop: RunningShop) -> None:
    """Their addresses look like those of single orders; each gets its own answer."""
    stats = shop.get("/api/orders/stats?days=2")
    assert (stats.status_code, len(stats.json()["days"])) == (200, 2)
    export = shop.get("/api/orders/export")
    assert export.headers["Content-Disposition"] == 'attachment; filename="orders.csv"'
    assert export.text.startswith("order_id,")
