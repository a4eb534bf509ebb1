"""An app as the API tests drive it: a client that holds every answer to its description."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from marshmallow import RAISE, Schema
from werkzeug.test import TestResponse

import apps.cart
import apps.catalog
import apps.orders
import apps.payments
from shop_common import clock
from shop_common.auth import is_public
from shop_common.context import Context
from shop_common.openapi import list_errors
from shop_common.operations import find_operation

KEY = "a-key-for-tests"
FACTORIES: dict[str, Callable[..., Flask]] = {
    "cart": apps.cart.create_app,
    "catalog": apps.catalog.create_app,
    "orders": apps.orders.create_app,
    "payments": apps.payments.create_app,
}
# What any operation may answer without saying so: to a NUL in the path, to a body without a length.
ALWAYS_POSSIBLE = {404, 411}


class Clock:
    """The time of a test: real, and turned forward by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return clock.now() + self.ahead

    def turn(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass
class Api:
    """An app and a client of it that sends the key and holds each answer to its description."""

    app: Flask
    clock: Clock

    @property
    def context(self) -> Context:
        context: Context = self.app.extensions["cornershop"]
        return context

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.send("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> TestResponse:
        return self.send("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> TestResponse:
        return self.send("PUT", path, **kwargs)

    def patch(self, path: str, **kwargs: Any) -> TestResponse:
        return self.send("PATCH", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> TestResponse:
        return self.send("DELETE", path, **kwargs)

    def send(self, method: str, path: str, **kwargs: Any) -> TestResponse:
        kwargs["headers"] = {"X-API-Key": KEY} | dict(kwargs.get("headers", {}))
        response = self.client.open(path, method=method, **kwargs)
        self._check_described(method, path, response)
        return response

    def run_jobs(self) -> None:
        """What the background does now and then, now."""
        for job in self.app.extensions["background"].jobs:
            job.take_turn()

    def _check_described(self, method: str, path: str, response: TestResponse) -> None:
        assert response.status_code != 500, response.text
        if response.status_code >= 400:
            assert response.json is not None
            if response.content_type != "application/json":  # /health and /readyz answer in shape
                assert response.content_type == "application/problem+json"
                assert next(iter(response.json)) == "detail"
                assert isinstance(response.json["detail"], str)
        with self.app.test_request_context(path, method=method) as request_context:
            endpoint = request_context.request.endpoint
        view = self.app.view_functions[endpoint] if endpoint else None
        described = find_operation(view) if view else None
        if described is None:
            return
        errors = list_errors(described, method, is_public=is_public(view))
        allowed = described.answers.keys() | errors.keys() | ALWAYS_POSSIBLE
        assert response.status_code in allowed
        shape = described.answers.get(response.status_code)
        if isinstance(shape, Schema):
            shape.load(response.json, unknown=RAISE)
