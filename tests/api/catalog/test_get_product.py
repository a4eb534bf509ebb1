"""GET /products/<id>."""

import pytest

from tests.api.harness import Api


def test_a_product(catalog: Api) -> None:
    """The list's members, the seed's first."""
    product = catalog.get("/products/1").json
    assert list(product.items())[:4] == [
        ("id", 1), ("name", "Laptop"), ("price", 999.99), ("stock", 50),
    ]  # fmt: skip
    assert product == catalog.get("/products?ids=1").json[0]


@pytest.mark.parametrize("product_id", [999, 0, 2**31, 2**63, 10**30])
def test_unknown(catalog: Api, product_id: int) -> None:
    """404 with the seed's words and nothing else, whatever the size of the number."""
    answer = catalog.get(f"/products/{product_id}")
    assert answer.status_code == 404
    assert answer.json == {"detail": f"Product {product_id} not found"}


@pytest.mark.parametrize("path", ["-1", "x", "1.5", "%00", "1%2F2", "%D9%A1"])
def test_no_id(catalog: Api, path: str) -> None:
    """What is no id is 404 too."""
    assert catalog.get(f"/products/{path}").status_code == 404


def test_etag(catalog: Api) -> None:
    """304 while nothing has changed; stock changes the second part, a PATCH the first too."""
    etags = [catalog.get("/products/1").headers["ETag"]]
    seen = {"If-None-Match": etags[0]}
    assert catalog.get("/products/1", headers=seen).status_code == 304
    for delta in (-1, 1):
        catalog.post("/products/1/stock", json={"delta": delta})
        answer = catalog.get("/products/1", headers=seen)
        assert answer.status_code == 200, "the same stock again, but changed"
        etags.append(answer.headers["ETag"])
    etags.append(catalog.patch("/products/1", json={"price": 1}).headers["ETag"])
    assert len(set(etags)) == 4
    assert len({etag.partition(".")[0] for etag in etags}) == 2


def test_key(catalog: Api) -> None:
    """Nothing is said without the key, not even whether the product exists."""
    answer = catalog.client.get("/products/999")
    assert (answer.status_code, answer.json) == (401, {"detail": "Invalid API Key"})
