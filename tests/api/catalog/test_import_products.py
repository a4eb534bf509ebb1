"""POST /products/import: which product a row means, what it changes, all or nothing."""

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.catalog import store
from tests.api.harness import KEY, Api

REAL_EXPORT = (Path(__file__).parents[2] / "data" / "shopify-apparel.csv").read_bytes()
HEADER = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty"


def send(catalog: Api, *rows: str, query: str = "", body: bytes | None = None) -> dict[str, Any]:
    data = "\n".join([HEADER, *rows]).encode() if body is None else body
    answer = catalog.post(f"/products/import{query}", data=data, content_type="text/csv")
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json
    return result


def counts(result: dict[str, Any]) -> tuple[int, int, int]:
    return result["created"], result["updated"], result["unchanged"]


def product(catalog: Api, product_id: int) -> dict[str, Any]:
    result: dict[str, Any] = catalog.get(f"/products/{product_id}").json
    return result


def test_a_real_export(catalog: Api) -> None:
    """Every variant becomes a product with its stock, told as an import."""
    result = send(catalog, body=REAL_EXPORT)
    assert result == {
        "created": 22, "updated": 0, "unchanged": 0, "dry_run": False, "notices": [],
    }  # fmt: skip
    imported = product(catalog, 6)
    assert imported["name"] == "Classic Varsity Top (Size: Medium)"
    assert (imported["price"], imported["stock"], imported["category"]) == (60, 1, "women")
    history = catalog.get("/products/6/stock/history").json
    assert [(row["delta"], row["reason"]) for row in history] == [(1, "import")]
    assert [found["id"] for found in catalog.get("/products?q=varsity").json] == [5, 6, 7]


def test_the_same_file_twice(catalog: Api) -> None:
    """It changes nothing, also after sales, and writes nothing."""
    send(catalog, body=REAL_EXPORT)
    catalog.post("/products/6/stock", json={"delta": -1, "reason": "sale"})
    before = catalog.get("/products").json
    assert counts(send(catalog, body=REAL_EXPORT)) == (0, 0, 22)
    assert catalog.get("/products").json == before
    assert len(catalog.get("/products/6/stock/history").json) == 2


def test_dry_run(catalog: Api) -> None:
    """It says what would be done and does none of it."""
    result = send(catalog, body=REAL_EXPORT, query="?dry_run=true")
    assert result["dry_run"] is True
    assert counts(result) == (22, 0, 0)
    assert len(catalog.get("/products").json) == 3


def test_changed_rows(catalog: Api) -> None:
    """Only what the file says differently is written; the stock is left alone."""
    send(catalog, "mug,Mug,,,M-1,5,10", "cup,Cup,,,,6,10")
    unchanged = product(catalog, 5)
    result = send(catalog, "mug,Big Mug,,,M-1,5.50,99", "cup,Cup,,,,6,99", "jug,Jug,,,,7,0")
    assert counts(result) == (1, 1, 1)
    changed = product(catalog, 4)
    assert (changed["name"], changed["price"], changed["stock"]) == ("Big Mug", 5.5, 10)
    assert catalog.get("/products/4").headers["ETag"].startswith('"2-')
    assert product(catalog, 5) == unchanged
    assert [found["id"] for found in catalog.get("/products?q=big").json] == [4]


def test_set_stock(catalog: Api) -> None:
    """Where it is asked for, the stock becomes the file's, by a movement for the difference."""
    send(catalog, "mug,Mug,,,,5,10", "cup,Cup,,,,6,10", "jug,Jug,,,,7,10")
    catalog.post("/products/4/stock", json={"delta": -3, "reason": "sale"})
    rows = ("mug,Mug,,,,5,12", "cup,Cup,,,,6,0", "jug,Jug,,,,7,")
    result = send(catalog, *rows, query="?set_stock=true&dry_run=false")
    assert counts(result) == (0, 2, 1)
    assert [product(catalog, number)["stock"] for number in (4, 5, 6)] == [12, 0, 10]
    history = catalog.get("/products/4/stock/history").json
    assert [(row["delta"], row["stock_after"], row["reason"]) for row in history] == [
        (5, 12, "import"),
        (-3, 7, "sale"),
        (10, 10, "import"),
    ]
    assert catalog.get("/products/4").headers["ETag"].startswith('"1-'), "its data stay"
    assert counts(send(catalog, *rows, query="?set_stock=1")) == (0, 0, 3)


def test_missing_stock(catalog: Api) -> None:
    """A missing quantity is none, and is reported with its line."""
    result = send(catalog, "mug,Mug,,,,5,", "cup,Cup,,,,5,-2")
    assert result["notices"] == [
        {"line": 2, "reason": "Variant Inventory Qty is missing: taken as 0"},
        {"line": 3, "reason": "Variant Inventory Qty is -2: taken as 0"},
    ]
    assert [product(catalog, number)["stock"] for number in (4, 5)] == [0, 0]
    assert catalog.get("/products/4/stock/history").json == []


def test_missing_stock_of_known_products(catalog: Api) -> None:
    """What is said is what happens to the stock, and nothing where nothing does."""
    send(catalog, "mug,Mug,,,,5,10", "cup,Cup,,,,5,10")
    rows = ("mug,Mug,,,,5,", "cup,Cup,,,,5,-2")
    assert send(catalog, *rows)["notices"] == []
    assert send(catalog, *rows, query="?set_stock=1")["notices"] == [
        {"line": 2, "reason": "Variant Inventory Qty is missing: the stock stays as it is"},
        {"line": 3, "reason": "Variant Inventory Qty is -2: taken as 0"},
    ]
    assert [product(catalog, number)["stock"] for number in (4, 5)] == [10, 0]


def test_bad_rows(catalog: Api) -> None:
    """Each is named by its line, and nothing at all is imported."""
    body = f"{HEADER}\nmug,Mug,,,,5,1\ncup,Cup,,,,x,1\ncup,Cup,,,,5,y\nmug,Mug,,,,5,1"
    answer = catalog.post("/products/import", data=body, content_type="text/csv")
    assert answer.status_code == 422
    assert answer.json["detail"] == "3 rows cannot be imported"
    assert answer.json["errors"] == [
        {"line": 3, "reason": "Variant Price 'x': not a number"},
        {"line": 4, "reason": "the same handle and options as line 3"},
        {"line": 4, "reason": "Variant Inventory Qty 'y': not a whole number"},
        {"line": 5, "reason": "the same handle and options as line 2"},
    ]
    assert len(catalog.get("/products").json) == 3


def test_one_bad_row(catalog: Api) -> None:
    """A dry run refuses it just so."""
    answer = catalog.post(
        "/products/import?dry_run=1", data=f"{HEADER}\nmug,,,,,5,1", content_type="text/csv"
    )
    assert (answer.status_code, answer.json) == (
        422,
        {
            "detail": "1 row cannot be imported",
            "errors": [{"line": 2, "reason": "Title is missing"}],
        },
    )


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfeH\0", b"\0\0\0", b'"', b"{}", b"\x89PNG\r\n\x1a\n"]
)
def test_no_such_file(catalog: Api, body: bytes) -> None:
    """What is no product export at all is 422 too."""
    answer = catalog.post("/products/import", data=body, content_type="text/csv")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["line"] == 1


def test_other_media(catalog: Api) -> None:
    """A body of another type is 415."""
    assert catalog.post("/products/import", json={}).status_code == 415
    assert catalog.post("/products/import", data=b"x").status_code == 415


def test_size(catalog: Api) -> None:
    """A file of several MiB is taken, one above 64 MiB is 413."""
    row = "mug,Mug,,,,5,1," + "x" * 3_000_000
    assert counts(send(catalog, body=f"{HEADER},Extra\n{row}".encode())) == (1, 0, 0)
    answer = catalog.post("/products/import", data=b"x" * (2**26 + 1), content_type="text/csv")
    assert answer.status_code == 413
    assert answer.json == {"detail": "The body is larger than 64 MiB."}


def test_half_a_file(catalog: Api) -> None:
    """One whose sender died while it sent is not taken for whole, cut price and all."""
    whole = f"{HEADER}\nmug,Mug,,,,1234.56,1".encode()
    answer = catalog.client.post(
        "/products/import",
        data=whole[: whole.index(b"34.56")],
        content_type="text/csv",
        headers={"X-API-Key": KEY},
        environ_overrides={"CONTENT_LENGTH": str(len(whole))},
    )
    assert answer.status_code == 400
    assert len(catalog.get("/products").json) == 3


@pytest.mark.parametrize("query", ["dry_run=maybe", "set_stock=2", "dryrun=true"])
def test_bad_query(catalog: Api, query: str) -> None:
    """A misspelt flag must not import for real."""
    answer = catalog.post(f"/products/import?{query}", data=REAL_EXPORT, content_type="text/csv")
    assert answer.status_code == 422
    assert len(catalog.get("/products").json) == 3


def test_match_by_sku(catalog: Api) -> None:
    """A product that was made by hand, or whose handle changed, is known by its SKU."""
    catalog.post("/products", json={"name": "Mug", "price": 5, "sku": "M-1", "stock": 3})
    assert counts(send(catalog, "mug,Mug,,,M-1,5,99")) == (0, 1, 0)
    assert counts(send(catalog, "mug,Mug,,,M-1,5,99")) == (0, 0, 1)
    assert counts(send(catalog, "big-mug,Mug,,,M-1,6,99")) == (0, 1, 0)
    assert (product(catalog, 4)["price"], product(catalog, 4)["stock"]) == (6, 3)
    # By its new handle it is known without the SKU.
    assert counts(send(catalog, "big-mug,Mug,,,M-2,6,99")) == (0, 1, 0)
    assert len(catalog.get("/products").json) == 4


def test_no_match_by_an_ambiguous_sku(catalog: Api) -> None:
    """An SKU that is in the file or the catalogue twice names nothing."""
    for name in ("Mug", "Cup"):
        catalog.post("/products", json={"name": name, "price": 5, "sku": "X"})
    catalog.post("/products", json={"name": "Jug", "price": 5, "sku": "Y"})
    assert counts(send(catalog, "a,A,,,X,1,1")) == (1, 0, 0)
    assert counts(send(catalog, "b,B,,,Y,1,1", "c,C,,,Y,1,1")) == (2, 0, 0)


def test_no_match_with_a_product_that_is_in_the_file(catalog: Api) -> None:
    """Two rows never mean the same product: the source key goes before the SKU."""
    send(catalog, "mug,Mug,,,X,1,1")
    assert counts(send(catalog, "mug,Mug,,,Y,1,1", "new,New,,,X,1,1")) == (1, 1, 0)


def test_an_archived_product_comes_back(catalog: Api) -> None:
    """The file says that the shop sells it: it is for sale again, with the stock it had."""
    send(catalog, "mug,Mug,,,M-1,5,3")
    catalog.delete("/products/4")
    result = send(catalog, "mug,Mug,,,M-1,5,99")
    assert counts(result) == (0, 1, 0)
    assert result["notices"] == [{"line": 2, "reason": "product 4 is for sale again"}]
    assert product(catalog, 4)["stock"] == 3
    catalog.delete("/products/4")
    catalog.post("/products", json={"name": "Other", "price": 1, "sku": "M-1"})
    assert counts(send(catalog, "other,Other,,,M-1,1,0")) == (0, 1, 0)
    assert catalog.get("/products/4").status_code == 404


def test_renamed_options(catalog: Api) -> None:
    """A shop that renames an option keeps its products."""
    send(catalog, "shirt,Shirt,Color,Red,,5,1", "shirt,,,Blue,,5,1")
    assert counts(send(catalog, "shirt,Shirt,Colour,Red,,5,1", "shirt,,,Blue,,5,1")) == (0, 2, 0)
    assert product(catalog, 5)["name"] == "Shirt (Colour: Blue)"


def test_two_imports_at_once(make_api: Callable[..., Api]) -> None:
    """The same file from two clients makes each product once."""
    catalog = make_api("catalog", CATALOG_EMPTY="1")
    rows = [f"h{n},Thing {n},,,,1,1" for n in range(300)]
    results: list[dict[str, Any]] = []

    def run() -> None:
        results.append(send(catalog, *rows))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts(result) for result in results) == [(0, 0, 300), (0, 0, 300), (300, 0, 0)]
    assert len(catalog.get("/products?limit=1000").json) == 300


def test_a_catalogue_that_changes_all_the_time(
    catalog: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that is never what was planned takes no effect, and can be sent again."""
    body = f"{HEADER}\nmug,Mug,,,M-1,5,10"
    how: dict[str, Any] = {"data": body, "content_type": "text/csv"}
    how["headers"] = {"Idempotency-Key": "import-1"}
    with monkeypatch.context() as busy:
        versions = itertools.count()
        busy.setattr(store, "fingerprint", lambda _: {"versions": next(versions)})
        refused = catalog.post("/products/import", **how)
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    assert refused.json == {"detail": "The catalogue changes too often for an import."}
    assert len(catalog.get("/products").json) == 3
    assert counts(catalog.post("/products/import", **how).json) == (1, 0, 0)
