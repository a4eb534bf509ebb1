"""POST /pay when the provider or the process fails in the middle, and the sweeper after it."""

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from apps.payments import store
from apps.payments.providers import OPEN
from shop_common.errors import BusyError
from tests.api.harness import Api
from tests.api.payments.bank import DECLINED, ORDER_ID, OTHER_ID, SUCCEEDED, Bank, Crash, Orders

PAY = f"/pay?order_id={ORDER_ID}&amount=100"
Settle = Callable[[Api], None]


def books(api: Api) -> list[tuple[str, float]]:
    return [(p["status"], p["refunded_amount"]) for p in api.get("/payments").json]


def is_left_to_the_sweeper(api: Api) -> bool:
    with api.context.db.read() as tx:
        row = tx.one("SELECT 1 AS one FROM payments WHERE sweep_at IS NOT NULL")
    return row is not None


def test_a_declined_payment_leaves_the_order_to_be_paid(banked: Api, bank: Bank) -> None:
    bank.next_charge = [DECLINED]
    response = banked.post(PAY)
    assert response.status_code == 402
    assert list(response.json) == ["detail", "payment_id"]
    assert banked.get(f"/payments/{response.json['payment_id']}").json["status"] == "FAILED"
    assert banked.post(PAY).status_code == 200
    assert bank.taken == 10_000


def test_payments_are_listed_by_order_and_state(banked: Api, bank: Bank) -> None:
    bank.next_charge = [DECLINED]
    failed, paid, other = (
        banked.post(f"/pay?order_id={order_id}&amount=100").json["payment_id"]
        for order_id in (ORDER_ID, ORDER_ID, OTHER_ID)
    )
    for query, expected in {
        "": [other, paid, failed],
        f"order_id={ORDER_ID}": [paid, failed],
        "status=COMPLETED": [other, paid],
        f"order_id={ORDER_ID}&status=FAILED": [failed],
    }.items():
        listed = banked.get(f"/payments?{query}").json
        assert [payment["payment_id"] for payment in listed] == expected


@pytest.mark.parametrize("fault", ["silent", "lost", OPEN], ids=str)
def test_an_unknown_outcome_is_asked_for_and_never_guessed(
    banked: Api, bank: Bank, orders_app: Orders, settle: Settle, fault: Any
) -> None:
    bank.next_charge = [fault]
    response = banked.post(PAY)
    assert (response.status_code, response.json["status"]) == (202, "PENDING")
    assert banked.post(PAY).status_code == 409, "the order is being paid"
    banked.run_jobs()
    assert books(banked) == [("PENDING", 0)], "not before SWEEP_AFTER_S"
    bank.is_silent = True
    settle(banked)
    assert books(banked) == [("PENDING", 0)]
    bank.is_silent = False
    payment_id = response.json["payment_id"]
    if fault == OPEN:
        settle(banked)
        assert books(banked) == [("PENDING", 0)]
        bank.decide(payment_id, SUCCEEDED)
    settle(banked)
    assert books(banked) == [("COMPLETED", 0)]
    assert orders_app.paid_by == {ORDER_ID: payment_id}
    assert list(bank.charges) == [payment_id], "charged once, under the one id"
    settle(banked)
    assert orders_app.refunds == []


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k-1"}])
def test_an_outcome_that_cannot_be_written_down_is_left_to_the_sweeper(
    banked: Api,
    bank: Bank,
    orders_app: Orders,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
    turned_clock: Any,
    key: dict[str, str],
) -> None:
    """A 503 would say that nothing was charged; the same for a try that takes it up again."""
    is_busy = Mock(side_effect=BusyError("The database is busy."))
    with monkeypatch.context() as patch:
        patch.setattr(store, "settle_payment", is_busy)
        response = banked.post(PAY, headers=key)
        assert (response.status_code, response.json["status"]) == (202, "PENDING")
        if key:
            turned_clock.turn(seconds=11)
            assert banked.post(PAY, headers=key).data == response.data
    settle(banked)
    assert books(banked) == [("COMPLETED", 0)]
    assert orders_app.paid_by == {ORDER_ID: response.json["payment_id"]}
    assert bank.taken == 10_000


def test_what_turns_out_to_be_declined_fails(banked: Api, bank: Bank, settle: Settle) -> None:
    bank.next_charge = [OPEN]
    payment_id = banked.post(PAY).json["payment_id"]
    bank.decide(payment_id, DECLINED)
    settle(banked)
    assert books(banked) == [("FAILED", 0)]
    assert banked.post(PAY).status_code == 200


def _crash_in_store(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any) -> None:
        monkeypatch.undo()
        raise Crash

    monkeypatch.setattr(store, "settle_payment", crash)


@pytest.mark.parametrize(
    "step", ["before the charge", "after the charge", "in the commit", "telling orders"]
)
def test_a_try_that_dies_at_any_step_is_finished_by_the_sweeper(
    banked: Api,
    bank: Bank,
    orders_app: Orders,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    def crash() -> None:
        orders_app.on_payment = lambda: None
        raise Crash

    match step:
        case "before the charge":
            bank.next_charge = ["crash"]
        case "after the charge":
            bank.next_charge = ["crash after"]
        case "in the commit":
            # The fixture's own patch has done its work by now.
            _crash_in_store(monkeypatch)
        case "telling orders":
            orders_app.on_payment = crash
    with pytest.raises(Crash):
        banked.post(PAY)
    settle(banked)
    assert books(banked) == [("COMPLETED", 0)]
    [payment_id] = bank.charges
    assert orders_app.paid_by == {ORDER_ID: payment_id}
    assert bank.taken == 10_000


def test_a_writer_that_was_paused_finds_the_payment_settled(
    banked: Api, bank: Bank, orders_app: Orders, settle: Settle
) -> None:
    """The sweeper has charged and told meanwhile; the writer's charge is the same one."""
    bank.next_charge = [lambda: settle(banked)]
    response = banked.post(PAY)
    assert (response.status_code, response.json["status"]) == (200, "PAID")
    assert len(bank.charges) == 1
    assert list(orders_app.first_answers) == [response.json["payment_id"]]
    assert banked.get("/admin/outbox").json == []


def test_a_paused_writer_that_was_declined_does_not_undo_the_payment(
    banked: Api, bank: Bank, settle: Settle
) -> None:
    def pause() -> Any:
        settle(banked)
        [payment_id] = bank.charges
        bank.decide(payment_id, DECLINED)

    bank.next_charge = [pause]
    assert banked.post(PAY).status_code == 200
    assert books(banked) == [("COMPLETED", 0)]


def test_a_paused_writer_that_hears_nothing_leaves_the_payment_settled(
    banked: Api, bank: Bank, settle: Settle
) -> None:
    """The sweeper has settled it meanwhile, and would ask the provider for it for ever."""

    def pause() -> str:
        settle(banked)
        return "silent"

    bank.next_charge = [pause]
    assert banked.post(PAY).status_code == 200
    assert not is_left_to_the_sweeper(banked)


def test_what_was_put_off_before_the_clock_stepped_back_is_taken_up(
    banked: Api, bank: Bank
) -> None:
    """Else a payment would stay open for as long as the clock was wrong, which may be years."""
    bank.next_charge = ["silent"]
    banked.clock.turn(days=400)
    banked.post(PAY)
    banked.clock.turn(days=-400)
    banked.run_jobs()
    assert books(banked) == [("COMPLETED", 0)]


def test_a_charge_found_for_a_failed_payment_goes_back(
    banked: Api, bank: Bank, orders_app: Orders, settle: Settle
) -> None:
    bank.next_charge = [DECLINED]
    failed = banked.post(PAY).json["payment_id"]
    assert banked.post(PAY).status_code == 200
    bank.decide(failed, SUCCEEDED)
    settle(banked)
    assert books(banked) == [("COMPLETED", 0), ("FAILED", 100)]
    assert bank.taken - bank.given_back == 10_000
    assert [r["payment_id"] for r in orders_app.refunds] == [failed]


@pytest.mark.parametrize("forgets", [False, True])
def test_a_failed_payment_is_looked_at_once(
    banked: Api, bank: Bank, settle: Settle, forgets: bool
) -> None:
    """And never charged, also where the provider keeps nothing of what it has declined."""
    bank.next_charge = [DECLINED]
    banked.post(PAY)
    if forgets:
        bank.charges.clear()
    settle(banked)
    assert not is_left_to_the_sweeper(banked)
    assert bank.taken == 0


@pytest.mark.parametrize("fails", [0, 1], ids=["at once", "at the second refund"])
def test_a_payment_that_orders_refuses_goes_back(
    banked: Api, bank: Bank, orders_app: Orders, settle: Settle, fails: int
) -> None:
    orders_app.refuses = True
    response = banked.post(PAY)
    assert response.status_code == 409
    payment_id = response.json["payment_id"]
    assert response.json["detail"] == f"Too late; payment {payment_id} is refunded"
    [refund] = banked.get(f"/payments/{payment_id}/refunds").json
    assert (refund["status"], refund["amount"], refund["reason"]) == ("REQUESTED", 100, "Too late")
    assert banked.get("/admin/outbox").json == [], "refused is answered: nothing is parked"
    bank.next_refund = [DECLINED] * fails
    settle(banked)
    assert books(banked) == [("COMPLETED", 100)]
    assert bank.given_back == 10_000
    assert [r["refunded_amount"] for r in orders_app.refunds] == [100]


def test_a_refusal_that_the_relay_hears_of_goes_back_too(
    banked: Api, bank: Bank, orders_app: Orders, settle: Settle
) -> None:
    orders_app.is_silent = True
    assert banked.post(PAY).status_code == 202
    orders_app.is_silent, orders_app.refuses = False, True
    settle(banked)
    assert books(banked) == [("COMPLETED", 100)]
    assert bank.given_back == 10_000
