"""Migrations are applied once, all or none, and only to a database that they fit."""

import multiprocessing
from pathlib import Path

import pytest

from shop_common.db.sqlite import SQLiteDatabase
from shop_common.migrations import MigrationError, load_migrations, migrate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.sql").write_text(
        "-- A comment; with a semicolon.\nCREATE TABLE a (n INTEGER);\nINSERT INTO a VALUES (1);\n"
    )
    return folder


@pytest.fixture
def database(tmp_path: Path) -> SQLiteDatabase:
    return SQLiteDatabase(str(tmp_path / "test.db"))


def rows(database: SQLiteDatabase) -> int:
    with database.read() as tx:
        return len(tx.all("SELECT n FROM a"))


def test_once_and_in_order(
    database: SQLiteDatabase, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a process that had looked before another one was quicker."""
    (folder / "0002_second.sql").write_text("INSERT INTO a VALUES (2);")
    assert migrate(database, [folder]) == ["0001_first", "0002_second"]
    assert migrate(database, [folder]) == []
    (folder / "0003_third.sql").write_text("INSERT INTO a VALUES (3);")
    assert migrate(database, [folder]) == ["0003_third"]
    monkeypatch.setattr("shop_common.migrations.pending", lambda _, migrations: migrations)
    assert migrate(database, [folder]) == []
    assert rows(database) == 3


def test_a_failing_migration_leaves_nothing(database: SQLiteDatabase, folder: Path) -> None:
    (folder / "0002_second.sql").write_text("INSERT INTO a VALUES (2);\nINSERT INTO b VALUES (1);")
    with pytest.raises(Exception, match="no such table: b"):
        migrate(database, [folder])
    with database.read() as tx:
        assert tx.all("SELECT name FROM sqlite_master") == []


def test_a_trigger_is_one_statement(database: SQLiteDatabase, folder: Path) -> None:
    (folder / "0002_trigger.sql").write_text(
        "CREATE TRIGGER t AFTER INSERT ON a WHEN new.n = 5 BEGIN\n"
        "  INSERT INTO a VALUES (6);\n  INSERT INTO a VALUES (7);\nEND;\nINSERT INTO a VALUES (5);"
    )
    migrate(database, [folder])
    assert rows(database) == 4


def test_a_database_from_a_newer_version_is_refused(database: SQLiteDatabase, folder: Path) -> None:
    (folder / "0002_later.sql").write_text("INSERT INTO a VALUES (2);")
    migrate(database, [folder])
    (folder / "0002_later.sql").unlink()
    with pytest.raises(MigrationError, match="from a newer version: it has migration 0002_later"):
        migrate(database, [folder])


def test_a_changed_file_is_refused(database: SQLiteDatabase, folder: Path) -> None:
    migrate(database, [folder])
    (folder / "0001_first.sql").write_text("CREATE TABLE a (other INTEGER);")
    told = "0001_first was changed after its use, or the database is another app's"
    with pytest.raises(MigrationError, match=told):
        migrate(database, [folder])


def test_files_of_the_other_engine_are_left_out(folder: Path) -> None:
    (folder / "0002_ids.postgres.sql").write_text("SELECT 1;")
    assert [m.version for m in load_migrations([folder], "sqlite")] == [1]
    assert [m.version for m in load_migrations([folder], "postgres")] == [1, 2]


@pytest.mark.parametrize(
    ("name", "message"),
    [("1_x.sql", "no name of a migration"), ("0001_again.sql", "two migrations have the number")],
)
def test_bad_names_are_refused(folder: Path, name: str, message: str) -> None:
    (folder / name).write_text("SELECT 1;")
    with pytest.raises(MigrationError, match=message):
        load_migrations([folder], "sqlite")


def test_an_unfinished_statement_is_refused(database: SQLiteDatabase, folder: Path) -> None:
    (folder / "0002_cut.sql").write_text("INSERT INTO a VALUES (2)")
    with pytest.raises(MigrationError, match="the last statement has no end"):
        migrate(database, [folder])


def _migrate(path: str, folder: Path, applied: "multiprocessing.Queue[list[str]]") -> None:
    applied.put(migrate(SQLiteDatabase(path), [folder]))


def test_processes_that_start_together_apply_it_once(
    database: SQLiteDatabase, folder: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    applied: multiprocessing.Queue[list[str]] = context.Queue()
    processes = [
        context.Process(target=_migrate, args=(database.path, folder, applied)) for _ in range(4)
    ]
    for process in processes:
        process.start()
    results = [applied.get(timeout=30) for _ in processes]
    for process in processes:
        process.join()
    assert sorted(results) == [[], [], [], ["0001_first"]]
    assert rows(database) == 1
