"""POST /pay, and the relay that tells orders what could not be told at once."""

import json
import uuid
from typing import Any

import pytest
import requests
import responses

from tests.api.harness import Api
from tests.api.payments.bank import ORDER_ID

ORDER = f"http://localhost:8003/orders/{ORDER_ID}"
REPORT = f"{ORDER}/payment"


def order(**members: Any) -> dict[str, Any]:
    unpaid = {"status": "CREATED", "total_amount": 999.99, "payment_id": None}
    return {"order_id": ORDER_ID} | unpaid | members


@pytest.fixture
def order_exists(partners: responses.RequestsMock) -> None:
    partners.get(ORDER, json=order())


@pytest.mark.usefixtures("order_exists")
def test_an_order_is_paid(payments: Api, partners: responses.RequestsMock) -> None:
    """The seed's flow 2: its members in its order; orders is told once, with the payment."""
    partners.post(REPORT, json={"order_id": ORDER_ID, "status": "PAID"})
    response = payments.post(f"/pay?order_id={ORDER_ID}&amount=999.99")
    assert response.status_code == 200
    body = response.json
    assert list(body) == ["payment_id", "order_id", "status", "message", "amount"]
    assert uuid.UUID(body["payment_id"]).version == 7
    assert (body["order_id"], body["status"]) == (ORDER_ID, "PAID")
    assert body["message"] == "Payment successful and order updated"
    assert '"amount":999.99' in response.text
    report = partners.calls[-1].request
    assert json.loads(report.body) == {"payment_id": body["payment_id"], "amount": 999.99}
    payment = payments.get(f"/payments/{body['payment_id']}").json
    assert list(payment)[:4] == ["payment_id", "order_id", "amount", "status"]
    assert payment["status"] == "COMPLETED"
    payments.run_jobs()
    assert len(partners.calls) == 2, "a delivered report is not sent again"


@pytest.mark.usefixtures("order_exists")
@pytest.mark.parametrize("amount", ["999.98", "1000", "0", "9999.99"])
def test_another_amount_is_refused(payments: Api, amount: str) -> None:
    response = payments.post(f"/pay?order_id={ORDER_ID}&amount={amount}")
    assert response.status_code == 409
    assert response.json["total_amount"] == 999.99
    assert payments.get("/payments").json == []


def test_an_unknown_order_is_404(payments: Api, partners: responses.RequestsMock) -> None:
    partners.get(ORDER, status=404, json={"detail": f"Order {ORDER_ID} not found"})
    response = payments.post(f"/pay?order_id={ORDER_ID}&amount=1")
    assert response.status_code == 404
    assert response.json == {"detail": f"Order {ORDER_ID} not found"}


def test_a_paid_order_is_refused_and_its_payment_named(
    payments: Api, partners: responses.RequestsMock
) -> None:
    partners.get(ORDER, json=order(status="PAID", payment_id="p7"))
    response = payments.post(f"/pay?order_id={ORDER_ID}&amount=999.99")
    assert response.status_code == 409
    assert response.json["payment_id"] == "p7"


def test_an_order_in_another_state_is_refused(
    payments: Api, partners: responses.RequestsMock
) -> None:
    partners.get(ORDER, json=order(status="CANCELLED"))
    response = payments.post(f"/pay?order_id={ORDER_ID}&amount=999.99")
    assert response.status_code == 409
    assert response.json == {"detail": f"Order {ORDER_ID} is CANCELLED and cannot be paid"}


@pytest.mark.usefixtures("order_exists")
def test_nobody_pays_twice(payments: Api, partners: responses.RequestsMock) -> None:
    """Also while orders still says that the order can be paid."""
    partners.post(REPORT, body=requests.ConnectionError("refused"))
    first = payments.post(f"/pay?order_id={ORDER_ID}&amount=999.99").json
    second = payments.post(f"/pay?order_id={ORDER_ID}&amount=999.99")
    assert second.status_code == 409
    assert second.json["payment_id"] == first["payment_id"]
    assert len(payments.get(f"/payments?order_id={ORDER_ID}").json) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.ConnectionError("refused")},
        {"status": 500},
        {"status": 401, "json": {"detail": "Invalid API Key"}},
        {"json": {"total": 1}},
        {
            "json": {
                "order_id": ORDER_ID,
                "status": "CREATED",
                "total_amount": "x",
                "payment_id": None,
            }
        },
        {"json": order(order_id="another")},
        {"body": "<html>"},
    ],
    ids=str,
)
def test_nothing_is_charged_when_orders_does_not_tell(
    payments: Api, partners: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    partners.get(ORDER, **answer)
    response = payments.post(f"/pay?order_id={ORDER_ID}&amount=999.99")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert payments.get("/payments").json == []


@pytest.mark.usefixtures("order_exists")
@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.ConnectionError("refused")},
        {"body": TimeoutError("slow")},
        {"status": 500},
        {"status": 401, "json": {"detail": "Invalid API Key"}},
        {"status": 404, "json": {"detail": "no such route"}},
        {"status": 503, "json": {"detail": "The database is busy."}},
    ],
    ids=str,
)
def test_a_payment_that_orders_has_not_heard_of_is_202_and_told_later(
    payments: Api, partners: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    silence = partners.post(REPORT, **answer)
    response = payments.post(f"/pay?order_id={ORDER_ID}&amount=999.99")
    assert response.status_code == 202
    assert response.json["status"] == "COMPLETED"
    assert response.json["message"] == "Payment recorded, order update pending"
    assert payments.get("/admin/status").json["outbox"]["open"] == 1
    # Silence is no refusal: however often it is met, the message is not given up.
    for _ in range(12):
        payments.clock.turn(seconds=10)
        payments.run_jobs()
    assert payments.get("/admin/status").json["outbox"]["parked"] == 0
    partners.remove(silence)
    partners.post(REPORT, json={"order_id": ORDER_ID, "status": "PAID"})
    payments.clock.turn(seconds=10)
    _close_breaker(payments)
    payments.run_jobs()
    report = partners.calls[-1].request
    assert json.loads(report.body)["payment_id"] == response.json["payment_id"]
    assert payments.get("/admin/status").json["outbox"]["open"] == 0


def _close_breaker(payments: Api) -> None:
    """One good answer, as time alone would bring about."""
    payments.context.partners["orders"].call("GET", f"/orders/{ORDER_ID}", probe=True)


@pytest.mark.usefixtures("order_exists")
def test_a_message_survives_a_restart(
    payments: Api, partners: responses.RequestsMock, make_api: Any
) -> None:
    """The payment and its message are one transaction: another process finds both."""
    silence = partners.post(REPORT, body=requests.ConnectionError("refused"))
    paid = payments.post(f"/pay?order_id={ORDER_ID}&amount=999.99").json
    partners.remove(silence)
    partners.post(REPORT, json={"order_id": ORDER_ID, "status": "PAID"})
    restarted = make_api("payments")
    restarted.clock.turn(seconds=10)
    restarted.run_jobs()
    assert json.loads(partners.calls[-1].request.body)["payment_id"] == paid["payment_id"]
    assert restarted.get("/admin/outbox").json == []


@pytest.mark.usefixtures("order_exists")
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        pytest.param('{"detail": "no"}', "no", id="words"),
        pytest.param('{"detail": "n\\ud800\\u0000o"}', "n??o", id="words that no database takes"),
        pytest.param('["no"]', "['no']", id="something else"),
        pytest.param("{}", "", id="nothing"),
    ],
)
def test_a_refused_message_is_parked_shown_and_can_be_retried(
    payments: Api, partners: responses.RequestsMock, said: str, kept: str
) -> None:
    refusal = partners.post(REPORT, status=422, body=said)
    assert payments.post(f"/pay?order_id={ORDER_ID}&amount=999.99").status_code == 202
    for _ in range(6):
        payments.clock.turn(seconds=10)
        payments.run_jobs()
    [row] = payments.get("/admin/outbox").json
    assert row["parked_at"]
    assert row["last_error"] == f"422 {kept}"
    calls = len(partners.calls)
    payments.clock.turn(seconds=10)
    payments.run_jobs()
    assert len(partners.calls) == calls, "a parked row is not sent"
    partners.remove(refusal)
    partners.post(REPORT, json={"order_id": ORDER_ID, "status": "PAID"})
    assert payments.post(f"/admin/outbox/{row['id']}/retry").json == {
        "id": row["id"],
        "status": "due",
    }
    payments.run_jobs()
    assert payments.get("/admin/outbox").json == []
    assert payments.post(f"/admin/outbox/{row['id']}/retry").status_code == 409
    assert payments.post("/admin/outbox/999/retry").status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (f"order_id={ORDER_ID}", "amount"),
        ("amount=1", "order_id"),
        (f"order_id={ORDER_ID}&amount=1.005", "amount"),
        (f"order_id={ORDER_ID}&amount=-1", "amount"),
        (f"order_id={ORDER_ID}&amount=NaN", "amount"),
        (f"order_id={ORDER_ID}&amount=Infinity", "amount"),
        (f"order_id={ORDER_ID}&amount=1e2", "amount"),
        (f"order_id={ORDER_ID}&amount=1_0", "amount"),
        (f"order_id={ORDER_ID}&amount=99999999999999999999", "amount"),
        ("order_id=&amount=1", "order_id"),
        ("order_id=%00&amount=1", "order_id"),
        (f"order_id={'x' * 65}&amount=1", "order_id"),
    ],
)
def test_bad_input_is_named(payments: Api, query: str, field: str) -> None:
    response = payments.post(f"/pay?{query}")
    assert response.status_code == 422
    assert response.json["detail"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    "order_id",
    ["nope", "export", "stats", f"{ORDER_ID}%2Fhistory", "..%2Fadmin%3Fx", ORDER_ID + "0"],
)
def test_what_is_no_order_id_is_404_and_asked_for_nowhere(
    payments: Api, partners: responses.RequestsMock, order_id: str
) -> None:
    """As a path it may be another route of orders, with the whole order book behind it."""
    response = payments.post(f"/pay?order_id={order_id}&amount=1")
    assert response.status_code == 404
    assert response.json["detail"].endswith(" not found")
    assert len(partners.calls) == 0


def test_an_unknown_payment_is_404(payments: Api) -> None:
    assert payments.get("/payments/nope").json == {"detail": "Payment nope not found"}
