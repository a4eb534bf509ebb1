"""GET /checkouts, POST /checkouts/settle, and the sweep: what orders has not confirmed stays."""

import pytest
import responses

from tests.api.cart.taking import add, at_once, lines, restore, sell, take, unsettled
from tests.api.harness import Api


@pytest.fixture
def full_cart(cart: Api, partners: responses.RequestsMock) -> Api:
    sell(partners, 1)
    return cart


def take_one(cart: Api, order_id: str) -> None:
    add(cart, 1)
    assert take(cart, order_id).status_code == 200


def settle(cart: Api, *order_ids: str) -> int:
    response = cart.post("/checkouts/settle", json={"order_ids": order_ids})
    assert response.status_code == 200
    return int(response.json["settled"])


def test_what_is_older_is_listed_oldest_first(full_cart: Api) -> None:
    for order_id in ("o-3", "o-1", "o-2"):
        take_one(full_cart, order_id)
        full_cart.clock.turn(seconds=10)
    listed = full_cart.get("/checkouts?unsettled_for=15").json
    assert [checkout["order_id"] for checkout in listed] == ["o-3", "o-1"]
    assert listed[0].keys() == {"order_id", "user_id", "created_at"}
    assert listed[0]["user_id"] == "u"
    assert full_cart.get("/checkouts?unsettled_for=15&limit=1").json == listed[:1]
    # 30 seconds, if nothing is said.
    assert len(full_cart.get("/checkouts").json) == 1


def test_what_is_settled_or_restored_is_not_listed(full_cart: Api) -> None:
    for order_id in ("o-1", "o-2", "o-3"):
        take_one(full_cart, order_id)
    restore(full_cart, "o-1")
    restore(full_cart, "o-9")
    assert settle(full_cart, "o-2") == 1
    assert unsettled(full_cart) == ["o-3"]


def test_settling_counts_what_it_changed(full_cart: Api) -> None:
    take_one(full_cart, "o-1")
    take_one(full_cart, "o-2")
    assert settle(full_cart, "o-1", "o-2", "o-2", "unknown") == 2
    assert settle(full_cart, "o-1", "o-2") == 0
    nothing = full_cart.post("/checkouts/settle", json={"order_ids": []})
    assert nothing.status_code == 422
    assert nothing.json["detail"].startswith("order_ids: ")


def test_settling_moves_no_line(full_cart: Api) -> None:
    take_one(full_cart, "o-1")
    settle(full_cart, "o-1")
    assert lines(full_cart) == {}
    assert take(full_cart, "o-1").json["items"] == [{"product_id": 1, "quantity": 1}]


def test_a_key_is_replayed(full_cart: Api) -> None:
    take_one(full_cart, "o-1")
    send = {"json": {"order_ids": ["o-1"]}, "headers": {"Idempotency-Key": "k"}}
    first = full_cart.post("/checkouts/settle", **send)
    again = full_cart.post("/checkouts/settle", **send)
    assert (again.json, again.data) == ({"settled": 1}, first.data)


def test_settling_the_same_in_opposite_order_at_once(full_cart: Api) -> None:
    order_ids = [f"o-{number}" for number in range(20)]
    for order_id in order_ids:
        take_one(full_cart, order_id)
    counts: list[int] = []
    at_once(
        lambda: counts.append(settle(full_cart, *order_ids)),
        lambda: counts.append(settle(full_cart, *reversed(order_ids))),
    )
    assert sorted(counts) == [0, 20]


@pytest.mark.parametrize(
    "query",
    [
        "unsettled_for=-1",
        "unsettled_for=x",
        "unsettled_for=nan",
        "unsettled_for=31536001",
        "limit=0",
        "limit=1001",
    ],
)
def test_bad_queries_are_named(full_cart: Api, query: str) -> None:
    response = full_cart.get(f"/checkouts?{query}")
    assert response.status_code == 422
    assert response.json["detail"].startswith(query.partition("=")[0] + ": ")


def test_the_sweep_leaves_what_is_not_settled(full_cart: Api) -> None:
    """However old, it may still be all that is left of a cart."""
    take_one(full_cart, "settled")
    take_one(full_cart, "open")
    settle(full_cart, "settled")
    full_cart.clock.turn(days=29)
    full_cart.run_jobs()
    assert count(full_cart) == 2
    full_cart.clock.turn(days=2)
    full_cart.run_jobs()
    assert unsettled(full_cart) == ["open"]
    assert count(full_cart) == 1
    restore(full_cart, "open")
    assert lines(full_cart) == {1: 1}


def count(cart: Api) -> int:
    with cart.context.db.read() as tx:
        return len(tx.all("SELECT order_id FROM checkouts"))
