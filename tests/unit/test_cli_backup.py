"""How a copy of the databases begins, and what is left of one that fails."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pysqlite3 as sqlite3
import pytest
from click.testing import CliRunner

from shop_common.cli import backup, shop
from shop_common.config import DATABASE_FILES
from shop_common.db.fair_queue import FairQueue
from shop_common.errors import BusyError


def run_on(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql)


def can_be_written(path: Path) -> bool:
    queue = FairQueue(str(path))
    try:
        queue.enter(0)
    except BusyError:
        return False
    finally:
        queue.close()
    return True


def test_nobody_writes_until_all_copies_have_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else they would be of several moments; and not a moment longer: what comes is in no copy."""
    paths = [tmp_path / "a.db", tmp_path / "b.db"]
    for path in paths:
        run_on(path, "PRAGMA journal_mode = WAL")
    seen: list[bool] = []
    connect = sqlite3.connect

    def begin(path: Path, **how: Any) -> Any:
        seen.extend(map(can_be_written, paths))
        return connect(path, **how)

    monkeypatch.setattr(sqlite3, "connect", begin)
    with backup._moment(paths) as sources:
        assert seen == [False] * 4
        assert all(map(can_be_written, paths))
        for path, source in zip(paths, sources, strict=True):
            run_on(path, "CREATE TABLE later (id INTEGER)")
            assert source.execute("SELECT name FROM sqlite_master").fetchall() == []


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("The disk is full.")

    for name in DATABASE_FILES.values():
        (tmp_path / name).touch()
    monkeypatch.setattr(Path, "replace", fail)
    monkeypatch.setattr("os.umask", lambda _: None)
    monkeypatch.setenv("SHOP_DATA_DIR", str(tmp_path))
    folder = tmp_path / "copy"
    done = CliRunner().invoke(shop, ["backup", "--data-dir", str(tmp_path), str(folder)])
    assert str(done.exception) == "The disk is full."
    assert list(folder.iterdir()) == []
