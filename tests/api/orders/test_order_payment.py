"""POST /orders/<order_id>/payment: from payments with a body, without one payments is asked."""

from collections.abc import Callable

import pytest
import requests
import responses

from tests.api.harness import Api
from tests.api.orders.conftest import Catalog

PAYMENTS = "http://localhost:8004/payments"
PAYMENT = {"payment_id": "p9", "order_id": "", "status": "COMPLETED", "amount": 999.99}


@pytest.fixture
def order_id(orders: Api, catalog_app: Catalog) -> str:
    body = [{"product_id": 1, "quantity": 1}]
    return str(orders.post("/orders?user_id=u", json=body).json["order_id"])


def test_a_reported_payment_pays_the_order(orders: Api, order_id: str) -> None:
    report = {"payment_id": "p1", "amount": 999.99}
    response = orders.post(f"/orders/{order_id}/payment", json=report)
    assert response.status_code == 200
    assert response.text == f'{{"order_id":"{order_id}","status":"PAID"}}\n'
    order = orders.get(f"/orders/{order_id}").json
    assert (order["status"], order["payment_id"]) == ("PAID", "p1")
    assert order["paid_at"]


def test_the_same_report_again_changes_nothing(orders: Api, order_id: str) -> None:
    report = {"payment_id": "p1", "amount": 999.99}
    first = orders.post(f"/orders/{order_id}/payment", json=report)
    order = orders.get(f"/orders/{order_id}").json
    again = orders.post(f"/orders/{order_id}/payment", json=report)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert orders.get(f"/orders/{order_id}").json == order


def test_a_second_payment_is_refused_and_the_first_named(orders: Api, order_id: str) -> None:
    orders.post(f"/orders/{order_id}/payment", json={"payment_id": "p1", "amount": 999.99})
    response = orders.post(
        f"/orders/{order_id}/payment", json={"payment_id": "p2", "amount": 999.99}
    )
    assert response.status_code == 409
    said = {"detail": f"Order {order_id} is already paid", "payment_id": "p1"}
    assert response.json == said


def test_a_payment_of_one_order_does_not_pay_another(orders: Api, order_id: str) -> None:
    """The same money would buy twice."""
    report = {"payment_id": "p1", "amount": 999.99}
    orders.post(f"/orders/{order_id}/payment", json=report)
    body = [{"product_id": 1, "quantity": 1}]
    other = orders.post("/orders?user_id=u", json=body).json["order_id"]
    assert orders.post(f"/orders/{other}/payment", json=report).status_code == 409
    assert orders.get(f"/orders/{other}").json["status"] == "CREATED"


def test_another_amount_is_refused(orders: Api, order_id: str) -> None:
    response = orders.post(
        f"/orders/{order_id}/payment", json={"payment_id": "p1", "amount": 999.98}
    )
    assert response.status_code == 409
    assert response.json["detail"] == f"The total of order {order_id} is 999.99"
    assert orders.get(f"/orders/{order_id}").json["status"] == "CREATED"


def test_an_unknown_order_is_404(orders: Api) -> None:
    report = {"payment_id": "p1", "amount": 1}
    assert orders.post("/orders/nope/payment", json=report).status_code == 404
    assert orders.post("/orders/nope/payment").status_code == 404


def test_without_a_body_an_unpaid_order_stays_unpaid(
    orders: Api, order_id: str, partners: responses.RequestsMock
) -> None:
    partners.get(PAYMENTS, json=[])
    response = orders.post(f"/orders/{order_id}/payment")
    assert response.status_code == 409
    assert orders.get(f"/orders/{order_id}").json["status"] == "CREATED"


def test_without_a_body_a_paid_order_is_paid(
    orders: Api, order_id: str, partners: responses.RequestsMock
) -> None:
    paid = {"payment_id": "p9", "order_id": order_id, "status": "COMPLETED", "amount": 999.99}
    partners.get(PAYMENTS, json=[paid])
    response = orders.post(f"/orders/{order_id}/payment")
    assert response.json == {"order_id": order_id, "status": "PAID"}
    assert partners.calls[-1].request.url == f"{PAYMENTS}?order_id={order_id}&status=COMPLETED"


@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.ConnectionError("refused")},
        {"status": 500},
        {"status": 404, "json": {}},
        {"json": {"paid": True}},
        {"json": ""},
        {"json": [{"amount": 999.99}]},
        {"json": [PAYMENT | {"order_id": "another"}]},
        {"json": [PAYMENT | {"status": "FAILED"}]},
    ],
    ids=str,
)
def test_without_a_body_silence_is_no_payment(
    orders: Api, order_id: str, partners: responses.RequestsMock, answer: dict[str, object]
) -> None:
    partners.get(PAYMENTS, **answer)  # type: ignore[arg-type] # one table for all its arguments
    response = orders.post(f"/orders/{order_id}/payment")
    assert response.status_code == 503
    assert orders.get(f"/orders/{order_id}").json["status"] == "CREATED"


def test_without_a_body_one_at_a_time_waits_for_payments(
    make_api: Callable[..., Api], order_id: str, partners: responses.RequestsMock
) -> None:
    """Payments waits for orders: with more, each could hold all threads that the other needs."""
    orders = make_api("orders", UPSTREAM_TIMEOUT_S="0.1")
    crowded: list[int] = []

    def answer_slowly(_: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        crowded.append(orders.post(f"/orders/{order_id}/payment").status_code)
        return 200, {}, "[]"

    partners.add_callback(responses.GET, PAYMENTS, answer_slowly, content_type="application/json")
    orders.post(f"/orders/{order_id}/payment")
    assert crowded == [503]


@pytest.mark.parametrize(
    "body", [{}, {"payment_id": "p1"}, {"payment_id": "p1", "amount": "1"}, []]
)
def test_bad_reports_are_refused(orders: Api, order_id: str, body: object) -> None:
    assert orders.post(f"/orders/{order_id}/payment", json=body).status_code == 422


def test_a_refused_payment_gets_its_first_answer_for_ever(orders: Api, order_id: str) -> None:
    """Also after the reason has gone: it has been refunded meanwhile."""
    wrong = {"payment_id": "p1", "amount": 1}
    assert orders.post(f"/orders/{order_id}/payment", json=wrong).status_code == 409
    right = {"payment_id": "p1", "amount": 999.99}
    assert orders.post(f"/orders/{order_id}/payment", json=right).status_code == 409
    assert orders.get(f"/orders/{order_id}").json["status"] == "CREATED"


def test_a_refusal_leaves_its_key_free(orders: Api, order_id: str) -> None:
    """Else the second try would hear for hours that the first one is still running."""
    report = {"payment_id": "p1", "amount": 1}
    answers = [
        orders.post(
            f"/orders/{order_id}/payment", json=report, headers={"Idempotency-Key": "k1"}
        ).json
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert answers[0]["detail"] == f"The total of order {order_id} is 999.99"


def test_a_recorded_payment_gets_its_first_answer_for_ever(orders: Api, order_id: str) -> None:
    report = {"payment_id": "p1", "amount": 999.99}
    first = orders.post(f"/orders/{order_id}/payment", json=report)
    orders.post(f"/orders/{order_id}/cancel")
    again = orders.post(f"/orders/{order_id}/payment", json=report)
    assert (again.status_code, again.data) == (200, first.data)
