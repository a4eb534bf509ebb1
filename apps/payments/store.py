"""The tables of payments and refunds; every function takes the open transaction first."""

from collections.abc import Mapping
from dataclasses import fields
from operator import attrgetter
from typing import TypeVar

from apps.payments.model import Payment, Refund
from shop_common.db import Transaction, Where
from shop_common.errors import NotFoundError
from shop_common.paging import list_newest

Record = TypeVar("Record", Payment, Refund)

_TABLE = {Payment: "payments", Refund: "refunds"}
_ID = {Payment: "payment_id", Refund: "refund_id"}
_FIELDS = {kind: [field.name for field in fields(kind)] for kind in _TABLE}
_SELECTED = {
    kind: ", ".join(names).replace("amount_minor", "amount AS amount_minor")
    for kind, names in _FIELDS.items()
}
_INSERT = {
    kind: f"INSERT INTO {_TABLE[kind]} ({', '.join(names).replace('amount_minor', 'amount')})"
    f" VALUES ({', '.join('?' * len(names))}) ON CONFLICT DO NOTHING RETURNING {_ID[kind]}"
    for kind, names in _FIELDS.items()
}


def insert(tx: Transaction, record: Payment | Refund) -> bool:
    """Write it; False if its key is taken or another payment of the order stands."""
    values = attrgetter(*_FIELDS[type(record)])(record)
    return tx.any(_INSERT[type(record)], values)


def get_payment(tx: Transaction, payment_id: str, *, lock: bool = False) -> Payment:
    """With `lock` nobody else changes it until the end of the transaction. Raises NotFoundError."""
    where = "payment_id = ? FOR UPDATE" if lock else "payment_id = ?"
    payment = _find(tx, Payment, where, payment_id)
    if payment is None:
        raise NotFoundError(f"Payment {payment_id} not found")
    return payment


def lock_failed_payment(tx: Transaction, payment_id: str) -> Payment | None:
    """One that FAILED and that nobody has found a charge of yet."""
    where = "payment_id = ? AND status = 'FAILED' AND owed_reason IS NULL FOR UPDATE"
    return _find(tx, Payment, where, payment_id)


def find_standing_payment(tx: Transaction, order_id: str) -> Payment | None:
    return _find(tx, Payment, "order_id = ? AND status IN ('PENDING', 'COMPLETED')", order_id)


def find_refund(tx: Transaction, refund_id: str) -> Refund | None:
    return _find(tx, Refund, "refund_id = ?", refund_id)


def find_by_key(tx: Transaction, kind: type[Record], key: str) -> Record | None:
    """What the key stands for; one that FAILED has freed it."""
    return _find(tx, kind, "idempotency_key = ? AND status <> 'FAILED'", key)


def settle_payment(
    tx: Transaction, payment_id: str, status: str, refusal: str | None, sweep_at: str, now: str
) -> Payment | None:
    """PENDING becomes `status`; None if it was not PENDING any more. What failed is not owed."""
    row = tx.one(
        # The sweeper has no more to do with a payment that is COMPLETED and not owed.
        "UPDATE payments SET status = ?, refusal = ?, updated_at = ?,"
        " owed_reason = CASE WHEN ? = 'COMPLETED' THEN owed_reason END,"
        " sweep_at = CASE WHEN ? = 'COMPLETED' AND owed_reason IS NULL THEN NULL ELSE ? END"
        f" WHERE payment_id = ? AND status = 'PENDING' RETURNING {_SELECTED[Payment]}",
        (status, refusal, now, status, status, sweep_at, payment_id),
    )
    return Payment(**row) if row else None


def owe_payment(
    tx: Transaction, payment_id: str, rest_minor: int, reason: str, refusal: str | None, now: str
) -> None:
    """All of it goes back: `rest_minor` now, what fails by the sweeper."""
    tx.execute(
        "UPDATE payments SET owed_reason = COALESCE(owed_reason, ?), updated_at = ?,"
        " refusal = COALESCE(?, refusal), refunded_minor = refunded_minor + ?,"
        " sweep_at = CASE WHEN status = 'PENDING' THEN sweep_at END WHERE payment_id = ?",
        (reason, now, refusal, rest_minor, payment_id),
    )


def take_from_payment(tx: Transaction, payment_id: str, amount_minor: int, now: str) -> bool:
    """Count the amount as refunded; False if that is more than is left or nothing was paid."""
    return tx.any(
        "UPDATE payments SET refunded_minor = refunded_minor + ?, updated_at = ?"
        " WHERE payment_id = ? AND status = 'COMPLETED' AND refunded_minor + ? <= amount"
        " RETURNING payment_id",
        (amount_minor, now, payment_id, amount_minor),
    )


def settle_refund(
    tx: Transaction, refund: Refund, status: str, refusal: str | None, sweep_at: str, now: str
) -> Payment | None:
    """REQUESTED becomes SUCCEEDED or FAILED; its payment then, or None if it was not REQUESTED."""
    is_settled = tx.any(
        "UPDATE refunds SET status = ?, refusal = ?, sweep_at = NULL, updated_at = ?"
        " WHERE refund_id = ? AND status = 'REQUESTED' RETURNING refund_id",
        (status, refusal, now, refund.refund_id),
    )
    if not is_settled:
        return None
    given = refund.amount_minor if status == "SUCCEEDED" else 0
    paid = tx.get(
        "UPDATE payments SET succeeded_minor = succeeded_minor + ?, updated_at = ?,"
        " refunded_minor = refunded_minor - ?,"
        # What is owed and did not go through is tried again with a new refund.
        " sweep_at = CASE WHEN ? = 0 AND owed_reason IS NOT NULL THEN ? ELSE sweep_at END"
        f" WHERE payment_id = ? RETURNING {_SELECTED[Payment]}",
        (given, now, refund.amount_minor - given, given, sweep_at, refund.payment_id),
    )
    return Payment(**paid)


def end_check(tx: Transaction, payment_id: str) -> None:
    """A payment that FAILED was found to have no charge."""
    tx.execute(
        "UPDATE payments SET sweep_at = NULL"
        " WHERE payment_id = ? AND status = 'FAILED' AND owed_reason IS NULL",
        (payment_id,),
    )


def put_off(tx: Transaction, kind: type[Record], row_id: str, sweep_at: str, now: str) -> None:
    """The provider did not tell: leave it to the sweeper, unless somebody has settled it."""
    tx.execute(
        f"UPDATE {_TABLE[kind]} SET sweep_at = ?, updated_at = ?"
        f" WHERE {_ID[kind]} = ? AND sweep_at IS NOT NULL",
        (sweep_at, now, row_id),
    )


def list_due(
    tx: Transaction, kind: type[Record], now: str, too_far: str, limit: int
) -> list[Record]:
    """What is to be swept; what was put off until after `too_far` is too."""
    rows = tx.all(
        f"SELECT {_SELECTED[kind]} FROM {_TABLE[kind]} WHERE sweep_at IS NOT NULL"
        " AND (sweep_at <= ? OR sweep_at > ?) ORDER BY sweep_at LIMIT ?",
        (now, too_far, limit),
    )
    return [kind(**row) for row in rows]


def take_due(tx: Transaction, due: Payment | Refund, sweep_at: str) -> bool:
    """Put it off while it is worked on; False if another worker was quicker."""
    kind = type(due)
    return tx.any(
        f"UPDATE {_TABLE[kind]} SET sweep_at = ? WHERE {_ID[kind]} = ? AND sweep_at = ?"
        f" RETURNING {_ID[kind]}",
        (sweep_at, getattr(due, _ID[kind]), due.sweep_at),
    )


def list_page(
    tx: Transaction,
    kind: type[Record],
    filters: Mapping[str, str | None],
    after: str | None,
    limit: int,
) -> list[Record]:
    """Newest first: those whose columns are as `filters` says, and before `after` only."""
    where = Where()
    for column, value in filters.items():
        where.add(f"{column} = ?", value)
    rows = list_newest(tx, _SELECTED[kind], _TABLE[kind], _ID[kind], where, after, limit)
    return [kind(**row) for row in rows]


def _find(tx: Transaction, kind: type[Record], where: str, value: str) -> Record | None:
    row = tx.one(f"SELECT {_SELECTED[kind]} FROM {_TABLE[kind]} WHERE {where}", (value,))
    return kind(**row) if row else None
