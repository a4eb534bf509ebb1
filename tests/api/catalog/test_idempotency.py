"""Idempotency-Key on each POST of the catalogue: once, and answered as the first time."""

import threading
from typing import Any

import pytest

from tests.api.harness import Api

KEY = {"Idempotency-Key": "k-1"}
LINES = [{"product_id": 1, "quantity": 2}]
HEADER = "Handle,Title,Variant Price,Variant Inventory Qty"
# Each POST, with what it is sent.
POSTS: dict[str, dict[str, Any]] = {
    "/products": {"json": {"name": "Mug", "price": 5, "stock": 3}},
    "/products/1/stock": {"json": {"delta": 5}},
    "/products/import": {"data": f"{HEADER}\nmug,Mug,5,1", "content_type": "text/csv"},
    "/products/import?dry_run=true": {"data": f"{HEADER}\nm,Mug,5,1", "content_type": "text/csv"},
    "/reservations": {"json": {"order_id": "o-1", "items": LINES}},
    "/reservations/o-2/release": {"json": {"reason": "cancelled"}},
    "/reservations/settle": {"json": {"order_ids": ["o-2"]}},
}


@pytest.fixture(autouse=True)
def _held(catalog: Api) -> None:
    catalog.post("/reservations", json={"order_id": "o-2", "items": LINES})


def state(catalog: Api) -> list[Any]:
    """Everything that a POST can change."""
    with catalog.context.db.read() as tx:
        return [
            [dict(row) for row in tx.all(f"SELECT * FROM {table} ORDER BY 1")]
            for table in ("products", "stock_movements", "reservations")
        ]


@pytest.mark.parametrize("path", POSTS)
def test_the_same_again_takes_effect_once(catalog: Api, path: str) -> None:
    """Status, headers and every byte are those of the first answer; nothing more happens."""
    first = catalog.post(path, headers=KEY, **POSTS[path])
    assert first.status_code in (200, 201)
    assert "Idempotent-Replayed" not in first.headers
    before = state(catalog)
    again = catalog.post(path, headers=KEY, **POSTS[path])
    assert (again.status_code, again.data) == (first.status_code, first.data)
    headers = dict(again.headers)
    assert headers.pop("Idempotent-Replayed") == "true"
    del headers["X-Request-ID"]
    assert headers.items() <= dict(first.headers).items()
    assert state(catalog) == before


@pytest.mark.parametrize("path", POSTS)
def test_the_answer_is_the_one_without_a_key(catalog: Api, path: str) -> None:
    """A key changes nothing of how the answer looks."""
    with_key = catalog.post(path, headers=KEY, **POSTS[path])
    without = catalog.post(path, **POSTS[path])
    assert with_key.status_code == without.status_code
    assert dict(with_key.headers).keys() == dict(without.headers).keys()
    assert list(with_key.json) == list(without.json)


@pytest.mark.parametrize("path", POSTS)
def test_another_request_under_the_key_is_refused(catalog: Api, path: str) -> None:
    """422, and nothing happens."""
    catalog.post(path, headers=KEY, **POSTS[path])
    before = state(catalog)
    sent = dict(POSTS[path])
    if "json" in sent:
        sent["json"] = {**sent["json"], "unheard_of": 1}
    else:
        sent["data"] += "\ncup,Cup,5,1"
    assert catalog.post(path, headers=KEY, **sent).status_code == 422
    assert state(catalog) == before


def test_a_new_product_is_replayed_with_its_address(catalog: Api) -> None:
    """`Location` and `ETag` come again, whatever has become of the product."""
    first = catalog.post("/products", headers=KEY, **POSTS["/products"])
    catalog.patch("/products/4", json={"price": 6})
    again = catalog.post("/products", headers=KEY, **POSTS["/products"])
    assert again.status_code == 201
    assert again.headers["Location"] == "products/4"
    assert again.headers["ETag"] == first.headers["ETag"]
    assert len(catalog.get("/products").json) == 4


def test_a_refused_try_burns_no_key(catalog: Api) -> None:
    """What failed may be tried again under its key, and then takes effect."""
    sent = {"json": {"delta": -50}, "headers": KEY}
    assert catalog.post("/products/1/stock", **sent).status_code == 409
    catalog.post("/products/1/stock", json={"delta": 2})
    assert catalog.post("/products/1/stock", **sent).json["stock"] == 0
    assert catalog.post("/products/1/stock", **sent).json["stock"] == 0
    body = {"order_id": "o-3", "items": LINES}
    assert catalog.post("/reservations", json=body, headers=KEY).status_code == 409
    catalog.post("/products/1/stock", json={"delta": 2})
    assert catalog.post("/reservations", json=body, headers=KEY).status_code == 200
    bad = {"data": f"{HEADER}\nmug,,5,1", "content_type": "text/csv", "headers": KEY}
    assert catalog.post("/products/import", **bad).status_code == 422
    path = "/products/import"
    assert catalog.post(path, headers=KEY, **POSTS[path]).json["created"] == 1


def test_a_large_file_has_its_key_too(catalog: Api) -> None:
    """A key does not bring back the bound of small bodies."""
    body = f"{HEADER},Extra\nmug,Mug,5,1," + "x" * 3_000_000
    for _ in range(2):
        answer = catalog.post("/products/import", data=body, content_type="text/csv", headers=KEY)
        assert (answer.status_code, answer.json["created"]) == (200, 1)
    answer = catalog.post(
        "/products/import", data=b"x" * (2**26 + 1), content_type="text/csv", headers=KEY
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("path", POSTS)
def test_many_at_once_take_effect_once(catalog: Api, path: str) -> None:
    """All get the one answer."""
    answers: list[tuple[int, bytes]] = []
    barrier = threading.Barrier(6)

    def send() -> None:
        barrier.wait(10)
        answer = catalog.post(path, headers=KEY, **POSTS[path])
        answers.append((answer.status_code, answer.data))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert set(answers) == {answers[0]}
    assert answers[0][0] in (200, 201)
    with catalog.context.db.read() as tx:
        effects = len(tx.all("SELECT id FROM stock_movements"))
    extra = 0 if path.endswith(("settle", "dry_run=true")) else 1
    assert effects == 4 + extra
