"""A shop that has been open for a month: products with categories, and orders on every day."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pysqlite3

from tests.browser.client import Client

DAYS = 30
PRODUCTS = [
    ("Sourdough loaf", 4.8, 40, "Bakery"),
    ("Cinnamon bun", 2.6, 3, "Bakery"),
    ("Rye crackers", 3.9, 64, "Bakery"),
    ("Olive oil, 500 ml", 11.5, 28, "Pantry"),
    ("Wildflower honey", 8.9, 0, "Pantry"),
    ("Coffee beans, 250 g", 9.4, 52, "Pantry"),
    ("Strawberry jam", 5.2, 4, "Pantry"),
    ("Enamel mug", 12.0, 35, "Home"),
    ("Linen tea towel", 14.5, 22, "Home"),
    ("Beeswax candle", 7.8, 47, "Home"),
    ("Tomato seedling", 3.2, 18, "Garden"),
    ("Terracotta pot", 6.4, 26, "Garden"),
]
USERS = ["ada", "grace", "linus", "margaret", "katherine", "alan"]


def fill(client: Client, data_dir: Path) -> str:
    """Returns the id of an order that has been through a lot."""
    chance = random.Random(7)
    ids = []
    for name, price, stock, category in PRODUCTS:
        product = {"name": name, "price": price, "stock": stock + 200, "category": category}
        ids.append(client.call("POST", "/catalog/products", json=product)["id"])
    made: dict[str, int] = {}
    for day in range(DAYS):
        for _ in range(chance.randint(1, 3) + day // 10):
            lines = [
                {"product_id": product_id, "quantity": chance.randint(1, 3)}
                for product_id in chance.sample(ids, chance.randint(1, 4))
            ]
            user = {"user_id": chance.choice(USERS)}
            order = client.call("POST", "/orders", params=user, json=lines)
            made[order["order_id"]] = DAYS - 1 - day
            _go_on(client, order["order_id"], order["total_amount"], chance.random(), day)
    shown = client.order_and_pay("ada", ids[5], 2)
    client.call("POST", f"/orders/{shown}/ship", json={"reason": "with the van of 9 o'clock"})
    client.call("POST", f"/orders/{shown}/deliver")
    [payment] = client.list_payments(shown)
    refund = {"amount": 9.4, "reason": "one bag was open"}
    client.call("POST", f"/payments/{payment['payment_id']}/refund", json=refund)
    for product_id, (_, _, stock, _) in zip(ids, PRODUCTS, strict=True):
        now = client.call("GET", f"/catalog/products/{product_id}")["stock"]
        if now != stock:
            change = {"delta": stock - now, "reason": "counted"}
            client.call("POST", f"/catalog/products/{product_id}/stock", json=change)
    for product_id in (1, 2, 3):
        client.call("DELETE", f"/catalog/products/{product_id}")
    _date_back(data_dir, made)
    return shown


def _go_on(client: Client, order_id: str, total: float, luck: float, day: int) -> None:
    if luck < 0.08:
        client.call("POST", f"/orders/{order_id}/cancel", json={"reason": "changed their mind"})
        return
    client.call("POST", "/pay", params={"order_id": order_id, "amount": total})
    if day < DAYS - 2:
        client.call("POST", f"/orders/{order_id}/ship")
    if day < DAYS - 5:
        client.call("POST", f"/orders/{order_id}/deliver")


def _date_back(data_dir: Path, made: dict[str, int]) -> None:
    """As if each order had been made and paid so many days ago."""
    connection = pysqlite3.connect(data_dir / "orders.db", timeout=10)
    with connection:
        for order_id, days in made.items():
            when = datetime.now(UTC) - timedelta(days=days, minutes=days * 7)
            text = when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            connection.execute(
                "UPDATE orders SET created_at = ?, updated_at = ?,"
                " paid_at = CASE WHEN paid_at IS NULL THEN NULL ELSE ? END WHERE order_id = ?",
                (text, text, text, order_id),
            )
    connection.close()
