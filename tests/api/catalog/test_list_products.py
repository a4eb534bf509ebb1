"""GET /products: the seed's list, its filters, its pages and its ETag."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.harness import Api

FIRST = [
    {"id": 1, "name": "Laptop", "price": 999.99, "stock": 50},
    {"id": 2, "name": "Mouse", "price": 29.99, "stock": 200},
    {"id": 3, "name": "Keyboard", "price": 79.99, "stock": 150},
]


def ids(catalog: Api, query: str = "") -> list[int]:
    answer = catalog.get(f"/products?{query}")
    assert answer.status_code == 200, answer.text
    return [product["id"] for product in answer.json or []]


@pytest.fixture
def shirts(catalog: Api) -> Api:
    """The first three products and: 4 and 5 in Tops, 6 without stock and with an accent."""
    for product in (
        {"name": "Red Shirt", "price": 10, "stock": 1, "sku": "RS-100", "category": "Tops"},
        {"name": "Blue T-Shirt", "price": 10, "stock": 2, "category": "Tops",
         "description": "Made of cotton.\nWash red."},
        {"name": "Crème Brûlée", "price": 5, "category": "Food & Drink"},
    ):  # fmt: skip
        assert catalog.post("/products", json=product).status_code == 201
    return catalog


def test_the_first_products(catalog: Api) -> None:
    """A new catalogue holds the seed's three, with its members first and in its order."""
    products = catalog.get("/products").json
    assert [dict(list(product.items())[:4]) for product in products] == FIRST
    assert [list(product)[:4] for product in products] == [["id", "name", "price", "stock"]] * 3


def test_an_empty_start(make_api: Callable[..., Api]) -> None:
    """A catalogue that was started empty stays so, whatever it is told later."""
    assert ids(make_api("catalog", CATALOG_EMPTY="1")) == []
    assert ids(make_api("catalog")) == []


def test_the_first_products_come_once(make_api: Callable[..., Api]) -> None:
    """A restart adds nothing, also when every product has been archived."""
    catalog = make_api("catalog")
    assert ids(make_api("catalog")) == [1, 2, 3]
    for product_id in (1, 2, 3):
        catalog.delete(f"/products/{product_id}")
    assert ids(make_api("catalog")) == []


def test_processes_that_start_together(
    make_api: Callable[..., Api], tmp_path: Path, postgres_url: str | None
) -> None:
    """However many prepare a new database at the same time, the three are put in once."""
    command = [sys.executable, "-c", "import apps.catalog; apps.catalog.create_app()"]
    settings = {"SHOP_DATA_DIR": str(tmp_path), "CATALOG_DATABASE_URL": postgres_url or ""}
    root = Path(__file__).parents[3]
    starting = [subprocess.Popen(command, cwd=root, env=os.environ | settings) for _ in range(4)]
    assert [process.wait(30) for process in starting] == [0, 0, 0, 0]
    assert ids(make_api("catalog")) == [1, 2, 3]


def test_by_ids(shirts: Api) -> None:
    """Only those asked for, by id, each once; the unknown are left out."""
    assert ids(shirts, "ids=2") == [2]
    assert ids(shirts, "ids=3,1,3,999,2147483648,99999999999999999999999") == [1, 3]
    assert ids(shirts, "ids=999") == ids(shirts, "ids=2147483648") == []
    assert ids(shirts, "ids=1,2,3,4,5,6&in_stock=false") == [6]


def test_archived_ones_too(shirts: Api) -> None:
    """Asked for, they are there with what they were called; else only what is for sale is."""
    shirts.delete("/products/4")
    assert ids(shirts, "ids=3,4,999&archived=true") == [3, 4]
    assert ids(shirts, "archived=true") == [1, 2, 3, 4, 5, 6]
    assert ids(shirts, "archived=true&q=shirt&in_stock=true") == [4, 5]
    for query in ("ids=3,4", "ids=3,4&archived=false"):
        assert ids(shirts, query) == [3]


def test_what_runs_low(shirts: Api) -> None:
    """The bound itself counts as low."""
    assert ids(shirts, "max_stock=1") == [4, 6]
    assert ids(shirts, "max_stock=0") == [6]
    assert shirts.get("/products?max_stock=-1").status_code == 422


def test_many_ids_need_no_limit(make_api: Callable[..., Api]) -> None:
    """Up to 1,000 ids are answered at once, without a limit being asked for."""
    catalog = make_api("catalog", CATALOG_EMPTY="1")
    rows = "".join(f"h{n},Thing {n},1,1\n" for n in range(150))
    header = "Handle,Title,Variant Price,Variant Inventory Qty\n"
    catalog.post("/products/import", data=header + rows, content_type="text/csv")
    wanted = list(range(1, 151))
    assert ids(catalog, f"ids={','.join(map(str, wanted))}") == wanted
    assert len(ids(catalog)) == 100
    assert ids(catalog, f"ids={','.join(map(str, range(1, 1001)))}") == wanted


@pytest.mark.parametrize(
    "query",
    [
        "ids=",
        "ids=1,",
        "ids=a",
        "ids=-1",
        "ids=0",
        "ids=1.5",
        "ids=%2B1",
        "ids=1%202",
        "ids=%D9%A1",
        "ids=" + ",".join(["1"] * 1001),
        "ids=1&ids=2",
        "limit=0",
        "limit=1001",
        "limit=x",
        "after=x",
        "after=-1",
        "in_stock=maybe",
        "archived=maybe",
        "q=%00",
        "q=" + "x" * 501,
        "colour=red",
    ],
)
def test_bad_query(catalog: Api, query: str) -> None:
    """A query that makes no sense is 422 and names the parameter."""
    answer = catalog.get(f"/products?{query}")
    assert answer.status_code == 422
    assert answer.json["detail"].startswith(query.partition("=")[0])


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("shirt", [4, 5]),
        ("SHIRT red", [4, 5]),
        ("shirt rs", [4]),
        ("rs-10", [4]),
        ("cott wash", [5]),
        ("creme", [6]),
        ("BRÛL", [6]),
        ("hirt", []),
        ("shirt lamp", []),
        ("lap", [1]),
        ("!?", []),
        ("%20", [1, 2, 3, 4, 5, 6]),
        ("", [1, 2, 3, 4, 5, 6]),
        ("' OR 1=1 --", []),
        ('"shirt* NEAR(', []),
        ("shirt:*", [4, 5]),
        ("x" * 500, []),
        ("日本", []),
    ],
)
def test_search(shirts: Api, q: str, found: list[int]) -> None:
    """Every word must begin a word of name, description or sku; case and accents do not count."""
    answer = shirts.get("/products", query_string={"q": q.replace("%20", " ")})
    assert [product["id"] for product in answer.json or []] == found


def test_search_for_long_words(shirts: Api) -> None:
    """Of words that begin alike for long, each finds its own, also in the middle of a text."""
    for name in ("Handcrafted Bowl", "Handcraftsman's Cup", "Bowl, Handcraftsmanlike"):
        shirts.post("/products", json={"name": name, "price": 1})
    assert ids(shirts, "q=handcraft") == [7, 8, 9]
    assert ids(shirts, "q=handcrafted") == [7]
    assert ids(shirts, "q=handcraftsman") == [8, 9]
    assert ids(shirts, "q=bowl%20handcrafts") == [9]
    assert ids(shirts, "q=handcraftsmanlike%20handcrafted") == []
    assert ids(shirts, "q=handcraft&after=8") == [9]


def test_search_follows_changes(shirts: Api) -> None:
    """A renamed product is found by its new name alone, an archived one not at all."""
    shirts.patch("/products/4", json={"name": "Green Blouse"})
    assert ids(shirts, "q=blouse") == [4]
    assert ids(shirts, "q=shirt") == [5]
    shirts.delete("/products/5")
    assert ids(shirts, "q=shirt") == []


def test_by_category_and_stock(shirts: Api) -> None:
    """Filters narrow together."""
    assert ids(shirts, "category=Tops") == [4, 5]
    assert ids(shirts, "category=tops") == []
    assert ids(shirts, "category=Food%20%26%20Drink&in_stock=true") == []
    assert ids(shirts, "in_stock=false") == [6]
    assert ids(shirts, "in_stock=true&q=shirt&category=Tops&after=4") == [5]


def test_pages(shirts: Api) -> None:
    """The Link header leads through all products, keeping the filters."""
    query, seen = "limit=2&in_stock=true", []
    for _ in range(5):
        answer = shirts.get(f"/products?{query}")
        seen.append([product["id"] for product in answer.json or []])
        link = re.fullmatch(r'<\?(.*)>; rel="next"', answer.headers.get("Link", ""))
        if not link:
            break
        query = link[1]
    assert [product for page in seen for product in page] == [1, 2, 3, 4, 5]
    assert all(len(page) <= 2 for page in seen)
    assert "Link" not in shirts.get("/products?limit=5&in_stock=true").headers


def test_etag(catalog: Api) -> None:
    """An unchanged list is 304; a sale changes it."""
    etag = catalog.get("/products").headers["ETag"]
    for sent in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = catalog.get("/products", headers={"If-None-Match": sent})
        assert (answer.status_code, answer.text) == (304, "")
        assert "Content-Type" not in answer.headers  # it describes a body
        assert answer.headers["ETag"] == etag
    catalog.post("/products/1/stock", json={"delta": -1})
    answer = catalog.get("/products", headers={"If-None-Match": etag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != etag
