"""Messages to other apps, kept in the transaction of the change they tell of, sent until answered.

Rules, and why they are these: docs/architecture.md. In short: a row is born leased to its writer,
who sends it right after the commit; a relay in every worker takes over what is left; only the
oldest open row of an aggregate is sent; only an answered 409 or 422 counts towards giving up.
What becomes of a row need not outlive a power cut: it is sent again, and its receiver knows it.
"""

import logging
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from shop_common import clock, idempotency, json_text, log, metrics
from shop_common.db import Database, Row, Transaction
from shop_common.errors import BusyError, ConflictError, NotFoundError
from shop_common.exchange import Answer
from shop_common.http_client import HttpClient

logger = logging.getLogger("shop.outbox")

LEASE_S = 6.0
RETRY_MAX_S = 5.0
RELAYED_AT_ONCE = 50
REFUSALS_BEFORE_PARKING = 5
_REFUSED = (409, 422)
# Keeps the rows of one aggregate in order: a parked row holds back those behind it.
_OLDEST = (
    "NOT EXISTS (SELECT 1 FROM outbox AS older WHERE older.aggregate = outbox.aggregate"
    " AND older.closed_at IS NULL AND older.id < outbox.id)"
)
KEPT_DAYS = 7
PRUNED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """What a row says: POST `body` to `path` of `partner`. Rows of one `aggregate` keep order."""

    topic: str
    aggregate: str
    partner: str
    path: str
    body: Mapping[str, Any]


# What a refused row sets off, given the row and the refusal, in the transaction that closes it.
RefusalHandler = Callable[[Transaction, Row, Answer], None]


@dataclass(frozen=True, slots=True)
class Outbox:
    """An app's outbox: the database that holds it and the partners that it tells.

    `on_refusal`, by topic: an answered 409 closes the row with what it sets off; without one it
    counts towards parking.
    """

    database: Database
    partners: Mapping[str, HttpClient]
    clock: clock.Clock
    on_refusal: Mapping[str, RefusalHandler] = field(default_factory=dict)

    def add(self, tx: Transaction, message: Message, *, by_relay: bool = False) -> Row:
        """Write a row; the caller passes it to `deliver` once the commit is done.

        It is leased to the caller if nothing older of its aggregate is open; else, or with
        `by_relay`, the relay sends it when its turn has come. The aggregate's own row must be
        locked by the caller.
        """
        moment = self.clock()
        now = clock.to_iso(moment)
        is_left = by_relay or self.has_open(tx, message.aggregate)
        return tx.get(
            "INSERT INTO outbox (topic, aggregate, partner, path, body, request_id, lease, due_at,"
            " attempts, refusals, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 0, ?, ?) RETURNING *",
            (
                message.topic,
                message.aggregate,
                message.partner,
                message.path,
                json_text.dump(message.body),
                log.request_id.get(),
                None if is_left else uuid.uuid4().hex,
                now if is_left else clock.to_iso(moment + timedelta(seconds=LEASE_S)),
                now,
                now,
            ),
        )

    def has_open(self, tx: Transaction, aggregate: str) -> bool:
        return tx.any(
            "SELECT 1 AS one FROM outbox WHERE aggregate = ? AND closed_at IS NULL LIMIT 1",
            (aggregate,),
        )

    def deliver(self, row: Row) -> Answer | None:
        """Send a row that `add` has just written. The partner's answer, or None for silence.

        Also None if what came of it could not be written down: what the row tells of is done,
        whatever becomes of the row, and the relay sends it again.
        """
        try:
            return self._send(row) if row["lease"] else None
        except BusyError as error:
            logger.warning("outbox row %s is left to the relay: %s", row["id"], error.detail)
            return None

    def deliver_all(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.deliver(row)

    def find_open(self, tx: Transaction, aggregate: str, topic: str) -> Row | None:
        """The oldest row of the topic that is not delivered."""
        return tx.one(
            "SELECT * FROM outbox WHERE aggregate = ? AND topic = ? AND closed_at IS NULL"
            " ORDER BY id LIMIT 1",
            (aggregate, topic),
        )

    def is_with_writer(self, row: Row) -> bool:
        """Whether the one who wrote the row is still sending it for the first time."""
        is_leased = row["lease"] is not None and row["due_at"] > clock.to_iso(self.clock())
        return is_leased and bool(row["attempts"] == 1)

    def hurry(self, row_id: int) -> Answer | None:
        """As `deliver`, for an open row that may have been put off and that nobody is sending."""
        row = self._lease(row_id, even_put_off=True)
        return self._send(row) if row else None

    def relay(self) -> int:
        """Send what is due and nobody else is sending; how many were delivered.

        To each partner as many, so that nobody's wait behind those to another one.
        """
        return sum(self._relay_to(partner) for partner in self.partners)

    def _relay_to(self, partner: str) -> int:
        delivered = 0
        for row_id in self._due(partner):
            row = self._lease(row_id)
            if row is None:
                continue  # somebody else was quicker
            answer = self._send(row)
            if answer is None:
                break  # silent to this one, to the next one too
            delivered += answer.status == 200
        return delivered

    def _due(self, partner: str) -> list[int]:
        now = self.clock()
        with self.database.read() as tx:
            rows = tx.all(
                "SELECT id FROM outbox WHERE closed_at IS NULL AND parked_at IS NULL"
                " AND partner = ? AND (due_at <= ? OR due_at > ?)"
                f" AND {_OLDEST} ORDER BY id LIMIT ?",
                (partner, clock.to_iso(now), clock.too_far_ahead(now, LEASE_S), RELAYED_AT_ONCE),
            )
        return [row["id"] for row in rows]

    def _lease(self, row_id: int, *, even_put_off: bool = False) -> Row | None:
        """Take the row for LEASE_S, if it is the oldest open one of its aggregate and free."""
        moment, token = self.clock(), uuid.uuid4().hex
        now, too_far = clock.to_iso(moment), clock.too_far_ahead(moment, LEASE_S)
        until = clock.to_iso(moment + timedelta(seconds=LEASE_S))
        is_free = "due_at <= ? OR due_at > ?" + (" OR lease IS NULL" if even_put_off else "")

        def lease(tx: Transaction) -> Row | None:
            return tx.one(
                "UPDATE outbox SET lease = ?, due_at = ?, attempts = attempts + 1, updated_at = ?"
                " WHERE id = ? AND closed_at IS NULL AND parked_at IS NULL"
                f" AND ({is_free}) AND {_OLDEST} RETURNING *",
                (token, until, now, row_id, now, too_far),
            )

        return self.database.write(lease, durable=False)

    def _send(self, row: Row) -> Answer | None:
        """POST the row; close it, put it off or park it by what comes back."""
        token = log.request_id.set(row["request_id"])
        try:
            answer = self.partners[row["partner"]].call(
                "POST", row["path"], json=json_text.load(row["body"]), safe=True
            )
            if answer.status < 300:
                # Every receiver says what has become of it; whoever else answers has not taken it.
                answer.read_as(itemgetter("status"))
        except BusyError as error:
            self._put_off(row, error.detail, refused=False)
            return None
        finally:
            log.request_id.reset(token)
        refuse = self.on_refusal.get(row["topic"]) if answer.status == 409 else None
        if refuse or answer.status == 200:
            self._close(row, answer, refuse)
            return answer
        # A wrong key or a partner that is being upgraded answers 401, 404 or 405: that must not
        # cost the shop its messages, so only an answered refusal counts towards parking.
        refused = answer.status in _REFUSED
        self._put_off(row, f"{answer.status} {answer.detail}", refused=refused)
        return answer

    def _close(self, row: Row, answer: Answer, refuse: RefusalHandler | None) -> None:
        now = clock.to_iso(self.clock())

        def close(tx: Transaction) -> None:
            is_closed = tx.any(
                "UPDATE outbox SET closed_at = ?, updated_at = ?"
                " WHERE id = ? AND closed_at IS NULL RETURNING id",
                (now, now, row["id"]),
            )
            if is_closed and refuse:
                refuse(tx, row, answer)

        self.database.write(close, durable=refuse is not None)
        metrics.count(metrics.OUTBOX_SENT, row["topic"], "refused" if refuse else "closed")

    def _put_off(self, row: Row, reason: str, *, refused: bool) -> None:
        moment = self.clock()
        wait_s = min(RETRY_MAX_S, 0.25 * 2 ** min(row["attempts"], 10)) * random.uniform(0.5, 1)
        now, due_at = clock.to_iso(moment), clock.to_iso(moment + timedelta(seconds=wait_s))
        parked_at = now if refused and row["refusals"] + 1 >= REFUSALS_BEFORE_PARKING else None

        def put_off(tx: Transaction) -> None:
            tx.execute(
                "UPDATE outbox SET due_at = ?, refusals = refusals + ?, parked_at = ?,"
                " last_error = ?, lease = NULL, updated_at = ?"
                " WHERE id = ? AND lease = ? AND closed_at IS NULL",
                (due_at, int(refused), parked_at, reason[:500], now, row["id"], row["lease"]),
            )

        self.database.write(put_off, durable=False)
        outcome = "parked" if parked_at else "put_off"
        metrics.count(metrics.OUTBOX_SENT, row["topic"], outcome)
        logger.warning(
            "outbox row %s %s: %s", row["id"], outcome, reason, extra={"topic": row["topic"]}
        )


def depth(tx: Transaction, now: datetime) -> dict[str, Any]:
    """`{"open", "parked", "oldest_age_s"}` of the rows that are not closed."""
    row = tx.get(
        "SELECT COUNT(*) AS open, COUNT(parked_at) AS parked, MIN(created_at) AS oldest_at"
        " FROM outbox WHERE closed_at IS NULL"
    )
    age_s = (now - clock.from_iso(row["oldest_at"])).total_seconds() if row["oldest_at"] else 0.0
    return {"open": row["open"], "parked": row["parked"], "oldest_age_s": round(age_s, 3)}


def list_open(tx: Transaction, after: int | None, limit: int) -> list[Row]:
    """Open rows, newest first, those below `after` only."""
    return tx.all(
        "SELECT id, topic, aggregate, partner, path, attempts, refusals, last_error, created_at,"
        " due_at, parked_at FROM outbox WHERE closed_at IS NULL AND (? = 0 OR id < ?)"
        " ORDER BY id DESC LIMIT ?",
        (after or 0, after or 0, limit),
    )


def retry(database: Database, row_id: int, now: datetime) -> dict[str, Any]:
    """Make an open row due now and let it count refusals from zero again.

    Raises NotFoundError for an unknown row, ConflictError for one that is closed.
    """

    def make_due(tx: Transaction) -> dict[str, Any]:
        idempotency.claim(tx)
        row = tx.one("SELECT closed_at FROM outbox WHERE id = ? FOR UPDATE", (row_id,))
        if row is None:
            raise NotFoundError(f"Outbox row {row_id} not found")
        if row["closed_at"]:
            raise ConflictError(f"Outbox row {row_id} has been delivered")
        tx.execute(
            "UPDATE outbox SET parked_at = NULL, refusals = 0, due_at = ?, updated_at = ?"
            " WHERE id = ?",
            (clock.to_iso(now), clock.to_iso(now), row_id),
        )
        return idempotency.keep(tx, {"id": row_id, "status": "due"})

    return database.write(make_due)


def prune(tx: Transaction, now: datetime) -> int:
    """Delete a batch of rows that were delivered more than KEPT_DAYS ago; how many."""
    before = clock.to_iso(now - timedelta(days=KEPT_DAYS))
    return tx.delete_before("outbox", "id", "closed_at", before, PRUNED_AT_ONCE)
