"""The simulated provider: its faults, its books, and the rules that the tables themselves hold."""

from collections.abc import Callable
from typing import Any

import pytest

from shop_common.config import ConfigError, load_config
from tests.api.harness import Api
from tests.api.payments.bank import ORDER_ID, OTHER_ID, Orders

PAY = f"/pay?order_id={ORDER_ID}&amount=100"
Settle = Callable[[Api], None]

pytestmark = pytest.mark.usefixtures("orders_app")


def ledger(api: Api) -> list[tuple[str, int]]:
    with api.context.db.read() as tx:
        rows = tx.all("SELECT status, amount FROM simulated_charges ORDER BY created_at")
    return [(row["status"], row["amount"]) for row in rows]


def test_without_faults_a_payment_is_one_transaction(
    payments: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payment, the charge and the message; one more notes that orders has heard of it."""
    writes = []
    write = type(payments.context.db).write

    def counted(database: Any, work: Any, **how: bool) -> Any:
        writes.append(1)
        return write(database, work, **how)

    monkeypatch.setattr(type(payments.context.db), "write", counted)
    assert payments.post(PAY).status_code == 200
    assert len(writes) == 2
    assert ledger(payments) == [("SUCCEEDED", 10_000)]


@pytest.mark.parametrize("faults", ["decline=1", "decline_above=99.99"])
def test_declines(make_api: Callable[..., Api], settle: Settle, faults: str) -> None:
    api = make_api("payments", SIMULATED_FAULTS=faults)
    response = api.post(PAY)
    assert response.status_code == 402
    assert response.json["detail"] == "Payment declined: the card was declined"
    settle(api)
    assert api.get("/payments?status=FAILED").json[0]["amount"] == 100
    assert ledger(api) == [("DECLINED", 10_000)]


def test_what_is_not_above_the_bound_is_taken(make_api: Callable[..., Api]) -> None:
    api = make_api("payments", SIMULATED_FAULTS="decline_above=100,decline=0")
    assert api.post(PAY).status_code == 200


@pytest.mark.parametrize("fault", ["timeout", "lost_answer", "pending"])
def test_an_unknown_outcome(
    make_api: Callable[..., Api], settle: Settle, orders_app: Orders, fault: str
) -> None:
    """The answer that is lost after the charge among them: it is never charged twice."""
    api = make_api("payments", SIMULATED_FAULTS=f"{fault}=1")
    response = api.post(PAY)
    assert response.status_code == 202
    charged = {"timeout": [], "lost_answer": [("SUCCEEDED", 10_000)], "pending": [("OPEN", 10_000)]}
    assert ledger(api) == charged[fault]
    restarted = make_api("payments")
    settle(restarted)
    assert ledger(restarted) == [("SUCCEEDED", 10_000)]
    assert orders_app.paid_by == {ORDER_ID: response.json["payment_id"]}


def test_refunds_that_fail(make_api: Callable[..., Api], settle: Settle) -> None:
    api = make_api("payments", SIMULATED_FAULTS="refund_failure=1")
    payment_id = api.post(PAY).json["payment_id"]
    assert api.post(f"/payments/{payment_id}/refund").status_code == 402
    api.post(f"/payments/{payment_id}/return")
    settle(api)
    assert api.get(f"/payments/{payment_id}").json["refunded_amount"] == 0
    restarted = make_api("payments")
    settle(restarted)
    assert restarted.get(f"/payments/{payment_id}").json["refunded_amount"] == 100


@pytest.mark.parametrize(
    "text", ["decline", "decline=2", "decline=-1", "decline=x", "decline=nan", "x=1", "a=b=c", "=1"]
)
def test_a_wrong_fault_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="^SIMULATED_FAULTS must be such as"):
        load_config("payments", {"SIMULATED_FAULTS": text})
    with pytest.raises(ConfigError, match="^PAYMENT_PROVIDER must be"):
        load_config("payments", {"PAYMENT_PROVIDER": "nobody"})


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payments SET refunded_minor = 10001",
        "UPDATE payments SET refunded_minor = -1",
        "UPDATE payments SET succeeded_minor = 101",
        "UPDATE payments SET status = 'LOST'",
        "UPDATE payments SET status = 'PENDING'",
        "UPDATE payments SET status = 'FAILED'",
        "UPDATE payments SET owed_reason = 'x'",
        "INSERT INTO payments (payment_id, order_id, amount, status, created_at, updated_at)"
        f" VALUES ('p', '{ORDER_ID}', 1, 'COMPLETED', '', '')",
        "INSERT INTO payments (payment_id, order_id, amount, status, created_at, updated_at,"
        f" idempotency_key) VALUES ('p', '{OTHER_ID}', 1, 'COMPLETED', '', '', 'k-1')",
        "UPDATE refunds SET amount = -1",
        "UPDATE refunds SET status = 'LOST'",
        "UPDATE refunds SET status = 'REQUESTED'",
        "UPDATE refunds SET payment_id = 'nobody'",
        "INSERT INTO refunds (refund_id, payment_id, amount, status, created_at, updated_at,"
        " idempotency_key) SELECT 'r', payment_id, 0, 'SUCCEEDED', '', '', 'r-1' FROM refunds",
    ],
)
def test_the_tables_hold_the_rules_themselves(payments: Api, change: str) -> None:
    payment_id = payments.post(PAY, headers={"Idempotency-Key": "k-1"}).json["payment_id"]
    headers = {"Idempotency-Key": "r-1"}
    payments.post(f"/payments/{payment_id}/refund", json={"amount": 1}, headers=headers)
    with pytest.raises(Exception, match=r"(?i)constraint"):
        payments.context.db.write(lambda tx: tx.execute(change))
