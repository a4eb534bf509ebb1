"""What SQLite does for each statement that an app executes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shop_common.db import Transaction


@dataclass(frozen=True, slots=True)
class Executed:
    """A statement as it was executed, and in which transaction of which database."""

    database: str
    transaction: Transaction
    sql: str


class Plans:
    """The plans of all that is executed, by statement, and each execution."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by_statement: dict[str, list[str]] = {}
        self.executed: list[Executed] = []
        for name in ("execute", "many", "one", "get", "any", "all", "stream"):
            self._watch(monkeypatch, name)

    def steps(self) -> Iterator[tuple[str, str]]:
        """Each step of each plan, with its statement, as they were executed first."""
        for sql, plan in self.by_statement.items():
            for step in plan:
                yield sql, step

    def _watch(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        execute = getattr(Transaction, name)

        def explain_and_execute(tx: Transaction, sql: str, params: Any = ()) -> Any:
            rows = list(params)
            self._explain(tx, tx._translate(sql), rows[0] if name == "many" else rows)
            self.executed.append(Executed(_file_of(tx), tx, tx._translate(sql)))
            return execute(tx, sql, rows)

        monkeypatch.setattr(Transaction, name, explain_and_execute)

    def _explain(self, tx: Transaction, sql: str, params: Sequence[Any]) -> None:
        if sql not in self.by_statement:
            rows = tx._connection.execute(f"EXPLAIN QUERY PLAN {sql}", params).fetchall()
            self.by_statement[sql] = [row["detail"] for row in rows]


def _file_of(tx: Transaction) -> str:
    return Path(tx._connection.execute("PRAGMA database_list").fetchone()["file"]).name
