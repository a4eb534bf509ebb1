"""What costs nothing is ordered, paid and refunded like anything else, and the books balance."""

from collections.abc import Callable

from tests.api.books.whole_shop import WholeShop


def test_a_free_order(make_shop: Callable[..., WholeShop]) -> None:
    shop = make_shop()
    sample = shop.send("catalog", "POST", "/products", json={"name": "S", "price": 0, "stock": 5})
    product_id = sample.json["id"]
    lines = [{"product_id": product_id, "quantity": 2}]
    order_id = shop.send("orders", "POST", "/orders?user_id=u", json=lines).json["order_id"]
    paid = shop.send("payments", "POST", f"/pay?order_id={order_id}&amount=0")
    assert (paid.status_code, paid.json["status"]) == (200, "PAID")
    shop.settle()
    assert shop.findings() == []

    shop.send("payments", "POST", f"/payments/{paid.json['payment_id']}/refund")
    shop.settle()
    assert shop.get("orders", f"/orders/{order_id}")["status"] == "REFUNDED"
    assert shop.get("catalog", f"/products/{product_id}")["stock"] == 5
    assert shop.findings() == []
