"""How a copy of the databases begins, and what is left of one that fails."""

import threading
import time
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


@pytest.mark.parametrize("names", [("busy", "free"), ("free", "busy")])
def test_a_long_write_in_one_database_keeps_nobody_from_another(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    """As of a large import: the copy waits for its end, and the carts are written meanwhile."""
    paths = [tmp_path / name for name in names]
    begun = threading.Event()

    def begin() -> None:
        with backup._moment(paths):
            begun.set()

    long_write = FairQueue(str(tmp_path / "busy"))
    long_write.enter(0)
    copying = threading.Thread(target=begin)
    copying.start()
    free = 0
    for _ in range(20):
        time.sleep(0.03)
        free += can_be_written(tmp_path / "free")
    assert free > 10
    assert not begun.is_set()
    long_write.close()
    copying.join(10)
    assert begun.is_set()


def test_a_lock_that_is_never_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy is given up, and holds no other lock."""
    paths = [tmp_path / "free", tmp_path / "busy"]
    monkeypatch.setattr(backup, "QUEUE_S", 0.3)
    long_write = FairQueue(str(paths[1]))
    long_write.enter(0)
    with pytest.raises(BusyError), backup._moment(paths):
        pass
    assert can_be_written(paths[0])
    long_write.close()


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
