"""GET /changes: what is for sale, as the carts follow it."""

from tests.api.harness import Api


def add(catalog: Api, name: str) -> int:
    product_id: int = catalog.post("/products", json={"name": name, "price": 1}).json["id"]
    return product_id


def test_from_the_beginning_it_is_all_that_is_sold(catalog: Api) -> None:
    catalog.delete("/products/2")
    answer = catalog.get("/changes").json
    assert list(answer) == ["is_continued", "sold", "gone", "next", "is_complete"]
    assert answer["sold"] == [[1, 1], [3, 3]]
    assert answer["gone"] == [[2, 2]]
    assert (answer["is_continued"], answer["is_complete"]) == (False, True)


def test_then_it_is_what_has_changed(catalog: Api) -> None:
    """New products, archived ones and those that a file brings back; no price and no stock."""
    cursor = catalog.get("/changes").json["next"]
    assert catalog.get(f"/changes?after={cursor}").json == {
        "is_continued": True, "sold": [], "gone": [], "next": cursor, "is_complete": True,
    }  # fmt: skip
    catalog.patch("/products/1", json={"price": 5})
    catalog.post("/products/1/stock", json={"delta": 1, "reason": "found"})
    assert catalog.get(f"/changes?after={cursor}").json["sold"] == []
    new = add(catalog, "Lamp")
    changed = catalog.get(f"/changes?after={cursor}").json
    assert (changed["sold"], changed["gone"]) == ([[new, new]], [])
    catalog.delete("/products/1")
    changed = catalog.get(f"/changes?after={changed['next']}").json
    assert (changed["sold"], changed["gone"]) == ([], [[1, 1]])
    file = "Handle,Title,Variant SKU,Variant Price\nbowl,Bowl,B,1\n"
    catalog.post("/products/import", data=file, content_type="text/csv")
    bowl = catalog.get("/products?q=bowl").json[0]["id"]
    catalog.delete(f"/products/{bowl}")
    cursor = catalog.get("/changes").json["next"]
    catalog.post("/products/import", data=file, content_type="text/csv")
    assert catalog.get(f"/changes?after={cursor}").json["sold"] == [[bowl, bowl]]


def test_it_comes_in_pages(catalog: Api) -> None:
    """Also within what one change has brought."""
    add(catalog, "Lamp")
    cursor, ids = "", []
    for number in range(4):
        page = catalog.get(f"/changes?limit=1&after={cursor}").json
        assert (page["is_continued"], page["is_complete"]) == (number > 0, False)
        ids += page["sold"]
        cursor = page["next"]
    assert ids == [[1, 1], [2, 2], [3, 3], [4, 4]]
    assert catalog.get(f"/changes?limit=1&after={cursor}").json["is_complete"] is True


def test_a_cursor_of_another_catalogue_begins_anew(catalog: Api) -> None:
    """Of another one, of this one before a backup was put back, or nonsense."""
    epoch, listing, _ = catalog.get("/changes").json["next"].split(",")
    for cursor in (f"2020-01-01,{listing},1", f"{epoch},{int(listing) + 1},1", "x", "1,2,x"):
        answer = catalog.get(f"/changes?after={cursor}").json
        assert (answer["is_continued"], answer["sold"]) == (False, [[1, 3]])
