"""Who moves the money: a small interface, and `simulated`, which keeps its books beside ours."""

import random
from abc import ABC, abstractmethod
from enum import Enum
from typing import NamedTuple

from shop_common.clock import Clock, to_iso
from shop_common.config import Config
from shop_common.context import Context
from shop_common.db import Database, Transaction
from shop_common.errors import BusyError


class Status(Enum):
    SUCCEEDED = 1
    DECLINED = 2
    OPEN = 3  # not decided, or not known: it is asked for again
    ABSENT = 4  # the provider has never heard of the id


class Outcome(NamedTuple):
    status: Status
    reason: str = ""


OPEN = Outcome(Status.OPEN)
ABSENT = Outcome(Status.ABSENT)


class Provider(ABC):
    """What the rules need of a provider.

    `payment_id` and `refund_id` are its idempotency keys: the same one again moves no more money.
    A method may raise BusyError for no answer, which leaves it open whether the money has moved.
    One that decides later answers OPEN, and whoever hears of it (a webhook) calls
    `service.settle_payment` or `settle_refund`; the sweeper asks besides.
    """

    def charge_within(
        self, tx: Transaction, payment_id: str, amount_minor: int, currency: str
    ) -> bool:
        """Charge in the caller's transaction, if that can be; False: `charge` does it, later."""
        return False

    @abstractmethod
    def charge(self, payment_id: str, amount_minor: int, currency: str) -> Outcome: ...

    @abstractmethod
    def find_charge(self, payment_id: str) -> Outcome: ...

    @abstractmethod
    def refund(self, refund_id: str, payment_id: str, amount_minor: int) -> Outcome: ...

    @abstractmethod
    def find_refund(self, refund_id: str) -> Outcome: ...


class Simulated(Provider):
    """A provider that takes every card; SIMULATED_FAULTS makes it as bad as a real one."""

    def __init__(self, config: Config, database: Database, time_source: Clock) -> None:
        self._faults = config.simulated_faults
        self._db = database
        self._clock = time_source

    def charge_within(
        self, tx: Transaction, payment_id: str, amount_minor: int, currency: str
    ) -> bool:
        # Without faults nothing is unknown, so that the charge can be in the payment's transaction.
        if not self._faults:
            self._book_charge(tx, payment_id, amount_minor, currency)
        return not self._faults

    def charge(self, payment_id: str, amount_minor: int, currency: str) -> Outcome:
        self._fail("timeout")

        def book(tx: Transaction) -> Outcome:
            self._book_charge(tx, payment_id, amount_minor, currency)
            return _find(tx, "charges", "payment_id", payment_id)

        outcome = self._db.write(book)
        self._fail("lost_answer")
        return outcome

    def find_charge(self, payment_id: str) -> Outcome:
        def find(tx: Transaction) -> Outcome:
            outcome = _find(tx, "charges", "payment_id", payment_id)
            if outcome == OPEN:
                # What was left open is decided once somebody asks.
                tx.execute(
                    "UPDATE simulated_charges SET status = ?, updated_at = ? WHERE payment_id = ?",
                    (Status.SUCCEEDED.name, to_iso(self._clock()), payment_id),
                )
                outcome = Outcome(Status.SUCCEEDED)
            return outcome

        return self._db.write(find)

    def refund(self, refund_id: str, payment_id: str, amount_minor: int) -> Outcome:
        self._fail("timeout")
        status = Status.DECLINED if self._hits("refund_failure") else Status.SUCCEEDED
        reason = "the bank did not take it" if status is Status.DECLINED else ""
        now = to_iso(self._clock())

        def book(tx: Transaction) -> Outcome:
            tx.execute(
                "INSERT INTO simulated_refunds (refund_id, payment_id, amount, status, reason,"
                " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (refund_id, payment_id, amount_minor, status.name, reason, now, now),
            )
            return _find(tx, "refunds", "refund_id", refund_id)

        outcome = self._db.write(book)
        self._fail("lost_answer")
        return outcome

    def find_refund(self, refund_id: str) -> Outcome:
        with self._db.read() as tx:
            return _find(tx, "refunds", "refund_id", refund_id)

    def _book_charge(self, tx: Transaction, payment_id: str, amount: int, currency: str) -> None:
        status, reason = Status.OPEN if self._hits("pending") else Status.SUCCEEDED, ""
        if self._hits("decline") or amount > 100 * self._faults.get("decline_above", amount):
            status, reason = Status.DECLINED, "the card was declined"
        now = to_iso(self._clock())
        tx.execute(
            "INSERT INTO simulated_charges (payment_id, amount, currency, status, reason,"
            " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (payment_id, amount, currency, status.name, reason, now, now),
        )

    def _hits(self, fault: str) -> bool:
        return random.random() < self._faults.get(fault, 0)

    def _fail(self, fault: str) -> None:
        if self._hits(fault):
            raise BusyError("The payment provider does not answer.")


def _find(tx: Transaction, table: str, column: str, value: str) -> Outcome:
    row = tx.one(f"SELECT status, reason FROM simulated_{table} WHERE {column} = ?", (value,))
    return Outcome(Status[row["status"]], row["reason"]) if row else ABSENT


PROVIDERS = {"simulated": Simulated}


def make_provider(config: Config, database: Database, time_source: Clock) -> Provider:
    """The provider that PAYMENT_PROVIDER names."""
    return PROVIDERS[config.payment_provider](config, database, time_source)


def provider_of(context: Context) -> Provider:
    """The one that this app was made with."""
    provider: Provider = context.memory["provider"]
    return provider
