"""A whole shop in this process, on the engine under test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.books.whole_shop import WholeShop
from tests.api.conftest import empty_tables


@pytest.fixture
def make_shop(tmp_path: Path, postgres_url: str | None) -> Iterator[Callable[..., WholeShop]]:
    """Start a shop on empty databases, with settings."""
    made: list[WholeShop] = []

    def make(**settings: str) -> WholeShop:
        if made:
            made[-1].close()
        if postgres_url:
            empty_tables(postgres_url)
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(WholeShop(folder, postgres_url, **settings))
        return made[-1]

    yield make
    if made:
        made[-1].close()


@pytest.fixture
def shop(make_shop: Callable[..., WholeShop]) -> WholeShop:
    return make_shop()
