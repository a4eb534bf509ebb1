"""Pages of other origins, through the real Nginx: each header once, whoever answers."""

import subprocess

import pytest

from tests.system.running import RunningShop, wait_for

LISTED = "https://shop.example"
ALSO_LISTED = "http://[::1]:5173"
PREFLIGHT = (
    "Access-Control-Request-Method: POST\r\n"
    "Access-Control-Request-Headers: x-api-key,idempotency-key\r\n"
)
ALLOWED = [
    "access-control-allow-headers: X-API-Key, Content-Type, Idempotency-Key, If-Match,"
    " X-Request-ID",
    "access-control-allow-methods: GET, HEAD, POST, PUT, PATCH, DELETE",
]
EXPOSED = (
    "access-control-expose-headers: Location, Link, ETag, X-Request-ID, Idempotent-Replayed,"
    " Retry-After"
)


def talk(shop: RunningShop, request: str, origin: str, more: str = "") -> tuple[int, list[str]]:
    """The status, and every line about CORS as it was sent: a browser refuses a doubled one."""
    head = f"{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nOrigin: {origin}\r\n{more}\r\n"
    status, *lines = shop.talk(head.encode()).partition(b"\r\n\r\n")[0].decode().split("\r\n")
    named = sorted(
        f"{name.lower()}: {value}" for name, _, value in (x.partition(": ") for x in lines)
    )
    return int(status.split()[1]), [x for x in named if x.startswith(("access-control", "vary"))]


def readable(origin: str) -> list[str]:
    return [f"access-control-allow-origin: {origin}", EXPOSED, "vary: Origin"]


@pytest.fixture
def open_shop(own_shop: RunningShop) -> RunningShop:
    own_shop.environment["CORS_ORIGINS"] = f"{LISTED},{ALSO_LISTED}"
    own_shop.up()
    return own_shop


def test_pages_of_listed_origins(open_shop: RunningShop) -> None:
    """Preflights need no key and are no wrong keys; answers and errors alike are readable."""
    key = f"X-API-Key: {open_shop.key}\r\n"
    for origin in (LISTED, ALSO_LISTED):
        for path in ("/api/cart/u/add", "/api/catalog", "/api/health/cart", "/api/no/such", "/api"):
            status, lines = talk(open_shop, f"OPTIONS {path}", origin, PREFLIGHT)
            assert status == 204, path
            expected = [*ALLOWED, "access-control-max-age: 7200", *readable(origin)]
            assert lines == sorted(expected), path
        for request, headers, status in (
            ("GET /api/cart/u", key, 200),
            ("GET /api/health/orders", "", 200),
            ("GET /api/catalog/products/999", key, 404),
            ("GET /api/no/such", key, 404),
            ("GET /api/cart/u", "", 401),
            ("OPTIONS /api/cart/u", "", 401),
            ("POST /api/cart/u/add", f"{key}Content-Length: 2000000\r\n", 413),
        ):
            assert talk(open_shop, request, origin, headers) == (status, readable(origin)), request
    for _ in range(130):
        assert talk(open_shop, "OPTIONS /api/orders", LISTED, PREFLIGHT)[0] == 204
    assert talk(open_shop, "GET /api/orders", LISTED)[0] == 401, "and not 429"


def test_other_origins_are_told_nothing(open_shop: RunningShop) -> None:
    """Their preflights are refused as any request without a key is; nor may others see the page."""
    key = f"X-API-Key: {open_shop.key}\r\n"
    for origin in (
        "https://shop.example.evil.test", "http://shop.example", "https://shopxexample",
        "https://SHOP.example", f"x{LISTED}", f"{LISTED}/", f"{LISTED} {LISTED}", "null", "*", "",
    ):  # fmt: skip
        assert talk(open_shop, "GET /api/cart/u", origin, key) == (200, ["vary: Origin"]), origin
        answer = talk(open_shop, "OPTIONS /api/cart/u", origin, PREFLIGHT)
        assert answer == (401, ["vary: Origin"]), origin
    assert talk(open_shop, "OPTIONS /", LISTED, PREFLIGHT)[0] == 405


def test_without_the_setting_nothing_is_said(shop: RunningShop) -> None:
    key = f"X-API-Key: {shop.key}\r\n"
    assert talk(shop, "GET /api/cart/u", LISTED, key) == (200, [])
    assert talk(shop, "OPTIONS /api/cart/u", LISTED, PREFLIGHT) == (401, [])
    assert talk(shop, "OPTIONS /api/cart/u", LISTED, PREFLIGHT + key) == (200, [])


def test_an_app_that_is_away_can_be_told_apart(open_shop: RunningShop) -> None:
    """A 502 of Nginx is readable too."""
    done = open_shop.run("nginx-config", "--port", str(open_shop.port), env={"SHOP_PORT_BASE": "1"})
    assert done.returncode == 0
    subprocess.run(["kill", "-HUP", str(open_shop.pids()["nginx"][0])], check=True)
    key = f"X-API-Key: {open_shop.key}\r\n"
    # For a moment the workers of before still answer.
    wait_for(lambda: talk(open_shop, "GET /api/cart/u", LISTED, key) == (502, readable(LISTED)))
