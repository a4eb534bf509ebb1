"""The shop's API as the browser tests use it to prepare and to check; it is not what they test."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests


@dataclass
class Client:
    """The shop's API as the tests use it to prepare and to check."""

    url: str
    key: str

    def call(self, method: str, path: str, **kwargs: Any) -> Any:
        headers = {"X-API-Key": self.key}
        response = requests.request(
            method, f"{self.url}/api{path}", headers=headers, timeout=10, **kwargs
        )
        response.raise_for_status()
        return response.json() if response.content else None

    def get_cart(self, user_id: str) -> list[dict[str, Any]]:
        return list(self.call("GET", f"/cart/{quote(user_id, safe='')}")["cart"])

    def add_to_cart(self, user_id: str, product_id: int) -> None:
        self.call("POST", f"/cart/{quote(user_id, safe='')}/add", params={"product_id": product_id})

    def order(self, user_id: str, product_id: int = 2, quantity: int = 1) -> dict[str, Any]:
        line = {"product_id": product_id, "quantity": quantity}
        return dict(self.call("POST", "/orders", params={"user_id": user_id}, json=[line]))

    def order_and_pay(self, user_id: str, product_id: int = 2, quantity: int = 1) -> str:
        order = self.order(user_id, product_id, quantity)
        params = {"order_id": order["order_id"], "amount": order["total_amount"]}
        self.call("POST", "/pay", params=params)
        return str(order["order_id"])

    def list_orders(self, user_id: str) -> list[dict[str, Any]]:
        return list(self.call("GET", "/orders", params={"user_id": user_id}))

    def list_payments(self, order_id: str) -> list[dict[str, Any]]:
        return list(self.call("GET", "/payments", params={"order_id": order_id}))
