"""GET /categories."""

from tests.api.harness import Api


def test_categories(catalog: Api) -> None:
    """Each category of what is for sale, with how many products it has."""
    assert catalog.get("/categories").json == []
    for name, category in (("a", "Tops"), ("b", "Hats"), ("c", "Tops"), ("d", ""), ("e", "Gone")):
        catalog.post("/products", json={"name": name, "price": 1, "category": category})
    catalog.delete("/products/8")
    assert catalog.get("/categories").json == [
        {"category": "Hats", "products": 1},
        {"category": "Tops", "products": 2},
    ]


def test_pages(catalog: Api) -> None:
    """A page leads to the next, with any character in a name."""
    for category in ("A & B", "C=D", "E"):
        catalog.post("/products", json={"name": "x", "price": 1, "category": category})
    first = catalog.get("/categories?limit=1")
    assert first.headers["Link"] == '<?limit=1&after=A+%26+B>; rel="next"'
    second = catalog.get("/categories?limit=1&after=A+%26+B")
    assert second.json == [{"category": "C=D", "products": 1}]
    third = catalog.get("/categories?limit=1&after=C%3DD")
    assert third.json == [{"category": "E", "products": 1}]
    assert "Link" not in third.headers
    assert catalog.get("/categories?after=E").json == []
