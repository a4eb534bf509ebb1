"""The states of an order: every move of the table, and no other; history, releases, refunds."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from apps.orders import jobs, store
from apps.orders.model import MOVES, STATUSES
from tests.api.harness import Api
from tests.api.orders.conftest import Catalog

ACTIONS = {"CANCELLED": "cancel", "SHIPPED": "ship", "DELIVERED": "deliver"}
API_DOCUMENT = Path(__file__).parents[3] / "docs" / "api.md"


def test_the_table_is_the_documented_one() -> None:
    rows = re.findall(r"^\| ([A-Z, ]+) \| ([A-Z]+) \|", API_DOCUMENT.read_text(), re.M)
    moves = [(start, end) for starts, end in rows for start in starts.split(", ")]
    assert sorted(moves) == sorted(MOVES)


def make(orders: Api, status: str) -> str:
    """An order that has come to this state by the moves that lead there."""
    body = [{"product_id": 1, "quantity": 1}]
    order_id = str(orders.post("/orders?user_id=u", json=body).json["order_id"])
    if status in ("PAID", "SHIPPED", "DELIVERED", "REFUNDED"):
        report = {"payment_id": f"p-{order_id}", "amount": 999.99}
        orders.post(f"/orders/{order_id}/payment", json=report)
    if status in ("SHIPPED", "DELIVERED"):
        orders.post(f"/orders/{order_id}/ship")
    if status == "DELIVERED":
        orders.post(f"/orders/{order_id}/deliver")
    if status == "CANCELLED":
        orders.post(f"/orders/{order_id}/cancel")
    if status == "REFUNDED":
        refund(orders, order_id, 999.99)
    if status == "EXPIRED":
        orders.clock.turn(seconds=1801)
        orders.run_jobs()
    assert get(orders, order_id)["status"] == status
    return order_id


def refund(orders: Api, order_id: str, total: float, refund_id: str = "r") -> Any:
    report = {
        "payment_id": f"p-{order_id}",
        "refund_id": f"{refund_id}-{order_id}",
        "amount": total,
        "refunded_amount": total,
    }
    return orders.post(f"/orders/{order_id}/refund", json=report)


def get(orders: Api, order_id: str) -> dict[str, Any]:
    body: dict[str, Any] = orders.get(f"/orders/{order_id}").json
    return body


def open_messages(orders: Api) -> list[dict[str, Any]]:
    return [row for row in orders.get("/admin/outbox").json if row["topic"] == "return"]


@pytest.mark.usefixtures("cart_app")
@pytest.mark.parametrize(("start", "end"), list(itertools.product(STATUSES, ACTIONS)))
def test_only_the_moves_of_the_table_are_made(
    orders: Api, catalog_app: Catalog, start: str, end: str
) -> None:
    order_id = make(orders, start)
    before = get(orders, order_id)
    released = len(catalog_app.released)
    response = orders.post(f"/orders/{order_id}/{ACTIONS[end]}", json={"reason": "why not"})
    move = MOVES.get((start, end))
    if move is None:
        assert response.status_code == 409
        assert response.json["detail"] == f"Order {order_id} is {start} and cannot become {end}"
        assert get(orders, order_id) == before
        assert len(catalog_app.released) == released
        return
    assert response.status_code == 200
    assert (response.json["status"], response.json["reason"]) == (end, "why not")
    assert len(catalog_app.released) - released == move.releases
    assert len(open_messages(orders)) == move.refunds
    entry = orders.get(f"/orders/{order_id}/history").json[0]
    assert entry.pop("at")
    assert entry == {"by": "client", "from": start, "to": end, "reason": "why not"}


@pytest.mark.usefixtures("catalog_app")
def test_payments_hears_from_the_relay_alone(orders: Api, partners: Any) -> None:
    """Payments may be waiting for orders: threads that wait both ways could wait for ever."""
    order_id = make(orders, "PAID")
    told = partners.post(f"http://localhost:8004/payments/p-{order_id}/return", json={})
    orders.post(f"/orders/{order_id}/cancel")
    assert told.call_count == 0
    orders.context.outbox.relay()
    assert told.call_count == 1
    assert json.loads(told.calls[0].request.body) == {"reason": "order cancelled"}


@pytest.mark.usefixtures("cart_app")
@pytest.mark.parametrize("status", ["PAID", "SHIPPED", "DELIVERED"])
def test_a_full_refund_of_what_paid_it_makes_it_refunded(
    orders: Api, catalog_app: Catalog, status: str
) -> None:
    """In parts or at once; stock comes back only if nothing has left the house."""
    order_id = make(orders, status)
    assert refund(orders, order_id, 500, "r1").json["status"] == status
    assert refund(orders, order_id, 999.99, "r2").json["status"] == "REFUNDED"
    assert refund(orders, order_id, 999.99, "r2").status_code == 200
    assert catalog_app.released == ([order_id] if status == "PAID" else [])
    assert [entry["to"] for entry in orders.get(f"/orders/{order_id}/history").json].count(
        "REFUNDED"
    ) == 1


@pytest.mark.usefixtures("catalog_app", "cart_app")
def test_a_refund_of_another_payment_is_recorded_and_moves_nothing(orders: Api) -> None:
    order_id = make(orders, "PAID")
    report = {
        "payment_id": "another",
        "refund_id": "r",
        "amount": 999.99,
        "refunded_amount": 999.99,
    }
    response = orders.post(f"/orders/{order_id}/refund", json=report)
    assert response.json == {"order_id": order_id, "status": "PAID"}


@pytest.mark.usefixtures("cart_app")
def test_an_unpaid_order_expires_and_a_late_payment_is_refused(
    orders: Api, catalog_app: Catalog, partners: Any
) -> None:
    order_id = make(orders, "CREATED")
    orders.clock.turn(seconds=1700)
    orders.run_jobs()
    assert get(orders, order_id)["status"] == "CREATED", "it has half an hour"
    orders.clock.turn(seconds=101)
    orders.run_jobs()
    assert catalog_app.released == [order_id]
    [told] = [call.request for call in partners.calls if call.request.url.endswith("/release")]
    assert json.loads(told.body) == {"reason": "expired"}
    assert get(orders, order_id)["reason"] == "not paid in time"
    report = {"payment_id": "late", "amount": 999.99}
    refusal = orders.post(f"/orders/{order_id}/payment", json=report)
    said = {"detail": f"Order {order_id} is EXPIRED and cannot be paid"}
    assert (refusal.status_code, refusal.json) == (409, said)
    orders.run_jobs()
    assert catalog_app.released == [order_id]


def test_an_order_that_is_paid_just_before_it_expires_stays_paid(
    orders: Api, catalog_app: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was unpaid when the old ones were listed; those behind it expire all the same."""
    paid, unpaid = make(orders, "PAID"), make(orders, "CREATED")
    monkeypatch.setattr(store, "list_unpaid", lambda *_: [paid, unpaid])
    jobs.expire_orders(orders.context)
    assert [get(orders, order_id)["status"] for order_id in (paid, unpaid)] == ["PAID", "EXPIRED"]
    assert catalog_app.released == [unpaid]


@pytest.mark.usefixtures("cart_app")
def test_a_release_that_is_not_heard_is_sent_until_it_is(
    orders: Api, catalog_app: Catalog, partners: Any
) -> None:
    order_id = make(orders, "CREATED")
    release, catalog_app.release = catalog_app.release, None  # type: ignore[assignment,method-assign]
    failing = partners.registered()[1]
    failing.callback = lambda _: (500, {}, "")
    assert orders.post(f"/orders/{order_id}/cancel").status_code == 200
    failing.callback = release
    orders.clock.turn(seconds=10)
    orders.context.partners["catalog"].call("GET", "/reservations", probe=True)
    orders.run_jobs()
    assert catalog_app.released == [order_id]


@pytest.mark.usefixtures("catalog_app")
def test_a_key_makes_one_move(orders: Api) -> None:
    order_id = make(orders, "PAID")
    key = {"Idempotency-Key": "k1"}
    first = orders.post(f"/orders/{order_id}/ship", headers=key)
    assert first.json == get(orders, order_id)
    orders.post(f"/orders/{order_id}/deliver")
    again = orders.post(f"/orders/{order_id}/ship", headers=key)
    assert (again.status_code, again.data) == (200, first.data)


@pytest.mark.usefixtures("catalog_app")
def test_a_report_with_a_key_is_replayed(orders: Api) -> None:
    order_id = make(orders, "CREATED")
    report = {"payment_id": "p", "amount": 999.99}
    given_back = report | {"refund_id": "r", "refunded_amount": 999.99}
    for what, body in (("payment", report), ("refund", given_back)):
        path, key = f"/orders/{order_id}/{what}", {"Idempotency-Key": "k1"}
        first, again = (orders.post(path, json=body, headers=key) for _ in range(2))
        assert (again.status_code, again.data) == (200, first.data)
        assert again.headers["Idempotent-Replayed"] == "true"


def test_unknown_orders_are_404(orders: Api) -> None:
    for action in ("cancel", "ship", "deliver"):
        assert orders.post(f"/orders/nope/{action}").status_code == 404
    assert orders.get("/orders/nope/history").status_code == 404
    assert refund(orders, "nope", 1).status_code == 404
