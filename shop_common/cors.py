"""CORS: what a browser is told about pages of other origins; Nginx's own answers say the same.

The key is a header that a page's script sends, never a cookie, so no credentials are allowed. And
CORS keeps nobody out: whoever has the key can call from anywhere but a browser's page.
"""

from collections.abc import Collection

from flask import Flask, Response, request

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
# What a script may send, and what it may read, beyond what every script may.
ALLOW_HEADERS = "X-API-Key, Content-Type, Idempotency-Key, If-Match, X-Request-ID"
EXPOSE_HEADERS = "Location, Link, ETag, X-Request-ID, Idempotent-Replayed, Retry-After"
# How long a browser need not ask again; some take no more than two hours.
MAX_AGE_S = 7200


def init_app(app: Flask, origins: Collection[str]) -> None:
    """Let pages of these origins call; to be put before the guard, for a preflight has no key."""
    if not origins:
        return

    def answer_preflight() -> Response | None:
        # The same for every path, so that nobody learns without the key which there are.
        is_preflight = (
            request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        )
        if not is_preflight or request.headers.get("Origin") not in origins:
            return None
        headers = {
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": ALLOW_HEADERS,
            "Access-Control-Max-Age": str(MAX_AGE_S),
        }
        return Response(status=204, headers=headers)

    def add_headers(response: Response) -> Response:
        # Also without an Origin: what a cache keeps of that answer is not for a page of another.
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSE_HEADERS
        return response

    app.before_request(answer_preflight)
    app.after_request(add_headers)
