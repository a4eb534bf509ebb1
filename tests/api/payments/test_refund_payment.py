"""POST /payments/<payment_id>/refund and /return, GET /payments/<payment_id>/refunds."""

import random
import threading
import uuid
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from apps.payments import store
from apps.payments.providers import OPEN
from shop_common import clock
from shop_common.errors import BusyError
from shop_common.ids import new_id
from tests.api.harness import KEY, Api
from tests.api.payments.bank import DECLINED, ORDER_ID, OTHER_ID, Bank, Crash, Orders

PAY = f"/pay?order_id={ORDER_ID}&amount=100"
ONE = {"Idempotency-Key": "k-1"}
Settle = Callable[[Api], None]


@pytest.fixture
def payment_id(banked: Api) -> str:
    return str(banked.post(PAY).json["payment_id"])


def refund(api: Api, payment_id: str, amount: float | None = None, **kwargs: Any) -> Any:
    body = {} if amount is None else {"amount": amount}
    return api.post(f"/payments/{payment_id}/refund", json=body, **kwargs)


def refunded(api: Api, payment_id: str) -> float:
    return float(api.get(f"/payments/{payment_id}").json["refunded_amount"])


def test_a_refund_in_full(banked: Api, bank: Bank, orders_app: Orders, payment_id: str) -> None:
    response = banked.post(f"/payments/{payment_id}/refund", json={"reason": "broken"})
    assert response.status_code == 200
    body = response.json
    assert list(body) == [
        "refund_id",
        "payment_id",
        "amount",
        "status",
        "reason",
        "created_at",
        "updated_at",
    ]
    assert (body["amount"], body["status"], body["reason"]) == (100, "SUCCEEDED", "broken")
    assert uuid.UUID(body["refund_id"]).version == 7
    assert banked.get(f"/payments/{payment_id}/refunds").json == [body]
    assert list(banked.get(f"/payments/{payment_id}").json)[-1] == "refunded_amount"
    assert refunded(banked, payment_id) == 100
    assert bank.given_back == 10_000
    assert orders_app.refunds == [], "orders hears of it from the relay alone"
    banked.run_jobs()
    report = {"payment_id": payment_id, "refund_id": body["refund_id"]}
    assert orders_app.refunds == [report | {"amount": 100, "refunded_amount": 100}]


def test_partial_refunds_add_up_and_the_rest_is_the_rest(
    banked: Api, orders_app: Orders, payment_id: str
) -> None:
    assert refund(banked, payment_id, 30.5).json["amount"] == 30.5
    too_much = refund(banked, payment_id, 69.51)
    assert too_much.status_code == 409
    assert too_much.json["left"] == 69.5
    assert "Only 69.5 of" in too_much.json["detail"]
    assert banked.post(f"/payments/{payment_id}/refund").json["amount"] == 69.5
    for amount in (None, 0.01):
        nothing = refund(banked, payment_id, amount)
        assert (nothing.status_code, nothing.json["left"]) == (409, 0)
        assert "Nothing of" in nothing.json["detail"]
    assert len(banked.get(f"/payments/{payment_id}/refunds").json) == 2
    banked.run_jobs()
    banked.run_jobs()
    assert [r["refunded_amount"] for r in orders_app.refunds] == [30.5, 100]


@pytest.mark.parametrize(
    "body",
    [
        *({"amount": amount} for amount in (0, -1, 0.001, "1", None)),
        {"reason": ""},
        [],
    ],
)
def test_bad_input_is_refused(banked: Api, payment_id: str, body: Any) -> None:
    assert banked.post(f"/payments/{payment_id}/refund", json=body).status_code == 422


def test_what_took_no_money_gives_none_back(banked: Api, bank: Bank) -> None:
    bank.next_charge = [DECLINED, "silent"]
    for path in (PAY, f"/pay?order_id={OTHER_ID}&amount=100"):
        payment_id = banked.post(path).json["payment_id"]
        response = refund(banked, payment_id)
        assert response.status_code == 409, response.json
    assert refund(banked, "nope").status_code == 404
    assert banked.get("/payments/nope/refunds").status_code == 404
    assert bank.refunds == {}


def test_a_refund_that_fails_is_said_so_and_can_be_asked_for_again(
    banked: Api, bank: Bank, orders_app: Orders, settle: Settle, payment_id: str
) -> None:
    bank.next_refund = [DECLINED]
    response = refund(banked, payment_id, headers=ONE)
    assert response.status_code == 402
    [failed] = banked.get(f"/payments/{payment_id}/refunds").json
    said = {"detail": "Refund declined: no money", "refund_id": failed["refund_id"]}
    assert response.json == said
    assert refunded(banked, payment_id) == 0
    settle(banked)
    assert orders_app.refunds == [], "what did not happen is not shown"
    assert refund(banked, payment_id, headers=ONE).status_code == 200
    statuses = [r["status"] for r in banked.get(f"/payments/{payment_id}/refunds").json]
    assert statuses == ["SUCCEEDED", "FAILED"]


@pytest.mark.parametrize("fault", ["silent", "lost", "crash", "crash after"])
def test_a_refund_whose_outcome_is_unknown_is_made_once(
    banked: Api, bank: Bank, orders_app: Orders, settle: Settle, payment_id: str, fault: str
) -> None:
    bank.next_refund = [fault]
    if fault.startswith("crash"):
        with pytest.raises(Crash):
            refund(banked, payment_id, headers=ONE)
        assert refund(banked, payment_id, headers=ONE).status_code == 409
    else:
        response = refund(banked, payment_id, headers=ONE)
        assert (response.status_code, response.json["status"]) == (202, "REQUESTED")
    assert refund(banked, payment_id, 1).json["left"] == 0, "what is requested is taken"
    assert refunded(banked, payment_id) == 0, "and not shown yet"
    settle(banked)
    assert refunded(banked, payment_id) == 100
    assert len(bank.refunds) == 1
    assert len(orders_app.refunds) == 1
    first = refund(banked, payment_id, headers=ONE)
    assert (first.status_code, first.headers["Idempotent-Replayed"]) == (200, "true")
    assert refund(banked, payment_id, headers=ONE).data == first.data


def test_a_refund_whose_outcome_cannot_be_written_down_is_made_once(
    banked: Api, bank: Bank, settle: Settle, payment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 503 would say that nothing was done: who then asks again would get the money twice."""
    is_busy = Mock(side_effect=BusyError("The database is busy."))
    with monkeypatch.context() as patch:
        patch.setattr(store, "settle_refund", is_busy)
        response = refund(banked, payment_id, 10)
    assert (response.status_code, response.json["status"]) == (202, "REQUESTED")
    settle(banked)
    assert refunded(banked, payment_id) == 10
    assert bank.given_back == 1_000


def test_the_key_of_a_refund(banked: Api, bank: Bank, payment_id: str) -> None:
    first = refund(banked, payment_id, 10, headers=ONE)
    again = refund(banked, payment_id, 10, headers=ONE)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert refund(banked, payment_id, 11, headers=ONE).status_code == 422
    other = banked.post(f"/pay?order_id={OTHER_ID}&amount=100").json["payment_id"]
    assert refund(banked, other, 10, headers=ONE).status_code == 422
    assert bank.given_back == 1_000


def test_racing_refunds_never_give_back_more_than_was_paid(
    banked: Api, bank: Bank, payment_id: str
) -> None:
    amounts = [random.Random(n).choice([7, 13, 29.99, 41, None]) for n in range(24)]
    bank.next_refund = [DECLINED, None, OPEN] * 3
    statuses = []

    def ask(amount: float | None) -> None:
        response = banked.client.post(
            f"/payments/{payment_id}/refund",
            json={} if amount is None else {"amount": amount},
            headers={"X-API-Key": KEY},
        )
        statuses.append(response.status_code)

    threads = [threading.Thread(target=ask, args=(amount,)) for amount in amounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 202, 402, 409}, statuses
    assert bank.given_back <= 10_000
    bank.next_refund.clear()
    assert refund(banked, payment_id).status_code in (200, 409), "all may have gone back already"
    found = banked.get(f"/payments/{payment_id}/refunds").json
    asked = sum(round(r["amount"] * 100) for r in found if r["status"] != "FAILED")
    assert asked == 10_000
    given = sum(round(r["amount"] * 100) for r in found if r["status"] == "SUCCEEDED")
    assert given == bank.given_back == round(refunded(banked, payment_id) * 100)


def test_returns_that_race_refunds_leave_nothing_and_take_no_more(
    banked: Api, bank: Bank, settle: Settle
) -> None:
    payment_ids = [
        banked.post(f"/pay?order_id={order_id}&amount=100").json["payment_id"]
        for order_id in (ORDER_ID, OTHER_ID)
    ]
    start, statuses = threading.Barrier(8), []

    def ask(number: int) -> None:
        for payment_id in payment_ids:
            path = f"/payments/{payment_id}/" + ("refund" if number % 4 else "return")
            start.wait()
            body = {"amount": number} if number % 4 == 1 else {}
            response = banked.client.post(path, json=body, headers={"X-API-Key": KEY})
            statuses.append(response.status_code)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 409}, statuses
    settle(banked)
    assert [refunded(banked, payment_id) for payment_id in payment_ids] == [100, 100]
    assert bank.given_back == 20_000


def test_refunds_are_listed_in_pages(banked: Api, payment_id: str) -> None:
    refund(banked, banked.post(f"/pay?order_id={OTHER_ID}&amount=100").json["payment_id"])
    made = [refund(banked, payment_id, n).json for n in (1, 2, 3)]
    page = banked.get(f"/payments/{payment_id}/refunds?limit=2")
    assert page.json == [made[2], made[1]]
    assert page.headers["Link"] == f'<?limit=2&after={made[1]["refund_id"]}>; rel="next"'
    rest = banked.get(f"/payments/{payment_id}/refunds?limit=2&after={made[1]['refund_id']}")
    assert rest.json == [made[0]]
    assert "Link" not in banked.get(f"/payments/{payment_id}/refunds?limit=3").headers
    assert banked.get(f"/payments/{payment_id}/refunds?after=x").status_code == 422


def test_a_returned_payment_goes_back_in_full_once(
    banked: Api, bank: Bank, orders_app: Orders, settle: Settle, payment_id: str
) -> None:
    refund(banked, payment_id, 30)
    for _ in range(2):
        response = banked.post(f"/payments/{payment_id}/return", json={"reason": "cancelled"})
        assert (response.status_code, response.json) == (
            200,
            {"payment_id": payment_id, "status": "COMPLETED"},
        )
    settle(banked)
    assert refunded(banked, payment_id) == 100
    given_back = banked.get(f"/payments/{payment_id}/refunds").json
    assert [(r["amount"], r["reason"]) for r in given_back] == [(70, "cancelled"), (30, None)]
    assert [r["refunded_amount"] for r in orders_app.refunds] == [30, 100]
    assert banked.post(f"/payments/{payment_id}/return").status_code == 200
    assert banked.post("/payments/nope/return").status_code == 404


def test_the_key_of_a_return(banked: Api, payment_id: str) -> None:
    first = banked.post(f"/payments/{payment_id}/return", headers=ONE)
    again = banked.post(f"/payments/{payment_id}/return", headers=ONE)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_partial_refund_that_fails_beside_a_return_is_owed_too(
    banked: Api, bank: Bank, settle: Settle, payment_id: str
) -> None:
    bank.next_refund = ["silent"]
    assert refund(banked, payment_id, 30).status_code == 202
    banked.post(f"/payments/{payment_id}/return")
    bank.next_refund = [DECLINED, DECLINED, DECLINED]
    for _ in range(3):
        settle(banked)
    assert refunded(banked, payment_id) == 100
    assert bank.given_back == 10_000


def test_a_failing_return_is_tried_again_no_more_than_once_in_sweep_after_s(
    banked: Api, bank: Bank, payment_id: str
) -> None:
    bank.next_refund = [DECLINED] * 100
    banked.post(f"/payments/{payment_id}/return")
    for _ in range(5):
        banked.run_jobs()
    assert len(bank.refunds) == 1
    banked.clock.turn(seconds=31)
    for _ in range(5):
        banked.run_jobs()
    assert len(bank.refunds) == 2


@pytest.mark.parametrize("refuses", [False, True])
def test_a_payment_that_is_returned_before_it_is_completed(
    banked: Api, bank: Bank, orders_app: Orders, settle: Settle, refuses: bool
) -> None:
    bank.next_charge = ["silent"]
    payment_id = banked.post(PAY).json["payment_id"]
    response = banked.post(f"/payments/{payment_id}/return")
    assert response.json["status"] == "PENDING"
    banked.run_jobs()
    assert bank.refunds == {}, "nothing goes back before it was charged"
    orders_app.refuses = refuses
    banked.clock.turn(seconds=31)
    banked.run_jobs()
    assert len(bank.refunds) == 1, "as soon as it is known to be COMPLETED"
    settle(banked)
    assert banked.get(f"/payments/{payment_id}").json["status"] == "COMPLETED"
    assert refunded(banked, payment_id) == 100
    assert bank.taken == bank.given_back == 10_000
    assert list(orders_app.first_answers) == [payment_id], "orders heard of it before the refund"


@pytest.mark.parametrize(
    "charges", [[DECLINED], ["silent", DECLINED]], ids=["known", "known later"]
)
def test_a_payment_that_failed_has_nothing_to_return(
    banked: Api, bank: Bank, settle: Settle, charges: list[Any]
) -> None:
    bank.next_charge = charges.copy()
    banked.post(PAY)
    [payment] = banked.get("/payments").json
    payment_id = payment["payment_id"]
    returned = banked.post(f"/payments/{payment_id}/return").json["status"]
    assert returned == ("FAILED" if len(charges) == 1 else "PENDING")
    settle(banked)
    assert banked.get(f"/payments/{payment_id}").json["status"] == "FAILED"
    assert bank.refunds == {}


def test_a_refund_that_was_paused_finds_itself_settled(
    banked: Api, bank: Bank, orders_app: Orders, settle: Settle, payment_id: str
) -> None:
    """The sweeper has made it meanwhile: it counts once and orders hears of it once."""
    refund(banked, payment_id, 50)
    bank.next_refund = [lambda: settle(banked)]
    assert refund(banked, payment_id, 30).json["status"] == "SUCCEEDED"
    assert refunded(banked, payment_id) == 80
    settle(banked)
    assert [r["refunded_amount"] for r in orders_app.refunds] == [50, 80]


def test_a_sweeper_leaves_what_another_has_taken(
    banked: Api, bank: Bank, payment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    banked.post(f"/payments/{payment_id}/return")
    list_due = store.list_due

    def overtaken(*args: Any) -> Any:
        found = list_due(*args)
        if found:
            monkeypatch.setattr(store, "list_due", list_due)
            other = threading.Thread(target=banked.run_jobs)
            other.start()
            other.join()
        return found

    monkeypatch.setattr(store, "list_due", overtaken)
    # The other one is asked and says nothing: it is not asked again at once.
    bank.asked, bank.next_refund = 0, ["silent"]
    banked.run_jobs()
    assert bank.asked == 1


def test_two_sweepers_at_once_do_it_once(
    banked: Api, bank: Bank, orders_app: Orders, payment_id: str
) -> None:
    for _ in range(5):
        other = banked.post(f"/pay?order_id={new_id(clock.now())}&amount=100").json["payment_id"]
        banked.post(f"/payments/{other}/return")
    bank.next_charge = ["silent"]
    banked.post(f"/pay?order_id={OTHER_ID}&amount=100")
    banked.clock.turn(seconds=31)
    threads = [threading.Thread(target=banked.run_jobs) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    banked.run_jobs()
    assert bank.taken == 70_000
    assert bank.given_back == 50_000
    assert len(bank.refunds) == 5
    assert len({r["refund_id"] for r in orders_app.refunds}) == len(orders_app.refunds) == 5
