"""The database seam: transactions on SQLite and PostgreSQL; contains no business logic.

A store writes one SQL for both engines: `?` placeholders, `RETURNING` instead of row counts, and
`FOR UPDATE` where a row must be locked (SQLite has one writer, so it is dropped there).
"""

from shop_common.config import Config
from shop_common.db.base import (
    LOCK_WAIT_S,
    ConflictRetryError,
    Database,
    Row,
    Transaction,
    in_transaction,
    marks,
    retry_on_conflict,
)

__all__ = [
    "LOCK_WAIT_S",
    "ConflictRetryError",
    "Database",
    "Row",
    "Transaction",
    "in_transaction",
    "marks",
    "open_database",
    "retry_on_conflict",
]


def open_database(config: Config) -> Database:
    """The database that `config` names; nothing is connected before the first transaction."""
    if config.database_url.startswith("postgresql:"):
        # Imported here: psycopg costs a worker memory that a shop on SQLite should not pay.
        from shop_common.db.postgres import PostgresDatabase

        return PostgresDatabase(config.database_url, schema=config.app)
    from shop_common.db.sqlite import SQLiteDatabase

    return SQLiteDatabase(config.database_url.removeprefix("sqlite:///"))
