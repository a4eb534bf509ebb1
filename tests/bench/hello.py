"""The limit: Flask's hello world with the log line and the metrics that every app has; no more."""

import json
import time
import types

from flask import Flask, Response, g, request

from shop_common.app import record
from shop_common.log import request_id

app = Flask("hello", static_folder=None)
# What deploy/gunicorn.conf.py starts and stops in every worker.
app.extensions["background"] = types.SimpleNamespace(start=lambda: None, stop=lambda: None)


# Nginx passes on nothing but what it knows, so hello world stands at the address of a cart.
@app.get("/cart/<user_id>")
def hello(user_id: str) -> Response:
    return Response(json.dumps({"hello": user_id}), content_type="application/json")


@app.get("/health")
def health() -> str:
    return "hello is running"


@app.before_request
def _begin() -> None:
    g.started_at = time.perf_counter()
    request_id.set(request.headers.get("X-Request-ID", ""))


@app.after_request
def _end(response: Response) -> Response:
    record(app.name, request, response.status_code, g.started_at)
    return response
