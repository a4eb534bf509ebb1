"""DELETE /products/<id>."""

from tests.api.harness import Api


def test_archived(catalog: Api) -> None:
    """The product is gone for everything but its history."""
    answer = catalog.delete("/products/2")
    assert (answer.status_code, answer.data) == (204, b"")
    assert [product["id"] for product in catalog.get("/products").json] == [1, 3]
    assert catalog.get("/products?ids=2").json == []
    assert catalog.get("/products/2").status_code == 404
    assert catalog.patch("/products/2", json={"price": 1}).status_code == 404
    assert catalog.post("/products/2/stock", json={"delta": 1}).status_code == 404
    assert "cornershop-mouse" not in catalog.get("/products/export").text
    assert catalog.get("/products/2/stock/history").json[0]["delta"] == 200


def test_twice(catalog: Api) -> None:
    """The second time there is nothing to archive."""
    catalog.delete("/products/2")
    answer = catalog.delete("/products/2")
    assert (answer.status_code, answer.json) == (404, {"detail": "Product 2 not found"})


def test_if_match(catalog: Api) -> None:
    """A product that was changed meanwhile stays."""
    before = catalog.get("/products/2").headers["ETag"]
    now = catalog.patch("/products/2", json={"price": 1}).headers["ETag"]
    assert catalog.delete("/products/2", headers={"If-Match": before}).status_code == 412
    assert catalog.delete("/products/2", headers={"If-Match": now}).status_code == 204


def test_ids_are_never_used_again(catalog: Api) -> None:
    """A new product does not take the place of an archived one."""
    catalog.delete("/products/3")
    assert catalog.post("/products", json={"name": "Mug", "price": 1}).json["id"] == 4
