"""All four apps in one process: what one says to another goes to that one's test client."""

import contextvars
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from flask import Flask
from werkzeug.test import TestResponse

from shop_common.config import APPS, load_config
from shop_common.context import Context
from shop_common.doctor import Finding, examine
from tests.api.harness import FACTORIES, KEY, Clock
from tests.network import mock_network

SWEEP_AFTER_S = 30


class WholeShop:
    """The apps, with a clock that is turned and jobs that run when they are told to."""

    def __init__(self, folder: Path, postgres_url: str | None, **settings: str) -> None:
        self.clock = Clock()
        self.away: set[str] = set()
        # Apps whose answers to POSTs are lost, once these have taken effect.
        self.mute: set[str] = set()
        # Called on the way there and back between two apps.
        self.on_the_way: Callable[[], None] = lambda: None
        self.apps: dict[str, Flask] = {}
        for name in APPS:
            environ = {"API_KEY": KEY, "SHOP_DATA_DIR": str(folder), **settings}
            if postgres_url:
                environ[f"{name.upper()}_DATABASE_URL"] = postgres_url
            self.apps[name] = FACTORIES[name](load_config(name, environ), self.clock)
        self._network = mock_network(assert_all_requests_are_fired=False)
        self._network.start()
        for number, name in enumerate(APPS):
            for method in ("GET", "POST"):
                self._network.add_callback(
                    method,
                    _anything_at(8001 + number),
                    lambda request, name=name: self._pass_on(name, request),  # type: ignore[misc]
                    content_type=None,
                )

    def close(self) -> None:
        self._network.stop(allow_assert=False)
        for app in self.apps.values():
            app.extensions["cornershop"].db.close()

    def context(self, app: str) -> Context:
        context: Context = self.apps[app].extensions["cornershop"]
        return context

    def send(
        self, app: str, method: str, path: str, key: str | None = None, json: Any = None
    ) -> TestResponse:
        headers = {"X-API-Key": KEY} | ({"Idempotency-Key": key} if key else {})
        client = self.apps[app].test_client()
        # A context of its own: the apps share a thread here, but nothing else.
        response = contextvars.Context().run(
            client.open, path, method=method, headers=headers, json=json
        )
        assert response.status_code != 500, response.text
        return response

    def get(self, app: str, path: str) -> Any:
        response = self.send(app, "GET", path)
        assert response.status_code == 200, response.text
        return response.json

    def run_jobs(self) -> None:
        for app in APPS:
            self.run_jobs_of(app)

    def run_jobs_of(self, app: str) -> None:
        for job in self.apps[app].extensions["background"].jobs:
            contextvars.Context().run(job.take_turn)

    def settle(self) -> None:
        """Everyone is back, and time enough passes for all that was left to be worked off."""
        self.away.clear()
        for _ in range(6):
            self.clock.turn(seconds=SWEEP_AFTER_S + 11)
            for app in APPS:
                for client in self.context(app).partners.values():
                    client.call("GET", "/livez", probe=True)
            self.run_jobs()

    def findings(self) -> list[Finding]:
        databases = {app: self.context(app).db for app in APPS}
        return examine(databases, self.clock(), SWEEP_AFTER_S)

    def _pass_on(
        self, app: str, request: requests.PreparedRequest
    ) -> tuple[int, dict[str, str], bytes]:
        if app in self.away:
            raise requests.ConnectionError(f"{app} is away")
        self.on_the_way()
        client = self.apps[app].test_client()
        response = contextvars.Context().run(
            client.open,
            request.path_url,
            method=request.method,
            headers=dict(request.headers),
            data=request.body,
        )
        if app in self.mute and request.method == "POST":
            raise requests.ConnectionError(f"the answer of {app} is lost")
        self.on_the_way()
        return response.status_code, dict(response.headers), response.data


def _anything_at(port: int) -> Any:
    return re.compile(rf"http://localhost:{port}/.*")
