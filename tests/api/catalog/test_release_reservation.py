"""POST /reservations/<order_id>/release."""

import threading

import pytest
from werkzeug.test import TestResponse

from tests.api.harness import Api


def reserve(catalog: Api, *wanted: tuple[int, int], order_id: str = "o-1") -> TestResponse:
    items = [{"product_id": product_id, "quantity": quantity} for product_id, quantity in wanted]
    return catalog.post("/reservations", json={"order_id": order_id, "items": items})


def stocks(catalog: Api) -> list[int]:
    return [product["stock"] for product in catalog.get("/products").json]


def test_it_gives_back_once(catalog: Api) -> None:
    """The stock is as before, the history says why and for which order; again does nothing."""
    reserve(catalog, (1, 2), (2, 3), (1, 5))
    for _ in range(2):
        answer = catalog.post("/reservations/o-1/release", json={"reason": "order expired"})
        assert (answer.status_code, answer.json) == (200, {"order_id": "o-1", "status": "RELEASED"})
        assert stocks(catalog) == [50, 200, 150]
    history = catalog.get("/products/1/stock/history").json
    columns = ("delta", "stock_after", "reason", "order_id")
    assert [tuple(row[column] for column in columns) for row in history] == [
        (7, 50, "order expired", "o-1"),
        (-7, 43, "reservation", "o-1"),
        (50, 50, "initial", None),
    ]


@pytest.mark.parametrize("body", [None, {}, {"reason": ""}])
def test_a_reason_is_optional(catalog: Api, body: dict[str, str] | None) -> None:
    """Without one the history says what was done."""
    reserve(catalog, (1, 2))
    path = "/reservations/o-1/release"
    answer = catalog.post(path) if body is None else catalog.post(path, json=body)
    assert answer.status_code == 200
    assert catalog.get("/products/1/stock/history").json[0]["reason"] == "release"


def test_a_released_order_takes_nothing_more(catalog: Api) -> None:
    """409 that says so, whether it held something or was never heard of; other orders go on."""
    reserve(catalog, (1, 2))
    for order_id in ("o-1", "never"):
        assert catalog.post(f"/reservations/{order_id}/release").json["status"] == "RELEASED"
        answer = reserve(catalog, (1, 2), order_id=order_id)
        assert (answer.status_code, answer.json["released"]) == (409, True)
        assert answer.json["detail"] == f"Reservation {order_id} was released"
        assert catalog.post(f"/reservations/{order_id}/release").status_code == 200
        assert stocks(catalog) == [50, 200, 150]
    assert reserve(catalog, (1, 50), order_id="o-2").status_code == 200


def test_an_archived_product_gets_its_stock_back(catalog: Api) -> None:
    """So that its books balance too."""
    reserve(catalog, (1, 2))
    catalog.delete("/products/1")
    assert catalog.post("/reservations/o-1/release").status_code == 200
    assert catalog.get("/products/1/stock/history").json[0]["stock_after"] == 50


def test_bad_input(catalog: Api) -> None:
    """422."""
    for body in ({"reason": 5}, {"because": "x"}, {"reason": "x" * 1001}):
        assert catalog.post("/reservations/o-1/release", json=body).status_code == 422
    assert catalog.post(f"/reservations/{'x' * 65}/release").status_code == 422


def test_many_releases_at_once_give_back_once(catalog: Api) -> None:
    """Eight at the same time, a few times over, for an order and for one never heard of."""
    for number in range(5):
        reserve(catalog, (1, 10), (2, 10), order_id=f"o-{number}")
        for order_id in (f"o-{number}", f"never-{number}"):
            answers: list[int] = []
            barrier = threading.Barrier(8)

            def release(
                order_id: str = order_id,
                answers: list[int] = answers,
                barrier: threading.Barrier = barrier,
            ) -> None:
                barrier.wait(10)
                answers.append(catalog.post(f"/reservations/{order_id}/release").status_code)

            threads = [threading.Thread(target=release) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert answers == [200] * 8
            assert stocks(catalog) == [50, 200, 150]
    assert len(catalog.get("/products/1/stock/history").json) == 11
