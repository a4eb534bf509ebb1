"""PATCH /products/<id>."""

from typing import Any

import pytest

from tests.api.harness import Api


def test_a_change(catalog: Api) -> None:
    """What is named is changed, the rest stays, the version goes up."""
    before = catalog.get("/products/1").json
    answer = catalog.patch("/products/1", json={"price": 899.5, "category": "Computers"})
    assert answer.status_code == 200
    assert answer.headers["ETag"].startswith('"2-')
    changed = {"price": 899.5, "category": "Computers", "updated_at": answer.json["updated_at"]}
    assert answer.json == before | changed
    assert answer.json["updated_at"] > before["updated_at"]
    assert catalog.get("/products/1").json == answer.json


def test_no_change(catalog: Api) -> None:
    """The same values again write nothing."""
    etag = catalog.get("/products/1").headers["ETag"]
    answer = catalog.patch("/products/1", json={"name": "Laptop", "price": 999.99})
    assert answer.headers["ETag"] == etag
    assert answer.json == catalog.get("/products/1").json


@pytest.mark.parametrize("match", ["{}", "W/{}", '"9.9", {}', "*"])
def test_the_version_that_was_read(catalog: Api, match: str) -> None:
    """If-Match lets the change through while only the stock has moved."""
    match = match.format(catalog.get("/products/1").headers["ETag"])
    catalog.post("/products/1/stock", json={"delta": -1})
    answer = catalog.patch("/products/1", json={"price": 1}, headers={"If-Match": match})
    assert answer.status_code == 200


@pytest.mark.parametrize("match", ['"1.50"', '"1-0123456789ab.2026"', '""', "nonsense"])
def test_another_version(catalog: Api, match: str) -> None:
    """412 when someone else was quicker; nothing is changed."""
    answer = catalog.patch("/products/1", json={"price": 1}, headers={"If-Match": match})
    assert answer.status_code == 412
    assert catalog.get("/products/1").json["price"] == 999.99


def test_an_edition_from_before_a_backup_was_put_back(catalog: Api) -> None:
    """What came after the backup, and is lost, is no version of what comes after it now."""
    lost = catalog.patch("/products/1", json={"price": 5}).headers["ETag"]
    before = "UPDATE products SET version = 1, price = 99999 WHERE id = 1"
    catalog.context.db.write(lambda tx: tx.execute(before))
    now = catalog.patch("/products/1", json={"price": 7}).headers["ETag"]
    assert lost.partition("-")[0] == now.partition("-")[0], "the same number"
    assert catalog.get("/products/1", headers={"If-None-Match": lost}).status_code == 200
    answer = catalog.patch("/products/1", json={"price": 1}, headers={"If-Match": lost})
    assert answer.status_code == 412


def test_two_editors(catalog: Api) -> None:
    """Of two who read the same version, the second is told."""
    etag = catalog.get("/products/1").headers["ETag"]
    first = catalog.patch("/products/1", json={"price": 1}, headers={"If-Match": etag})
    second = catalog.patch("/products/1", json={"price": 2}, headers={"If-Match": etag})
    assert (first.status_code, second.status_code) == (200, 412)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "body: There is nothing to change."),
        ({"stock": 5}, "stock: Is changed by POST /products/<id>/stock"),
        ({"name": ""}, "name: "),
        ({"price": "1"}, "price: "),
        ({"id": 5}, "id: "),
        ({"image_url": "x"}, "image_url: "),
        ([], "body: "),
    ],
)
def test_bad_input(catalog: Api, body: Any, detail: str) -> None:
    """422 that says what is wrong, and where stock is changed."""
    answer = catalog.patch("/products/1", json=body)
    assert answer.status_code == 422
    assert answer.json["detail"].startswith(detail)


@pytest.mark.parametrize("product_id", [999, 2**31])
def test_unknown(catalog: Api, product_id: int) -> None:
    """404, with or without If-Match."""
    path, change = f"/products/{product_id}", {"price": 1}
    assert catalog.patch(path, json=change).status_code == 404
    assert catalog.patch(path, json=change, headers={"If-Match": '"1.1"'}).status_code == 404
