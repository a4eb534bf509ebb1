"""GET /reservations and POST /reservations/settle: what is held for orders nobody has confirmed."""

import pytest

from tests.api.harness import Api
from tests.api.plans import Plans


def reserve(catalog: Api, order_id: str, quantity: int = 1) -> None:
    items = [{"product_id": 1, "quantity": quantity}]
    answer = catalog.post("/reservations", json={"order_id": order_id, "items": items})
    assert answer.status_code == 200


def unsettled(catalog: Api, query: str = "") -> list[str]:
    return [row["order_id"] for row in catalog.get(f"/reservations{query}").json]


def settle(catalog: Api, *order_ids: str) -> int:
    answer = catalog.post("/reservations/settle", json={"order_ids": order_ids})
    assert answer.status_code == 200
    settled: int = answer.json["settled"]
    return settled


def test_what_is_old_enough_is_listed_oldest_first(catalog: Api) -> None:
    """Half a minute by default; a bound says how many at most."""
    for order_id in ("b", "a", "c"):
        reserve(catalog, order_id)
        catalog.clock.turn(seconds=20)
    assert unsettled(catalog) == ["b", "a"]
    assert unsettled(catalog, "?unsettled_for=0.5") == ["b", "a", "c"]
    assert unsettled(catalog, "?unsettled_for=0.5&limit=1") == ["b"]
    assert unsettled(catalog, "?unsettled_for=100") == []
    row = catalog.get("/reservations").json[0]
    assert list(row) == ["order_id", "created_at"]
    assert row["created_at"].endswith("Z")


def test_what_is_settled_or_released_is_not_listed_again(catalog: Api) -> None:
    """Settling takes nothing and gives nothing back; a settled order can still be released."""
    for order_id in ("a", "b", "c"):
        reserve(catalog, order_id)
    catalog.post("/reservations/never/release")
    catalog.clock.turn(seconds=31)
    catalog.post("/reservations/b/release")
    assert unsettled(catalog) == ["a", "c"]
    assert settle(catalog, "a", "unheard-of") == 1
    assert unsettled(catalog) == ["c"]
    assert settle(catalog, "a") == 0
    assert catalog.get("/products/1").json["stock"] == 48
    catalog.post("/reservations/a/release")
    assert catalog.get("/products/1").json["stock"] == 49


def test_a_repeated_reserve_stays_settled(catalog: Api) -> None:
    """A late retry of what orders has confirmed brings no work back."""
    reserve(catalog, "a")
    settle(catalog, "a")
    reserve(catalog, "a")
    catalog.clock.turn(hours=1)
    assert unsettled(catalog) == []


def test_the_list_is_read_from_its_index(catalog: Api, plans: Plans) -> None:
    """However many settled ones there are, they are not looked at."""
    unsettled(catalog)
    (step,) = [step for sql, step in plans.steps() if "FROM reservations" in sql]
    assert step.endswith("INDEX reservations_unsettled (created_at<?)")


@pytest.mark.parametrize(
    "query",
    [
        "unsettled_for=x",
        "unsettled_for=-1",
        "unsettled_for=nan",
        "unsettled_for=31536001",
        "limit=0",
        "order_id=a",
    ],
)
def test_bad_query(catalog: Api, query: str) -> None:
    """422 names the parameter."""
    answer = catalog.get(f"/reservations?{query}")
    assert answer.status_code == 422
    assert answer.json["detail"].startswith(query.partition("=")[0])


@pytest.mark.parametrize("body", [{}, {"order_ids": []}, {"order_ids": [5]}, {"order_ids": "a"}])
def test_bad_input(catalog: Api, body: dict[str, object]) -> None:
    """422."""
    assert catalog.post("/reservations/settle", json=body).status_code == 422
