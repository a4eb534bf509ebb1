"""POST /pay with an Idempotency-Key: the key lives in the payment's row."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from apps.payments import service
from shop_common import clock
from shop_common.errors import BusyError, UnknownOutcomeError
from shop_common.ids import new_id
from tests.api.harness import KEY, Api
from tests.api.payments.bank import DECLINED, ORDER_ID, OTHER_ID, Bank, Crash, Orders

PAY = f"/pay?order_id={ORDER_ID}&amount=100"
OTHER_PAY = f"/pay?order_id={OTHER_ID}&amount=100"
ONE = {"Idempotency-Key": "k-1"}
TWO = {"Idempotency-Key": "k-2"}


@pytest.mark.usefixtures("orders_app")
def test_a_key_that_has_paid_is_answered_byte_for_byte(payments: Api) -> None:
    first = payments.post(PAY, headers=ONE)
    assert first.status_code == 200
    assert "Idempotent-Replayed" not in first.headers
    for _ in range(2):
        again = payments.post(PAY, headers=ONE)
        assert (again.status_code, again.data) == (200, first.data)
        assert again.headers["Idempotent-Replayed"] == "true"
    assert len(payments.get("/payments").json) == 1


@pytest.mark.usefixtures("orders_app")
def test_it_is_replayed_after_a_refund_and_a_prune(
    payments: Api, settle: Callable[[Api], None]
) -> None:
    first = payments.post(PAY, headers=ONE)
    payments.post(f"/payments/{first.json['payment_id']}/return")
    settle(payments)
    payments.clock.turn(days=30)
    payments.run_jobs()
    again = payments.post(PAY, headers=ONE)
    assert (again.status_code, again.data) == (200, first.data)


@pytest.mark.usefixtures("orders_app")
def test_another_key_meets_the_payment(payments: Api) -> None:
    first = payments.post(PAY, headers=ONE).json
    for headers in (TWO, {}):
        other = payments.post(PAY, headers=headers)
        assert (other.status_code, other.json["payment_id"]) == (409, first["payment_id"])


@pytest.mark.usefixtures("orders_app")
@pytest.mark.parametrize(
    "path", [f"/pay?order_id={OTHER_ID}&amount=100", f"/pay?amount=100&order_id={ORDER_ID}"]
)
def test_another_request_under_the_key_is_refused(payments: Api, path: str) -> None:
    payments.post(PAY, headers=ONE)
    response = payments.post(path, headers=ONE)
    assert response.status_code == 422
    assert response.json["detail"].startswith("Idempotency-Key: ")


@pytest.mark.parametrize(
    ("path", "status"), [(f"/pay?order_id={OTHER_ID}&amount=100", 422), (PAY, 200)]
)
def test_a_key_that_is_taken_while_orders_is_asked(
    banked: Api, bank: Bank, orders_app: Orders, path: str, status: int
) -> None:
    """Another request under the key has got ahead: with another order 422, with this one 200."""

    def pay_first() -> None:
        orders_app.on_get = lambda: None
        assert banked.post(path, headers=ONE).status_code == 200

    orders_app.on_get = pay_first
    assert banked.post(PAY, headers=ONE).status_code == status
    assert bank.taken == 10_000


def test_a_failed_try_burns_no_key(banked: Api, bank: Bank) -> None:
    assert banked.post(f"/pay?order_id={ORDER_ID}&amount=1", headers=ONE).status_code == 409
    bank.next_charge = [DECLINED]
    declined = banked.post(PAY, headers=ONE)
    assert declined.status_code == 402
    assert declined.json["detail"] == "Payment declined: no money"
    assert banked.post(PAY, headers=ONE).status_code == 200
    assert banked.post(PAY, headers=ONE).status_code == 200
    assert [p["status"] for p in banked.get("/payments").json] == ["COMPLETED", "FAILED"]
    assert bank.taken == 10_000


def test_the_key_of_a_payment_that_orders_has_not_heard_of_delivers_first(
    banked: Api, orders_app: Orders
) -> None:
    orders_app.is_silent = True
    first = banked.post(PAY, headers=ONE)
    assert (first.status_code, first.json["status"]) == (202, "COMPLETED")
    still = banked.post(PAY, headers=ONE)
    assert (still.status_code, still.data) == (202, first.data)
    assert "Idempotent-Replayed" not in still.headers
    orders_app.is_silent = False
    banked.context.partners["orders"].call("GET", f"/orders/{ORDER_ID}", probe=True)
    then = banked.post(PAY, headers=ONE)
    assert (then.status_code, then.json["status"]) == (200, "PAID")
    assert orders_app.paid_by[ORDER_ID] == first.json["payment_id"]
    assert banked.post(PAY, headers=ONE).data == then.data
    assert banked.get("/admin/outbox").json == []


def test_the_key_of_an_unknown_outcome_asks_the_provider(banked: Api, bank: Bank) -> None:
    bank.next_charge = ["lost"]
    first = banked.post(PAY, headers=ONE)
    assert first.status_code == 202
    assert list(first.json.values())[1:] == [
        ORDER_ID,
        "PENDING",
        "Payment is being confirmed",
        100.0,
    ]
    bank.is_silent = True
    assert banked.post(PAY, headers=ONE).data == first.data
    assert (
        banked.post(PAY, headers=TWO)
        .json["detail"]
        .startswith(f"Order {ORDER_ID} is just being paid")
    )
    bank.is_silent = False
    then = banked.post(PAY, headers=ONE)
    assert (then.status_code, then.json["payment_id"]) == (200, first.json["payment_id"])
    assert bank.taken == 10_000


def test_the_key_of_a_payment_that_orders_refused_stays_refused(
    banked: Api, orders_app: Orders, settle: Callable[[Api], None]
) -> None:
    orders_app.refuses = True
    first = banked.post(PAY, headers=ONE)
    assert first.status_code == 409
    settle(banked)
    again = banked.post(PAY, headers=ONE)
    assert (again.status_code, again.data) == (409, first.data)
    assert first.json["detail"].startswith("Too late; payment ")


def test_while_the_first_try_asks_the_provider_the_second_hears_so(banked: Api, bank: Bank) -> None:
    during = []
    bank.next_charge = [lambda: during.append(banked.post(PAY, headers=ONE))]
    first = banked.post(PAY, headers=ONE)
    assert first.status_code == 200
    assert during[0].status_code == 409
    assert during[0].json["detail"].endswith("still running")


def test_while_the_first_try_tells_orders_the_second_hears_so(
    banked: Api, orders_app: Orders
) -> None:
    during = []

    def ask_again() -> None:
        orders_app.on_payment = lambda: None
        during.append(banked.post(PAY, headers=ONE))

    orders_app.on_payment = ask_again
    assert banked.post(PAY, headers=ONE).status_code == 200
    assert during[0].status_code == 409
    assert during[0].json["detail"].endswith("still running")


@pytest.mark.parametrize("seconds", [6, -3600], ids=["ten seconds", "the clock stepped back"])
def test_the_key_of_a_try_that_died_is_taken_up(banked: Api, bank: Bank, seconds: int) -> None:
    bank.next_charge = ["crash after"]
    with pytest.raises(Crash):
        banked.post(PAY, headers=ONE)
    banked.clock.turn(seconds=5)
    assert banked.post(PAY, headers=ONE).status_code == 409
    banked.clock.turn(seconds=seconds)
    assert banked.post(PAY, headers=ONE).status_code == 200
    assert bank.taken == 10_000


ORDERS, TRIES, KEYS = 20, 32, 4


@pytest.mark.parametrize("is_banked", [False, True], ids=["one transaction", "a real provider"])
def test_many_tries_with_few_keys_pay_once(
    is_banked: bool, request: pytest.FixtureRequest, orders_app: Orders
) -> None:
    """One key pays, its tries hear 200 in the same bytes or that it runs; the other keys 409."""
    api: Api = request.getfixturevalue("banked" if is_banked else "payments")
    answers: dict[str, list[tuple[str, int, bytes]]] = defaultdict(list)

    start = threading.Barrier(TRIES)

    def pay(order_id: str, key: str) -> None:
        start.wait()
        headers = {"X-API-Key": KEY, "Idempotency-Key": key}
        response = api.client.post(f"/pay?order_id={order_id}&amount=100", headers=headers)
        answers[order_id].append((key, response.status_code, response.data))

    # Threads that are kept, as a worker's are: each has its own connection to the database.
    pool = ThreadPoolExecutor(TRIES)
    for order_id in [new_id(clock.now()) for _ in range(ORDERS)]:
        tries = [pool.submit(pay, order_id, f"{order_id}-{n % KEYS}") for n in range(TRIES)]
        wait(tries)
        assert len(answers[order_id]) == TRIES
        assert Counter(status for _, status, _ in answers[order_id]).keys() <= {200, 409}
        paid = {(key, body) for key, status, body in answers[order_id] if status == 200}
        assert len(paid) == 1, answers[order_id]
        [(winner, body)] = paid
        for key, status, text in answers[order_id]:
            if status == 409:
                assert (b"still running" in text) == (key == winner), text
        headers = {"Idempotency-Key": winner}
        assert api.post(f"/pay?order_id={order_id}&amount=100", headers=headers).data == body
    pool.shutdown()
    found = api.get("/payments?limit=1000").json
    assert len(found) == ORDERS
    assert {p["order_id"]: p["payment_id"] for p in found} == orders_app.paid_by
    if is_banked:
        assert request.getfixturevalue("bank").taken == ORDERS * 10_000


@pytest.mark.usefixtures("orders_app")
def test_a_payment_whose_commit_is_not_answered(
    payments: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is still away when the key is looked up: that is no "nothing was done"."""

    def lose(*_: object) -> None:
        def refuse(*_: object) -> None:
            raise BusyError("The database is unavailable.")

        monkeypatch.setattr(service, "_find_known", refuse)
        raise UnknownOutcomeError

    monkeypatch.setattr(service, "_begin", lose)
    answer = payments.post(PAY, headers=ONE)
    assert answer.status_code == 504
    assert "Retry-After" not in answer.headers
    assert "it is not known whether this was done" in answer.json["detail"]
