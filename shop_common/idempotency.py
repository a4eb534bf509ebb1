"""Idempotency-Key: a POST that is sent again takes effect once, and is answered as the first time.

An operation that is one transaction calls `claim` first and `keep` last in it, so that the key and
the effect are there together or not at all. One that does more before its transaction runs inside
`lease`; whoever takes a lease over writes a new token, and `claim` stops the one who lost it.
Without a key all three do nothing.
"""

import hashlib
import logging
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn, TypeVar

from flask import Response, request

from shop_common import clock, json_text
from shop_common.clock import to_iso
from shop_common.db import ConflictRetryError, Database, Row, Transaction
from shop_common.errors import BusyError, InvalidInputError, KeyReusedError, KeyRunningError

T = TypeVar("T")

logger = logging.getLogger("shop.idempotency")

LEASE_S = 10.0
KEPT_HOURS = 48
PRUNED_AT_ONCE = 1000
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(slots=True)
class _Attempt:
    """The request that is being answered, as far as its key is concerned."""

    route: str
    key: str
    fingerprint: str
    clock: clock.Clock
    token: str = ""  # of the lease, if one is held
    answer: Response | None = None


class AnsweredError(Exception):
    """The request was answered before; `response` is that answer."""

    def __init__(self, row: Row) -> None:
        super().__init__("answered before")
        self.response = _respond(row["status"], json_text.load(row["headers"]), row["body"])
        self.response.headers["Idempotent-Replayed"] = "true"


_current: ContextVar[_Attempt | None] = ContextVar("idempotency", default=None)


def read_key() -> str | None:
    """The request's Idempotency-Key. Raises InvalidInputError for one that is no key."""
    sent: str | None = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if sent is None:
        return None
    # The draft's syntax is a quoted string; most clients send it bare.
    key = sent[1:-1] if len(sent) > 1 and sent[0] == sent[-1] == '"' else sent
    if not _KEY.fullmatch(key):
        text = "Must be 1 to 255 visible ASCII characters."
        raise InvalidInputError({"Idempotency-Key": [text]})
    return key


def fingerprint() -> str:
    """What makes two requests the same: method, address and body."""
    parts = (request.method, request.path, request.query_string, request.get_data())
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


def run(database: Database, time_source: clock.Clock, view: Callable[[], Any]) -> Any:
    """Call the view, unless the request's key has been answered: then that answer again.

    Raises KeyRunningError while another try runs, KeyReusedError if the key came with another
    request.
    """
    key = read_key()
    if key is None:
        return view()
    attempt = _Attempt(request.endpoint or "", key, fingerprint(), time_source)
    with database.read() as tx:
        row = _find(tx, attempt)
    if row is not None:
        _check_unanswered(row, attempt)
    token = _current.set(attempt)
    try:
        view()
    finally:
        _current.reset(token)
    if attempt.answer is None:
        raise RuntimeError(f"{attempt.route} keeps no answer for its key")
    return attempt.answer


def claim(tx: Transaction) -> None:
    """First in the transaction of the effect: the key is this try's, or the transaction ends.

    Raises AnsweredError, KeyRunningError or KeyReusedError as `run` does.
    """
    attempt = _current.get()
    if attempt is None:
        return
    if attempt.token:
        row = _find(tx, attempt, " FOR UPDATE")
        if row is not None and row["status"] is None and row["token"] == attempt.token:
            return
        _refuse(row, attempt)
    now = to_iso(attempt.clock())
    if not _insert(tx, attempt, now, now):
        _refuse(_find(tx, attempt, " FOR UPDATE"), attempt)


def keep(
    tx: Transaction, payload: T, status: int = 200, headers: Mapping[str, str] | None = None
) -> T:
    """Last in the transaction of the effect: this is the answer, now and for whoever asks again.

    The `payload` is returned, for who asks without a key.
    """
    attempt = _current.get()
    if attempt is None:
        return payload
    now, headers = to_iso(attempt.clock()), dict(headers or {})
    body = json_text.dump(payload) + "\n"
    tx.execute(
        "UPDATE idempotency SET status = ?, headers = ?, body = ?, updated_at = ?"
        " WHERE route = ? AND key = ?",
        (status, json_text.dump(headers), body, now, attempt.route, attempt.key),
    )
    attempt.answer = _respond(status, headers, body)
    return payload


@contextmanager
def lease(database: Database) -> Iterator[None]:
    """Hold the key for LEASE_S while more than one transaction works; free it if that fails."""
    attempt = _current.get()
    if attempt is None:
        yield
        return
    _take_lease(database, attempt)
    try:
        yield
    except BaseException:
        _free_lease(database, attempt)
        raise


def _take_lease(database: Database, attempt: _Attempt) -> None:
    now = attempt.clock()
    attempt.token = uuid.uuid4().hex
    until = to_iso(now + timedelta(seconds=LEASE_S))

    def take(tx: Transaction) -> None:
        if _insert(tx, attempt, until, to_iso(now)):
            return
        row = _find(tx, attempt, " FOR UPDATE")
        if row is None:
            raise ConflictRetryError  # the other try has failed meanwhile, and freed the key
        _check_unanswered(row, attempt)
        if to_iso(now) < row["leased_until"] <= clock.too_far_ahead(now, LEASE_S):
            raise KeyRunningError
        tx.execute(
            "UPDATE idempotency SET token = ?, leased_until = ?, updated_at = ?"
            " WHERE route = ? AND key = ?",
            (attempt.token, until, to_iso(now), attempt.route, attempt.key),
        )

    database.write(take)


def _free_lease(database: Database, attempt: _Attempt) -> None:
    """So that a failed try burns no key; if that fails too, the lease runs out."""
    sql = "DELETE FROM idempotency WHERE route = ? AND key = ? AND token = ? AND status IS NULL"
    try:
        database.write(lambda tx: tx.execute(sql, (attempt.route, attempt.key, attempt.token)))
    except BusyError as error:
        logger.warning("a lease was left to run out: %s", error.detail)


def _insert(tx: Transaction, attempt: _Attempt, leased_until: str, now: str) -> bool:
    return tx.any(
        "INSERT INTO idempotency (route, key, fingerprint, token, leased_until, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (route, key) DO NOTHING"
        " RETURNING key",
        (attempt.route, attempt.key, attempt.fingerprint, attempt.token, leased_until, now, now),
    )


def _find(tx: Transaction, attempt: _Attempt, lock: str = "") -> Row | None:
    return tx.one(
        f"SELECT * FROM idempotency WHERE route = ? AND key = ?{lock}", (attempt.route, attempt.key)
    )


def _refuse(row: Row | None, attempt: _Attempt) -> NoReturn:
    """Say why this try has no right to the key."""
    if row is not None:
        _check_unanswered(row, attempt)
    raise KeyRunningError


def _check_unanswered(row: Row, attempt: _Attempt) -> None:
    if row["fingerprint"] != attempt.fingerprint:
        raise KeyReusedError
    if row["status"] is not None:
        raise AnsweredError(row)


def _respond(status: int, headers: Mapping[str, str], body: str) -> Response:
    return Response(body, status=status, headers=dict(headers), content_type="application/json")


def prune(tx: Transaction, now: datetime) -> int:
    """Delete a batch of keys older than KEPT_HOURS; how many."""
    before = to_iso(now - timedelta(hours=KEPT_HOURS))
    return tx.delete_before("idempotency", "route, key", "created_at", before, PRUNED_AT_ONCE)
