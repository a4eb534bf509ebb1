"""Stand-ins for payments' partners: a provider that fails as told, and orders with its rules."""

import json
import re
import threading
from collections.abc import Callable
from typing import Any

import requests
import responses

from apps.payments.providers import ABSENT, Outcome, Provider, Status
from shop_common.errors import BusyError

ORDER_ID = "01900000-0000-7000-8000-000000000001"
OTHER_ID = "01900000-0000-7000-8000-000000000002"
SUCCEEDED = Outcome(Status.SUCCEEDED)
DECLINED = Outcome(Status.DECLINED, "no money")


class Crash(BaseException):
    """The process dies here: nothing of ours catches it."""


class Bank(Provider):
    """Keeps its own books; `next_charge` and `next_refund` say what goes wrong, call by call.

    An Outcome is its answer; "silent": nothing done and no answer; "lost": done, no answer;
    "crash": the caller dies before, "crash after": after it is done. A callable is called first.
    """

    def __init__(self) -> None:
        self.charges: dict[str, tuple[int, Outcome]] = {}
        self.refunds: dict[str, tuple[str, int, Outcome]] = {}
        self.next_charge: list[Any] = []
        self.next_refund: list[Any] = []
        self.is_silent = False
        self.asked = 0
        self._lock = threading.Lock()

    def charge(self, payment_id: str, amount_minor: int, currency: str) -> Outcome:
        fault = self._begin(self.next_charge)
        outcome = fault if isinstance(fault, Outcome) else SUCCEEDED
        self.charges.setdefault(payment_id, (amount_minor, outcome))
        return self._end(fault, self.charges[payment_id][1])

    def find_charge(self, payment_id: str) -> Outcome:
        if self.is_silent:
            raise BusyError("silent")
        return self.charges.get(payment_id, (0, ABSENT))[1]

    def refund(self, refund_id: str, payment_id: str, amount_minor: int) -> Outcome:
        fault = self._begin(self.next_refund)
        outcome = fault if isinstance(fault, Outcome) else SUCCEEDED
        self.refunds.setdefault(refund_id, (payment_id, amount_minor, outcome))
        return self._end(fault, self.refunds[refund_id][2])

    def find_refund(self, refund_id: str) -> Outcome:
        if self.is_silent:
            raise BusyError("silent")
        return self.refunds.get(refund_id, ("", 0, ABSENT))[2]

    def _begin(self, faults: list[Any]) -> Any:
        with self._lock:
            self.asked += 1
            fault = faults.pop(0) if faults else None
        if callable(fault):
            fault = fault()
        if fault == "silent" or self.is_silent:
            raise BusyError("silent")
        if fault == "crash":
            raise Crash
        return fault

    def _end(self, fault: Any, outcome: Outcome) -> Outcome:
        if fault == "lost":
            raise BusyError("lost")
        if fault == "crash after":
            raise Crash
        return outcome

    def decide(self, payment_id: str, outcome: Outcome) -> None:
        """What was OPEN, or said to be declined, turns out to be this."""
        self.charges[payment_id] = (self.charges[payment_id][0], outcome)

    @property
    def taken(self) -> int:
        """All that was charged, in minor units."""
        return sum(amount for amount, outcome in self.charges.values() if outcome == SUCCEEDED)

    @property
    def given_back(self) -> int:
        return sum(amount for _, amount, outcome in self.refunds.values() if outcome == SUCCEEDED)


class Orders:
    """The orders app as payments sees it; every order's total is 100.00."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.paid_by: dict[str, str] = {}
        self.first_answers: dict[str, int] = {}
        self.refunds: list[dict[str, Any]] = []
        self.is_silent = False
        self.refuses = False
        self.on_get: Callable[[], None] = lambda: None
        self.on_payment: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        url = r"http://localhost:8003/orders/"
        mock.add_callback("GET", re.compile(url + r"[^/]+$"), self._get)
        mock.add_callback("POST", re.compile(url + r"[^/]+/payment$"), self._pay)
        mock.add_callback("POST", re.compile(url + r"[^/]+/refund$"), self._refund)

    def _get(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.on_get()
        order_id = str(request.url).rpartition("/")[2]
        with self._lock:
            paid_by = self.paid_by.get(order_id)
        status = "PAID" if paid_by else "CREATED"
        body = {"order_id": order_id, "status": status, "total_amount": 100, "payment_id": paid_by}
        return 200, {"Content-Type": "application/json"}, json.dumps(body)

    def _pay(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.on_payment()
        if self.is_silent:
            raise requests.ConnectionError("refused")
        order_id = str(request.url).split("/")[-2]
        payment_id = json.loads(request.body or "")["payment_id"]
        with self._lock:
            if payment_id not in self.first_answers:
                is_taken = self.refuses or order_id in self.paid_by
                self.first_answers[payment_id] = 409 if is_taken else 200
                if not is_taken:
                    self.paid_by[order_id] = payment_id
            status = self.first_answers[payment_id]
        body = {"order_id": order_id, "status": "PAID"} if status == 200 else {"detail": "Too late"}
        return status, {"Content-Type": "application/json"}, json.dumps(body)

    def _refund(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        if self.is_silent:
            raise requests.ConnectionError("refused")
        with self._lock:
            self.refunds.append(json.loads(request.body or ""))
        return 200, {"Content-Type": "application/json"}, '{"status": "REFUNDED"}'
