"""GET /products/export: Shopify's columns, and the same products when imported again."""

import csv
import io
from collections.abc import Callable, Iterator
from contextvars import Context
from pathlib import Path

from werkzeug.test import create_environ

from tests.api.harness import KEY, Api

REAL_EXPORT = Path(__file__).parents[2] / "data" / "shopify-apparel.csv"
CSV = {"content_type": "text/csv"}


def products(catalog: Api) -> list[dict[str, object]]:
    listed = catalog.get("/products?limit=1000").json
    kept = ("name", "price", "stock", "sku", "description", "category", "image_url")
    return [{name: product[name] for name in kept} for product in listed]


def test_the_file(catalog: Api) -> None:
    """It is a CSV to be saved, with one row for each product."""
    answer = catalog.get("/products/export")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="products.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["Title"], row["Variant Price"], row["Variant Inventory Qty"]) for row in rows] == [
        ("Keyboard", "79.99", "150"),
        ("Laptop", "999.99", "50"),
        ("Mouse", "29.99", "200"),
    ]


def test_downloads_that_overlap(catalog: Api) -> None:
    """The first one ends while the second goes on, each in a thread, which has its own context."""
    whole = catalog.get("/products/export").text

    def begin() -> tuple[bytes, Iterator[bytes]]:
        environ = create_environ("/products/export", headers={"X-API-Key": KEY})
        answer = iter(catalog.app.wsgi_app(environ, lambda *_: None))
        return next(answer), answer

    threads = Context(), Context()
    begun = [thread.run(begin) for thread in threads]
    for thread, (first, rest) in zip(threads, begun, strict=True):
        assert (first + b"".join(thread.run(list, rest))).decode() == whole


def test_imported_again(catalog: Api) -> None:
    """The same shop finds nothing to change, whatever was edited by hand."""
    catalog.post("/products/import", data=REAL_EXPORT.read_bytes(), **CSV)
    catalog.post(
        "/products",
        json={"name": '=1+1 "x", <b>', "price": 1, "sku": "@x", "description": "a & b\n\n<p>c"},
    )
    catalog.patch("/products/6", json={"name": "Renamed", "description": "", "category": ""})
    catalog.patch("/products/7", json={"image_url": "", "price": 3})
    exported = catalog.get("/products/export").data
    before = catalog.get("/products").json
    answer = catalog.post("/products/import?set_stock=true", data=exported, **CSV)
    assert answer.json == {
        "created": 0, "updated": 0, "unchanged": 26, "dry_run": False, "notices": [],
    }  # fmt: skip
    assert catalog.get("/products").json == before


def test_imported_elsewhere(catalog: Api, make_api: Callable[..., Api], tmp_path: Path) -> None:
    """An export after everything was archived, imported, brings the same products back."""
    catalog.post("/products/import", data=REAL_EXPORT.read_bytes(), **CSV)
    exported, before = catalog.get("/products/export").data, products(catalog)
    for product in catalog.get("/products").json:
        catalog.delete(f"/products/{product['id']}")
    answer = catalog.post("/products/import", data=exported, **CSV)
    assert (answer.json["created"], answer.json["updated"]) == (0, 25)
    assert products(catalog) == before


def test_many_products(make_api: Callable[..., Api]) -> None:
    """A file of several pages has every product once, a handle's variants together."""
    catalog = make_api("catalog", CATALOG_EMPTY="1")
    rows = [f"h{n % 700},T,Size,{n // 700},1,1\n" for n in range(1400)]
    header = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant Inventory Qty\n"
    catalog.post("/products/import", data=header + "".join(rows), **CSV)
    text = catalog.get("/products/export").text
    handles = [row["Handle"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert len(handles) == 1400
    assert handles[::2] == handles[1::2]
    assert len(set(handles)) == 700


def test_an_empty_catalogue(make_api: Callable[..., Api]) -> None:
    """The header alone, which can be imported too."""
    catalog = make_api("catalog", CATALOG_EMPTY="1")
    exported = catalog.get("/products/export").text
    assert exported.startswith("Handle,Title,")
    answer = catalog.post("/products/import", data=exported, **CSV)
    assert (answer.status_code, answer.json["created"]) == (200, 0)
