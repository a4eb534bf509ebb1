"""One app at a time, in Flask's test client, on a real database; partners are `responses`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import responses
from flask import Flask

from shop_common.config import load_config
from tests.api.harness import FACTORIES, KEY, Api, Clock
from tests.api.plans import Plans
from tests.network import mock_network


@pytest.fixture
def turned_clock() -> Clock:
    return Clock()


@pytest.fixture
def make_api(
    tmp_path: Path, postgres_url: str | None, turned_clock: Clock
) -> Iterator[Callable[..., Api]]:
    """Start an app by its name, with settings; again on the same data when asked again."""
    started: list[Flask] = []
    if postgres_url:
        empty_tables(postgres_url)

    def make(name: str, **settings: str) -> Api:
        environ = {"API_KEY": KEY, "SHOP_DATA_DIR": str(tmp_path), "UPSTREAM_TIMEOUT_S": "2"}
        if postgres_url:
            environ[f"{name.upper()}_DATABASE_URL"] = postgres_url
        app = FACTORIES[name](load_config(name, environ | settings), turned_clock)
        started.append(app)
        return Api(app, turned_clock)

    yield make
    for app in started:
        app.extensions["cornershop"].db.close()


def empty_tables(url: str) -> None:
    """As new: what a migrated app writes into empty tables is all that a new one has in them."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname = ANY (%s) AND tablename <> 'schema_migrations'",
            (list(FACTORIES),),
        )
        if tables := ", ".join(name for (name,) in rows):
            connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")


@pytest.fixture
def partners() -> Iterator[responses.RequestsMock]:
    """The other apps, as far as a test says what they answer; all else is refused."""
    with mock_network(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def plans(engine: str, monkeypatch: pytest.MonkeyPatch) -> Plans:
    """The plans of all that is executed from now on."""
    if engine != "sqlite":
        pytest.skip("PostgreSQL reads tables this small as a whole")
    return Plans(monkeypatch)


@pytest.fixture
def cart(make_api: Callable[..., Api]) -> Api:
    return make_api("cart")


@pytest.fixture
def catalog(make_api: Callable[..., Api]) -> Api:
    return make_api("catalog")


@pytest.fixture
def orders(make_api: Callable[..., Api]) -> Api:
    return make_api("orders")


@pytest.fixture
def payments(make_api: Callable[..., Api]) -> Api:
    return make_api("payments")
