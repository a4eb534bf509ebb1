"""The catalogue and the cart as orders meets them."""

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from apps.orders.jobs import LEASE_S
from shop_common.clock import to_iso
from tests.api.harness import Api

Answer = tuple[int, dict[str, str], str]


class Holder:
    """Lists what is not settled, until orders settles it."""

    def __init__(self) -> None:
        self.settled: list[str] = []
        self.unsettled: list[dict[str, Any]] = []

    def list_unsettled(self, request: requests.PreparedRequest) -> Answer:
        limit = parse_qs(urlsplit(str(request.url)).query).get("limit")
        listed = self.unsettled[: int(limit[0])] if limit else self.unsettled
        return 200, {}, json.dumps(listed)

    def settle(self, request: requests.PreparedRequest) -> Answer:
        ids = json.loads(request.body or b"")["order_ids"]
        self.settled += ids
        self.unsettled = [entry for entry in self.unsettled if entry["order_id"] not in ids]
        return 200, {}, json.dumps({"settled": len(ids)})


class Catalog(Holder):
    """Holds stock as the catalogue does; `refusal` is what it answers instead, if it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.prices = {1: 999.99, 2: 29.99}
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.error: Exception | None = None
        self.held: dict[str, Any] = {}
        self.released: list[str] = []

    def reserve(self, request: requests.PreparedRequest) -> Answer:
        if self.error:
            raise self.error
        if self.refusal:
            return self.refusal[0], {}, json.dumps(self.refusal[1])
        body = json.loads(request.body or b"")
        items = [line | {"price": self.prices[line["product_id"]]} for line in body["items"]]
        wrong = [
            held for held, line in zip(items, body["items"], strict=True) if held != held | line
        ]
        if wrong:
            detail = "The price of product {product_id} is {price}".format_map(wrong[0])
            return 409, {}, json.dumps({"detail": detail, "prices": wrong})
        self.held[body["order_id"]] = items
        answer = {"order_id": body["order_id"], "status": "HELD", "items": items}
        return 200, {}, json.dumps(answer)

    def release(self, request: requests.PreparedRequest) -> Answer:
        order_id = str(request.url).split("/")[-2]
        self.released.append(order_id)
        self.held.pop(order_id, None)
        return 200, {}, json.dumps({"order_id": order_id, "status": "RELEASED"})


class Cart(Holder):
    """One user's lines, taken and restored as the cart does."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = [{"product_id": 1, "quantity": 2}]
        self.taken: dict[str, Any] = {}
        self.restored: list[str] = []
        self.lost_answers = 0

    def take(self, request: requests.PreparedRequest) -> Answer:
        order_id = json.loads(request.body or b"")["order_id"]
        if order_id not in self.taken:
            if not self.lines:
                return 409, {}, json.dumps({"detail": "The cart is empty"})
            self.taken[order_id], self.lines = self.lines, []
        if self.lost_answers:
            self.lost_answers -= 1
            raise TimeoutError("lost")
        answer = {"order_id": order_id, "user_id": "u", "items": self.taken[order_id]}
        return 200, {}, json.dumps(answer)

    def restore(self, request: requests.PreparedRequest) -> Answer:
        order_id = str(request.url).split("/")[-2]
        self.restored.append(order_id)
        self.lines += self.taken.pop(order_id, [])
        return 200, {}, json.dumps({"order_id": order_id, "status": "RESTORED"})


def lease_elsewhere(orders: Api, job: str) -> None:
    """Another worker has begun with the job, now."""
    now = orders.clock()
    orders.context.db.write(
        lambda tx: tx.execute(
            "INSERT INTO job_leases (name, token, leased_until, created_at, updated_at)"
            " VALUES (?, 'another', ?, ?, ?)",
            (job, to_iso(now + timedelta(seconds=LEASE_S)), to_iso(now), to_iso(now)),
        )
    )


@pytest.fixture
def catalog_app(partners: responses.RequestsMock) -> Catalog:
    catalog = Catalog()
    url = "http://localhost:8002/reservations"
    json_type = {"content_type": "application/json"}
    partners.add_callback(responses.POST, url, catalog.reserve, **json_type)
    release = re.compile(f"{url}/[^/]+/release")
    partners.add_callback(responses.POST, release, catalog.release, **json_type)
    partners.add_callback(responses.GET, url, catalog.list_unsettled, **json_type)
    partners.add_callback(responses.POST, f"{url}/settle", catalog.settle, **json_type)
    return catalog


@pytest.fixture
def cart_app(partners: responses.RequestsMock) -> Cart:
    cart = Cart()
    url = "http://localhost:8001"
    json_type = {"content_type": "application/json"}
    partners.add_callback(responses.POST, f"{url}/cart/u/checkouts", cart.take, **json_type)
    restore = re.compile(f"{url}/cart/u/checkouts/[^/]+/restore")
    partners.add_callback(responses.POST, restore, cart.restore, **json_type)
    partners.add_callback(responses.GET, f"{url}/checkouts", cart.list_unsettled, **json_type)
    partners.add_callback(responses.POST, f"{url}/checkouts/settle", cart.settle, **json_type)
    return cart
