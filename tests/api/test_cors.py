"""CORS_ORIGINS: what pages of other origins may do, on every app."""

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from shop_common.config import APPS
from tests.api.harness import KEY, Api

LISTED = "https://shop.example"
ALSO_LISTED = "http://localhost:5173"
STRANGERS = [
    "https://shop.example.evil.test",
    "https://evil-shop.example",
    "http://shop.example",
    "https://shop.example:8443",
    "https://SHOP.example",
    "https://shopxexample",
    "https://shop.example/",
    f"{LISTED},{ALSO_LISTED}",
    "null",
    "*",
    "",
]
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "x-api-key,idempotency-key",
}


@pytest.fixture(params=APPS)
def api(request: pytest.FixtureRequest, make_api: Callable[..., Api]) -> Api:
    return make_api(request.param, CORS_ORIGINS=f"{LISTED},{ALSO_LISTED}")


def cors_headers(response: TestResponse) -> dict[str, str]:
    return {
        name: value
        for name, value in response.headers.items()
        if name.startswith("Access-Control-") or name == "Vary"
    }


@pytest.mark.parametrize("origin", [LISTED, ALSO_LISTED])
def test_a_preflight_is_answered_without_a_key(api: Api, origin: str) -> None:
    """For every path alike: which there are is nobody's business without the key."""
    for path in ("/health", "/admin/status", "/no/such/path"):
        response = api.client.options(path, headers={"Origin": origin, **PREFLIGHT})
        assert (response.status_code, response.data) == (204, b"")
        assert cors_headers(response) == {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
            "Access-Control-Allow-Headers": "X-API-Key, Content-Type, Idempotency-Key, If-Match,"
            " X-Request-ID",
            "Access-Control-Expose-Headers": "Location, Link, ETag, X-Request-ID,"
            " Idempotent-Replayed, Retry-After",
            "Access-Control-Max-Age": "7200",
        }


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "/admin/status", KEY, 200),
        ("GET", "/livez", None, 200),
        ("GET", "/admin/status", "wrong", 401),
        ("GET", "/no/such/path", KEY, 404),
        ("DELETE", "/admin/status", KEY, 405),
        ("GET", "/admin/outbox?limit=x", KEY, 422),
        ("OPTIONS", "/admin/status", None, 401),
        ("OPTIONS", "/admin/status", KEY, 200),
    ],
)
def test_every_answer_can_be_read(
    api: Api, method: str, path: str, key: str | None, status: int
) -> None:
    """Errors too. An OPTIONS that is no preflight needs the key like all else."""
    headers = {"Origin": LISTED} | ({"X-API-Key": key} if key else {})
    response = api.client.open(path, method=method, headers=headers)
    assert response.status_code == status
    assert cors_headers(response) == {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": LISTED,
        "Access-Control-Expose-Headers": "Location, Link, ETag, X-Request-ID,"
        " Idempotent-Replayed, Retry-After",
    }


@pytest.mark.parametrize("origin", [*STRANGERS, None])
def test_a_stranger_is_told_nothing(api: Api, origin: str | None) -> None:
    """Only that the answer differs from origin to origin."""
    headers = {} if origin is None else {"Origin": origin}
    response = api.get("/admin/status", headers=headers)
    assert (response.status_code, cors_headers(response)) == (200, {"Vary": "Origin"})
    response = api.client.options("/admin/status", headers={**headers, **PREFLIGHT})
    assert (response.status_code, cors_headers(response)) == (401, {"Vary": "Origin"})


@pytest.mark.parametrize("app", APPS)
def test_without_the_setting_nothing_is_said(app: str, make_api: Callable[..., Api]) -> None:
    api = make_api(app)
    headers = {"Origin": LISTED, **PREFLIGHT}
    refused = api.client.options("/admin/status", headers=headers)
    answered = api.client.options("/admin/status", headers={**headers, "X-API-Key": KEY})
    assert (refused.status_code, answered.status_code) == (401, 200)
    assert set(answered.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    for response in (refused, answered, api.get("/admin/status", headers=headers)):
        assert cors_headers(response) == {}
