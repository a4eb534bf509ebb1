"""What an app holds under orders' ids until orders confirms them: reservations, check-outs.

What it lists for long enough and nobody confirms is a try that died: orders gives it back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint
from marshmallow import Schema, fields, validate

from shop_common import idempotency, log
from shop_common.clock import to_iso
from shop_common.context import Context, ctx
from shop_common.db import Transaction, marks
from shop_common.fields import Id
from shop_common.operations import operation
from shop_common.paging import MAX_LIMIT, PageSchema

YEAR_S = 31_536_000


class UnsettledQuerySchema(PageSchema):
    unsettled_for = fields.Float(
        load_default=30.0, validate=validate.Range(0, YEAR_S), metadata={"description": "seconds"}
    )


class SettleSchema(Schema):
    order_ids = fields.List(Id(), required=True, validate=validate.Length(1, MAX_LIMIT))


class SettledSchema(Schema):
    settled = fields.Integer(metadata={"description": "how many were not before"})


@dataclass(frozen=True, slots=True)
class Holdings:
    """The rows of `table`, by `order_id`, in which `settled_at` says when orders confirmed them.

    `columns` are listed, which hold text, of those that `condition` is true of: an index should
    have it.
    """

    table: str
    columns: str
    condition: str

    def add_routes(self, blueprint: Blueprint, listed: str, settled: str) -> None:
        """`GET /<table>` and `POST /<table>/settle`, the operations `list_` and `settle_<table>`.

        `listed` and `settled` tell the API's description what they are about.
        """
        row = Schema.from_dict(
            {column: fields.String() for column in self.columns.split(", ")},
            name=f"Unsettled{self.table.capitalize().removesuffix('s')}Schema",
        )

        @operation(
            f"For orders: {listed}, oldest first",
            query=UnsettledQuerySchema(),
            answers={200: row(many=True)},
        )
        def list_unsettled(query: dict[str, Any]) -> list[dict[str, Any]]:
            return self.list_unsettled(ctx(), **query)

        @operation(f"For orders: {settled}", body=SettleSchema(), answers={200: SettledSchema()})
        def settle(body: dict[str, Any]) -> dict[str, int]:
            return self.settle(ctx(), **body)

        table = self.table
        blueprint.add_url_rule(f"/{table}", f"list_{table}", list_unsettled)
        blueprint.add_url_rule(f"/{table}/settle", f"settle_{table}", settle, methods=["POST"])
        log.POLLED.add(f"list_{table}")

    def list_unsettled(
        self, context: Context, unsettled_for: float, limit: int
    ) -> list[dict[str, Any]]:
        """Those that nobody has confirmed for so many seconds, oldest first."""
        not_after = to_iso(context.clock() - timedelta(seconds=unsettled_for))
        with context.db.read() as tx:
            rows = tx.all(
                f"SELECT {self.columns} FROM {self.table} WHERE {self.condition}"
                " AND created_at <= ? ORDER BY created_at, order_id LIMIT ?",
                (not_after, limit),
            )
        return [dict(row) for row in rows]

    def settle(self, context: Context, order_ids: Sequence[str]) -> dict[str, int]:
        """Their orders are there: they are listed no more. Answers how many were not settled."""
        now = to_iso(context.clock())

        def settle(tx: Transaction) -> dict[str, int]:
            idempotency.claim(tx)
            rows = tx.all(
                # In one order, so that two that settle the same do not wait for each other.
                f"UPDATE {self.table} SET settled_at = ?, updated_at = ? WHERE order_id IN"
                f" (SELECT order_id FROM {self.table} WHERE order_id IN ({marks(order_ids)})"
                " AND settled_at IS NULL ORDER BY order_id FOR UPDATE) RETURNING order_id",
                (now, now, *order_ids),
            )
            return idempotency.keep(tx, {"settled": len(rows)})

        return context.db.write(settle)
