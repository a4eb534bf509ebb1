"""Fixtures of the unit tests."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shop_common.log import request_id
from tests.unit.faulty_server import FaultyServer


@pytest.fixture(autouse=True)
def no_request() -> Iterator[None]:
    """None is being answered, whatever this thread did in the tests before."""
    token = request_id.set("")
    yield
    request_id.reset(token)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(24) as pool:
        yield pool
