"""No statement of a purchase, a list or a job reads or sorts a table that grows, however full."""

from typing import Any

from tests.api.books.whole_shop import WholeShop
from tests.api.plans import Plans

# What is read from one end, and why that does not grow: the table, and its index if it has one.
BOUNDED = {
    "catalog_state": "one row",
    "outbox USING INDEX outbox_open": "what is not delivered yet",
    "orders USING INDEX orders_unverified": "what is not checked yet",
    "orders USING INDEX orders_unverified_by_time": "what is not checked yet",
    "orders USING INDEX orders_by_time": "until the page is full",
    "payments USING INDEX payments_by_time": "until the page is full",
    "products": "until the page is full",
    "products USING INDEX products_running_low": "what runs low, until the page is full",
    "products_fts VIRTUAL TABLE INDEX 64:M1": "the matches of a search until the page is full",
    "products_fts VIRTUAL TABLE INDEX 64:M1>": "the same, from an id on",
    "order_payments": "a foreign key's, never run: nothing is stored that breaks one",
}


def grows(step: str) -> bool:
    return "TEMP B-TREE" in step or (
        step.startswith("SCAN ") and step.removeprefix("SCAN ") not in BOUNDED
    )


def test_no_plan_grows(shop: WholeShop, plans: Plans) -> None:
    def send(app: str, method: str, path: str, json: Any = None) -> Any:
        key = f"for:{path}" if method == "POST" else None
        response = shop.send(app, method, path, key, json)
        assert response.status_code < 300, response.text
        return response.json

    for user_id in ("pays", "cancels", "waits"):
        send("cart", "POST", f"/cart/{user_id}/add?product_id=1")
        send("cart", "POST", f"/cart/{user_id}/add?product_id=2")
        send("cart", "PUT", f"/cart/{user_id}/items/2?quantity=3")
        send("cart", "GET", f"/cart/{user_id}")
        send("cart", "GET", f"/cart/{user_id}/quote")
    for path in (
        "",
        "?after=1&limit=1",
        "?q=mou",
        "?q=mou&after=1",
        "?in_stock=true",
        "?in_stock=false",
        "?max_stock=5",
        "?max_stock=5&after=1",
        "?max_stock=5&archived=true",
        "?category=x",
        "/1",
    ):
        send("catalog", "GET", f"/products{path}")
    send("catalog", "GET", "/products/1/stock/history")
    send("catalog", "GET", "/changes?after=0")

    paid, cancelled, expired = (
        send("orders", "POST", f"/orders?user_id={user_id}")
        for user_id in ("pays", "cancels", "waits")
    )
    order_id, amount = paid["order_id"], paid["total_amount"]
    payment = send("payments", "POST", f"/pay?order_id={order_id}&amount={amount}")
    payment_id = payment["payment_id"]
    send("payments", "POST", f"/payments/{payment_id}/refund", {"amount": 1, "reason": "late"})
    send("orders", "POST", f"/orders/{cancelled['order_id']}/cancel")
    shop.clock.turn(hours=2)
    shop.settle()
    assert send("orders", "GET", f"/orders/{expired['order_id']}")["status"] == "EXPIRED"
    send("orders", "GET", f"/orders/{order_id}/history")
    for query in (
        "",
        "user_id=pays",
        "status=PAID",
        "unverified=true&status=PAID",
        "unverified=false",
    ):
        send("orders", "GET", f"/orders?limit=1&{query}")
    for path in ("?limit=1", f"?order_id={order_id}", f"/{payment_id}", f"/{payment_id}/refunds"):
        send("payments", "GET", f"/payments{path}")

    assert len(plans.by_statement) > 50
    assert [(sql, step) for sql, step in plans.steps() if grows(step)] == []
    # There may be few among many products that run low, and none that is sold out.
    low = [step for sql, step in plans.steps() if "stock <= 10" in sql]
    assert len(low) == 4
    assert all("products_running_low" in step for step in low)
    # Few of the many orders in a state are: they are not looked for among those.
    unverified = [step for sql, step in plans.steps() if "unverified = 1" in sql]
    assert len(unverified) == 2
    assert all("orders_unverified" in step for step in unverified)
