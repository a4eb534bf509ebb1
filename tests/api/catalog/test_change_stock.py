"""POST /products/<id>/stock."""

import threading
from typing import Any

import pytest

from tests.api.harness import Api


def test_up_and_down(catalog: Api) -> None:
    """The stock moves by the delta; 0 can be reached, and each step is in the history."""
    steps = ((5, "delivery", 55), (-55, "stocktaking", 0), (1, "adjustment", 1))
    for delta, reason, stock in steps:
        answer = catalog.post("/products/1/stock", json={"delta": delta, "reason": reason})
        assert (answer.status_code, answer.json["stock"]) == (200, stock)
        assert answer.headers["ETag"] == catalog.get("/products/1").headers["ETag"]
    history = catalog.get("/products/1/stock/history").json
    assert [(row["delta"], row["reason"], row["stock_after"]) for row in history] == [
        *reversed(steps),
        (50, "initial", 50),
    ]


def test_a_reason_is_optional(catalog: Api) -> None:
    """Without one the movement is an adjustment."""
    catalog.post("/products/1/stock", json={"delta": 1})
    assert catalog.get("/products/1/stock/history").json[0]["reason"] == "adjustment"


@pytest.mark.parametrize("delta", [-51, 1_000_000_000])
def test_out_of_bounds(catalog: Api, delta: int) -> None:
    """Below zero, or more than can be counted, is 409 and says what there is."""
    answer = catalog.post("/products/1/stock", json={"delta": delta, "reason": "x"})
    assert (answer.status_code, answer.json["stock"]) == (409, 50)
    assert ("1000000000 is the most" in answer.json["detail"]) == (delta > 0)
    assert catalog.get("/products/1").json["stock"] == 50
    assert len(catalog.get("/products/1/stock/history").json) == 1


def test_more_than_anybody_may_make_it_can_be_lowered(catalog: Api) -> None:
    """What an order held comes back on top of what was added meanwhile."""
    most = 1_000_000_000
    held = {"order_id": "o-1", "items": [{"product_id": 1, "quantity": 5}]}
    assert catalog.post("/reservations", json=held).status_code == 200
    catalog.post("/products/1/stock", json={"delta": most - 45})
    assert catalog.post("/reservations/o-1/release").status_code == 200
    assert catalog.get("/products/1").json["stock"] == most + 5
    assert catalog.post("/products/1/stock", json={"delta": 1}).status_code == 409
    answer = catalog.post("/products/1/stock", json={"delta": -1})
    assert (answer.status_code, answer.json["stock"]) == (200, most + 4)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"delta": 0},
        {"delta": 1.5},
        {"delta": "1"},
        {"delta": True},
        {"delta": None},
        {"delta": 1_000_000_001},
        {"delta": 10**30},
        {"delta": 1, "reason": ""},
        {"delta": 1, "reason": "x" * 201},
        {"delta": 1, "reason": "a\nb"},
        {"delta": 1, "because": "x"},
    ],
)
def test_bad_input(catalog: Api, body: dict[str, Any]) -> None:
    """422, and the stock stays."""
    assert catalog.post("/products/1/stock", json=body).status_code == 422
    assert catalog.get("/products/1").json["stock"] == 50


@pytest.mark.parametrize("product_id", [999, 2**31])
def test_unknown(catalog: Api, product_id: int) -> None:
    """404 with the usual words."""
    answer = catalog.post(f"/products/{product_id}/stock", json={"delta": 1})
    assert answer.json == {"detail": f"Product {product_id} not found"}


def test_a_crowd(catalog: Api) -> None:
    """Of 60 who take one at the same time, 50 get one; nothing is lost or sold twice."""
    statuses: list[int] = []

    def take() -> None:
        for _ in range(10):
            answer = catalog.post("/products/1/stock", json={"delta": -1, "reason": "sale"})
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses.count(200), statuses.count(409)) == (50, 10)
    history = catalog.get("/products/1/stock/history").json
    assert [row["stock_after"] for row in history] == list(range(51))
    assert sum(row["delta"] for row in history) == 0
