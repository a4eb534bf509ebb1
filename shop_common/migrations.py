"""Versioned SQL files, applied once and in order, under a lock, before anything is served.

A file is `NNNN_what_it_does.sql`; `NNNN_what_it_does.sqlite.sql` and `.postgres.sql` are for one
engine only. An app's own begin at 0001, those of the library (shop_common/schema) at 0901. Files
are never edited once released. docs/decisions.md says why this is not yoyo or
Alembic.
"""

import hashlib
import re
import sqlite3  # noqa: TID251 - only its tokeniser, which knows where a statement ends
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from shop_common import clock
from shop_common.db import Database, Transaction

_FILE_NAME = re.compile(r"(\d{4})_(\w+?)(?:\.(sqlite|postgres))?\.sql")

_CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at TEXT NOT NULL
)
"""


class MigrationError(Exception):
    """The database does not fit this version of the program; nothing was changed."""


class Migration(NamedTuple):
    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations(folders: Sequence[Path], engine: str) -> list[Migration]:
    """The migrations in `folders` that are for `engine`, by version."""
    found: dict[int, Migration] = {}
    for path in sorted(path for folder in folders for path in folder.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if not match:
            raise MigrationError(f"{path.name} is no name of a migration")
        version = int(match[1])
        if match[3] in (None, engine):
            if version in found:
                raise MigrationError(f"two migrations have the number {version:04}")
            found[version] = Migration(version, match[2], path.read_text("utf-8"))
    return [found[version] for version in sorted(found)]


def migrate(database: Database, folders: Sequence[Path]) -> list[str]:
    """Apply what is missing, all in one transaction; the names of what was applied.

    Raises MigrationError for a database from a newer version, a file that was changed after it
    was applied, or a database that cannot hold every text.
    """
    migrations = load_migrations(folders, database.engine)
    if not pending(database, migrations):
        return []

    def apply(tx: Transaction) -> list[Migration]:
        _check_encoding(tx)
        tx.execute(_CREATE_TABLE)
        # Another process may have been quicker: look again, now alone.
        missing = _missing(tx, migrations)
        for migration in missing:
            for statement in _statements(migration.sql):
                tx.execute(statement)
            tx.execute(
                "INSERT INTO schema_migrations (version, name, checksum, applied_at)"
                " VALUES (?, ?, ?, ?)",
                (migration.version, migration.name, migration.checksum, clock.to_iso(clock.now())),
            )
        return missing

    applied = database.schema_change(apply)
    return [f"{migration.version:04}_{migration.name}" for migration in applied]


def pending(database: Database, migrations: list[Migration]) -> list[Migration]:
    """What `migrate` would apply. Raises MigrationError as it does."""
    with database.read() as tx:
        return _missing(tx, migrations) if _has_table(tx) else migrations


def _missing(tx: Transaction, migrations: list[Migration]) -> list[Migration]:
    rows = tx.all("SELECT version, name, checksum FROM schema_migrations")
    applied = {row["version"]: row for row in rows}
    known = {migration.version: migration for migration in migrations}
    for version, row in applied.items():
        if version not in known:
            raise MigrationError(
                f"the database is from a newer version: it has migration {version:04}_{row['name']}"
            )
        if row["checksum"] != known[version].checksum:
            raise MigrationError(
                f"migration {version:04}_{row['name']} was changed after its use, "
                "or the database is another app's"
            )
    return [migration for migration in migrations if migration.version not in applied]


def _check_encoding(tx: Transaction) -> None:
    if tx.engine == "postgres":
        encoding = tx.get("SELECT current_setting('server_encoding') AS name")["name"]
        if encoding not in ("UTF8", "SQL_ASCII"):  # the second takes texts as they are
            raise MigrationError(f"the database is in {encoding}, it must be in UTF8")


def _has_table(tx: Transaction) -> bool:
    if tx.engine == "sqlite":
        sql = "SELECT 1 AS one FROM sqlite_master WHERE name = 'schema_migrations'"
    else:
        sql = "SELECT 1 AS one WHERE to_regclass('schema_migrations') IS NOT NULL"
    return tx.any(sql)


def _statements(sql: str) -> Iterator[str]:
    """The statements of a file; a trigger's body, with its own semicolons, is one."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            if statement.strip():
                yield statement
            statement = ""
    if statement.strip():
        raise MigrationError(f"the last statement has no end: {statement.strip()[:60]}")
