"""GET /products/<id>/stock/history."""

import re

import pytest

from tests.api.harness import Api


def test_the_first_movement(catalog: Api) -> None:
    """A product's stock begins with a movement."""
    history = catalog.get("/products/1/stock/history").json
    assert len(history) == 1
    assert {name: history[0][name] for name in ("delta", "stock_after", "reason", "order_id")} == {
        "delta": 50,
        "stock_after": 50,
        "reason": "initial",
        "order_id": None,
    }


def test_pages(catalog: Api) -> None:
    """Newest first, a page after the other, none twice and none left out."""
    for _ in range(6):
        catalog.post("/products/1/stock", json={"delta": 1})
        catalog.post("/products/2/stock", json={"delta": 1})
    seen, query = [], "limit=3"
    while query:
        answer = catalog.get(f"/products/1/stock/history?{query}")
        seen += [row["stock_after"] for row in answer.json]
        link = re.fullmatch(r'<\?(.*)>; rel="next"', answer.headers.get("Link", ""))
        query = link[1] if link else ""
    assert seen == [56, 55, 54, 53, 52, 51, 50]
    assert "Link" not in catalog.get("/products/1/stock/history?limit=7").headers


@pytest.mark.parametrize("product_id", [999, 2**31])
def test_unknown(catalog: Api, product_id: int) -> None:
    """A product that never was has no history."""
    assert catalog.get(f"/products/{product_id}/stock/history").status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=9999", "after=x", "after=-1", "x=1"])
def test_bad_query(catalog: Api, query: str) -> None:
    """422 names the parameter."""
    answer = catalog.get(f"/products/1/stock/history?{query}")
    assert answer.status_code == 422
    assert answer.json["detail"].startswith(query.partition("=")[0])
