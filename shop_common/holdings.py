"""What an app holds under orders' ids until orders confirms them: reservations, check-outs.

What it lists for long enough and nobody confirms is a try that died: orders gives it back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from marshmallow import Schema, fields, validate

from shop_common import idempotency
from shop_common.clock import to_iso
from shop_common.context import Context
from shop_common.db import marks, retry_on_conflict
from shop_common.fields import Id
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

    `columns` are listed, of those that `condition` is true of: an index should have it.
    """

    table: str
    columns: str
    condition: str

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

    @retry_on_conflict
    def settle(self, context: Context, order_ids: Sequence[str]) -> dict[str, int]:
        """Their orders are there: they are listed no more. Answers how many were not settled."""
        now = to_iso(context.clock())
        with context.db.write() as tx:
            idempotency.claim(tx)
            rows = tx.all(
                # In one order, so that two that settle the same do not wait for each other.
                f"UPDATE {self.table} SET settled_at = ?, updated_at = ? WHERE order_id IN"
                f" (SELECT order_id FROM {self.table} WHERE order_id IN ({marks(order_ids)})"
                " AND settled_at IS NULL ORDER BY order_id FOR UPDATE) RETURNING order_id",
                (now, now, *order_ids),
            )
            return idempotency.keep(tx, {"settled": len(rows)})
