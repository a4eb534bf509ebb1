"""The fixtures of the system tests: one shop for all that only asks, one's own for who kills."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.running import APPS, RunningShop, is_alive

# Who starts a run in the background lets it ignore Ctrl-C, and so would every shop of these tests.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def database_settings(make_database: Callable[[], str] | None) -> Callable[[], dict[str, str]]:
    """Gives the settings of a new shop whose databases are on the engine under test."""

    def settings() -> dict[str, str]:
        if make_database is None:
            return {}
        return dict.fromkeys((f"{app.upper()}_DATABASE_URL" for app in APPS), make_database())

    return settings


@pytest.fixture(scope="session")
def shop(
    tmp_path_factory: pytest.TempPathFactory, database_settings: Callable[[], dict[str, str]]
) -> Iterator[RunningShop]:
    """A running shop that all tests share: they use users and orders of their own.

    Its apps are patient with each other, so that a busy machine is not taken for a silent partner.
    """
    settings = {"UPSTREAM_FIRST_BYTE_S": "5", **database_settings()}
    running = RunningShop(tmp_path_factory.mktemp("shop") / "var", **settings)
    running.up()
    yield running
    running.down()


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[RunningShop]:
    """A shop of this test alone, not started yet; nothing of it is left afterwards."""
    running = RunningShop(tmp_path / "var")
    yield running
    pids = [pid for pids in running.pids().values() for pid in pids] if _runs(running) else []
    running.down()
    assert not [pid for pid in pids if is_alive(pid)]


def _runs(running: RunningShop) -> bool:
    return (running.data_dir / "shop.json").exists() and bool(running.state()["supervisor"])
