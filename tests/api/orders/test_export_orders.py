"""GET /orders/export: one row an order, newest first, in bounded memory."""

import csv
import io
from typing import Any

import pytest
import requests

from apps.orders import reports
from shop_common import csv_file
from shop_common.db import in_transaction
from shop_common.errors import BusyError
from tests.api.harness import KEY, Api
from tests.api.orders.conftest import Catalog


def make(orders: Api, user_id: str = "u", *lines: tuple[int, int]) -> str:
    body = [{"product_id": number, "quantity": quantity} for number, quantity in lines or [(1, 1)]]
    response = orders.post("/orders", query_string={"user_id": user_id}, json=body)
    return str(response.json["order_id"])


def export(orders: Api, **query: str) -> list[dict[str, str]]:
    response = orders.get("/orders/export", query_string=query)
    assert response.status_code == 200, response.text
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


def test_the_file(orders: Api, catalog_app: Catalog) -> None:
    """It is a CSV to be saved; its cells say what the order itself says."""
    first, second = make(orders, "u", (1, 2), (2, 1)), make(orders, 'ü, "x"')
    report = {"payment_id": "p1", "amount": 2029.97}
    orders.post(f"/orders/{first}/payment", json=report)
    orders.post(f"/orders/{second}/cancel", json={"reason": "changed, my mind"})
    answer = orders.get("/orders/export")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="orders.csv"'
    header = answer.text.splitlines()[0]
    assert header == (
        "order_id,user_id,status,total_amount,currency,created_at,paid_at,updated_at,items,"
        "payment_id,unverified,reason"
    )
    paid, cancelled = (orders.get(f"/orders/{order_id}").json for order_id in (first, second))
    assert export(orders) == [
        {
            "order_id": second, "user_id": 'ü, "x"', "status": "CANCELLED",
            "total_amount": "999.99", "currency": "USD",
            "created_at": cancelled["created_at"], "paid_at": "",
            "updated_at": cancelled["updated_at"],
            "items": "1 x 1 @ 999.99", "payment_id": "", "unverified": "false",
            "reason": "changed, my mind",
        },
        {
            "order_id": first, "user_id": "u", "status": "PAID",
            "total_amount": "2029.97", "currency": "USD",
            "created_at": paid["created_at"], "paid_at": paid["paid_at"],
            "updated_at": paid["updated_at"],
            "items": "1 x 2 @ 999.99; 2 x 1 @ 29.99", "payment_id": "p1", "unverified": "false",
            "reason": "",
        },
    ]  # fmt: skip


def test_a_shop_without_orders(orders: Api) -> None:
    """The header alone."""
    assert orders.get("/orders/export").text.count("\r\n") == 1


def test_an_unverified_order_says_so(orders: Api, catalog_app: Catalog) -> None:
    catalog_app.error = requests.ConnectionError("refused")
    line = {"product_id": 1, "quantity": 1, "price": 0.05}
    orders.post("/orders?user_id=u", json=[line])
    (row,) = export(orders)
    assert (row["unverified"], row["total_amount"]) == ("true", "0.05")


def test_filters(orders: Api, catalog_app: Catalog) -> None:
    made = [make(orders, f"user{number % 2}") for number in range(4)]
    orders.post(f"/orders/{made[0]}/cancel")
    assert [row["order_id"] for row in export(orders, user_id="user0")] == [made[2], made[0]]
    assert [row["order_id"] for row in export(orders, status="CANCELLED")] == [made[0]]
    both = export(orders, user_id="user0", status="CREATED")
    assert [row["order_id"] for row in both] == [made[2]]


def test_every_order_once_over_all_pages(
    orders: Api, catalog_app: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the last page is full."""
    monkeypatch.setattr(reports, "EXPORT_PAGE", 3)
    made = [make(orders) for _ in range(7)]
    assert [row["order_id"] for row in export(orders)] == made[::-1]
    made += [make(orders) for _ in range(2)]
    assert [row["order_id"] for row in export(orders)] == made[::-1]


def test_a_slow_reader_holds_nothing(
    orders: Api, catalog_app: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is sent as it is read, page by page; between two pieces no transaction is open."""
    monkeypatch.setattr(reports, "EXPORT_PAGE", 2)
    monkeypatch.setattr(csv_file, "PIECE", 100)
    made = [make(orders) for _ in range(6)]
    response = orders.client.get("/orders/export", headers={"X-API-Key": KEY}, buffered=False)
    pieces = response.iter_encoded()
    text = next(pieces)
    assert made[5].encode() in text
    assert made[3].encode() not in text
    assert not in_transaction()
    orders.post(f"/orders/{made[0]}/cancel")
    assert b"CANCELLED" in b"".join(pieces)


@pytest.mark.parametrize("user_id", ["=1+1", "+1", "-1", "@SUM(1)"])
def test_no_cell_is_a_formula(orders: Api, catalog_app: Catalog, user_id: str) -> None:
    """Nor what a client gives as a reason."""
    order_id = make(orders, user_id)
    orders.post(f"/orders/{order_id}/cancel", json={"reason": f"{user_id} and why"})
    (row,) = export(orders)
    assert (row["user_id"], row["reason"]) == (f"'{user_id}", f"'{user_id} and why")


@pytest.mark.parametrize(
    ("query", "field"), [("status=LOST", "status"), ("user_id=", "user_id"), ("limit=5", "limit")]
)
def test_bad_input_is_named(orders: Api, query: str, field: str) -> None:
    response = orders.get(f"/orders/export?{query}")
    assert response.status_code == 422
    assert response.json["detail"].startswith(f"{field}: ")


def test_a_database_that_is_away_is_an_error(orders: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no file that ends before it begins."""

    def away(*_: Any) -> None:
        raise BusyError("The database is unavailable.")

    monkeypatch.setattr(type(orders.context.db), "read", away)
    assert orders.get("/orders/export").status_code == 503
