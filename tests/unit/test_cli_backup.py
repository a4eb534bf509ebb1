"""How a copy of the databases begins, and what is left of one that fails."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from shop_common.cli import backup, shop
from shop_common.config import DATABASE_FILES
from shop_common.db.fair_queue import FairQueue
from shop_common.errors import BusyError


def has_writers(path: Path) -> bool:
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
    """Else they would be of several moments; and not a moment longer."""
    paths = [tmp_path / "a.db", tmp_path / "b.db"]
    seen: list[bool] = []
    connect = backup.sqlite3.connect

    def begin(path: Path, **how: Any) -> Any:
        seen.extend(map(has_writers, paths))
        return connect(path, **how)

    monkeypatch.setattr(backup.sqlite3, "connect", begin)
    with backup._moment(paths):
        assert seen == [False] * 4
        assert all(map(has_writers, paths))


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
