"""Products and stock: edited in the row, never over another's change; files."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.browser.client import Client
from tests.browser.routes import lose
from tests.browser.watch import Watch

Visit = Callable[[str], Page]
AddProduct = Callable[..., int]


@pytest.fixture
def name() -> str:
    """Of a product of this test alone; one word, so that a search finds it only."""
    return f"Lamp{uuid4().hex[:12]}"


@pytest.fixture
def open_editor(visit: Visit, name: str) -> Callable[[], Page]:
    def find_and_open() -> Page:
        page = visit("products")
        page.get_by_role("searchbox").fill(name)
        # A row that moves while somebody types in it loses the focus.
        expect(page.get_by_role("table", name="Products").get_by_role("row")).to_have_count(2)
        page.get_by_role("button", name=f"Edit {name}").click()
        page.get_by_label("Name").wait_for()
        return page

    return find_and_open


def read(client: Client, product_id: int) -> dict[str, Any]:
    return dict(client.call("GET", f"/catalog/products/{product_id}"))


def adjust(page: Page, delta: str, reason: str) -> None:
    page.get_by_label("Add or take away").fill(delta)
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Adjust the stock").click()


def test_edit_in_place(
    open_editor: Callable[[], Page], client: Client, add_product: AddProduct, name: str
) -> None:
    """What was changed is saved and seen in the row; again, without loading anew, as well."""
    product_id = add_product(name)
    page = open_editor()
    for price in ("7.25", "8,5"):
        page.get_by_label("Price").fill(price)
        page.get_by_label("Category").fill(f"Lights {price}")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("row").filter(has_text=name).first).to_contain_text(
            f"Lights {price}"
        )
    product = read(client, product_id)
    assert (product["price"], product["category"]) == (8.5, "Lights 8,5")


def test_save_of_nothing(
    open_editor: Callable[[], Page], add_product: AddProduct, name: str
) -> None:
    """What is read from the form as it was filled is no change, lines and all."""
    add_product(name, description="For tables.\nOf brass.")
    page = open_editor()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").get_by_text("There is nothing to save.")).to_be_visible()


def test_field_that_is_refused(
    open_editor: Callable[[], Page], add_product: AddProduct, name: str, watch: Watch
) -> None:
    """What is wrong stands at its field, until it is saved."""
    watch.expect_failure(422, f"/api/catalog/products/{add_product(name)}")
    page = open_editor()
    field = page.locator("input[name=name]")
    field.fill(" ")
    page.get_by_role("button", name="Save").click()
    problem = page.locator("label", has=field).locator(".problem")
    expect(problem).not_to_be_empty()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill(f"{name} 2")
    page.get_by_role("button", name="Save").click()
    expect(problem).to_have_count(0)


@pytest.mark.parametrize("price", ["1.234,50", "-1", "1.005", "cheap"])
def test_price_that_is_none(
    open_editor: Callable[[], Page],
    client: Client,
    add_product: AddProduct,
    name: str,
    price: str,
) -> None:
    """The field says so, and no other price is made of it."""
    product_id = add_product(name)
    page = open_editor()
    page.get_by_label("Price").fill(price)
    page.get_by_role("button", name="Save").click()
    assert page.get_by_label("Price").evaluate("field => field.validity.patternMismatch")
    assert read(client, product_id)["price"] == 5.5


def test_saved_though_nothing_can_be_read_any_more(
    open_editor: Callable[[], Page], client: Client, add_product: AddProduct, name: str
) -> None:
    """What was saved is said to be, and the next change is meant for what was saved."""
    product_id = add_product(name)
    page = open_editor()
    page.route(
        f"**/api/catalog/products/{product_id}",
        lambda route: route.abort() if route.request.method == "GET" else route.continue_(),
    )
    for price in ("7.25", "8.5"):
        page.get_by_label("Price").fill(price)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("row").filter(has_text=name).first).to_contain_text(price)
        expect(page.get_by_role("status").get_by_text(f"{name} saved.")).to_be_visible()
    assert read(client, product_id)["price"] == 8.5


def test_change_of_the_stock_that_was_done_already(
    open_editor: Callable[[], Page],
    client: Client,
    add_product: AddProduct,
    name: str,
    watch: Watch,
) -> None:
    """Asked for again after its answer was lost, it is done once, and the page says so."""
    product_id = add_product(name, stock=10)
    watch.expect_failure(0, f"/api/catalog/products/{product_id}/stock")
    page = open_editor()

    lose(page, "**/stock")
    adjust(page, "-1", "broken")
    expect(page.get_by_role("alert").get_by_text("It is not known whether")).to_be_visible()
    page.unroute_all()
    said = page.get_by_role("status")
    adjust(page, "-1", "broken")
    expect(said.get_by_text("The stock had been changed already: 9 of")).to_be_visible()
    adjust(page, "-1", "broken")
    expect(said.get_by_text("Stock changed: 8 of")).to_be_visible()
    assert read(client, product_id)["stock"] == 8


@pytest.mark.parametrize("decision", ["Save mine over theirs", "Take theirs"])
def test_conflict(
    open_editor: Callable[[], Page],
    client: Client,
    add_product: AddProduct,
    name: str,
    watch: Watch,
    decision: str,
) -> None:
    """Somebody else's change is shown, and neither theirs nor mine is lost without a decision."""
    product_id = add_product(name, sku="OLD")
    watch.expect_failure(412, f"/api/catalog/products/{product_id}")
    page = open_editor()
    client.call("PATCH", f"/catalog/products/{product_id}", json={"price": 6, "sku": "NEW"})
    page.get_by_label("Price").fill("7")
    page.get_by_role("button", name="Save").click()
    conflict = page.locator(".conflict")
    expect(conflict).to_contain_text("Price is now $6.00, was $5.50")
    expect(conflict).to_contain_text("SKU is now NEW, was OLD")
    assert read(client, product_id)["price"] == 6

    page.get_by_role("button", name=decision).click()
    expect(conflict).to_have_count(0)
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_focused()
    expect(page.get_by_role("alert").get_by_text("Not saved")).to_have_count(0)
    row = page.get_by_role("row").filter(has_text=name).first
    expect(row).to_contain_text("$6.00" if decision == "Take theirs" else "$7.00")
    assert read(client, product_id)["price"] == (6 if decision == "Take theirs" else 7)


def test_stock_with_a_reason(
    open_editor: Callable[[], Page],
    client: Client,
    add_product: AddProduct,
    name: str,
    watch: Watch,
) -> None:
    """The change is in the row and in the history; what would go below zero is refused in words."""
    product_id = add_product(name, stock=10)
    watch.expect_failure(409, f"/api/catalog/products/{product_id}/stock")
    page = open_editor()

    adjust(page, "-7", "water damage")
    history = page.get_by_role("table", name="History of the stock")
    expect(history.get_by_role("row").nth(1)).to_contain_text(re.compile(r"−7\s*3\s*water damage"))
    expect(history.get_by_role("row").nth(2)).to_contain_text("+10")
    expect(page.get_by_role("row").filter(has_text=name).first).to_contain_text("3 left")
    expect(page.get_by_label("Reason")).to_have_value("")
    adjust(page, "-4", "more of it")
    expect(page.get_by_role("alert").get_by_text("has a stock of 3")).to_be_visible()
    assert read(client, product_id)["stock"] == 3


def test_name_from_right_to_left(
    visit: Visit, client: Client, add_product: AddProduct, name: str, watch: Watch
) -> None:
    """It turns nothing of the sentence that it stands in."""
    turning = f"\u202e{name}"
    product_id = add_product(turning)
    watch.expect_failure(412, f"/api/catalog/products/{product_id}")
    page = visit("products")
    page.get_by_role("searchbox").fill(name)
    page.get_by_role("button", name=f"Edit {turning}").click()
    isolated = page.get_by_role("status").locator("bdi")
    adjust(page, "-1", "broken")
    expect(isolated).to_have_text(turning)
    client.call("PATCH", f"/catalog/products/{product_id}", json={"sku": turning})
    page.get_by_label("SKU").fill("mine")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".conflict bdi")).to_have_text([turning, "nothing"])
    page.get_by_role("button", name="Save mine over theirs").click()
    expect(isolated).to_have_text(turning)
    page.get_by_role("button", name="Stop selling").click()
    question = page.get_by_role("dialog")
    expect(question.locator("bdi")).to_have_text(turning)
    question.get_by_role("button", name="Stop selling").click()
    expect(page.get_by_role("status").get_by_text("is no longer sold.")).to_be_visible()
    expect(isolated).to_have_text(turning)


def test_low_stock(visit: Visit, add_product: AddProduct, name: str) -> None:
    """Only what runs low is listed, what is gone among it; a card says nothing of what it lacks."""
    for number, stock in enumerate((0, 5, 6)):
        add_product(f"{name} {number}", stock=stock)
    page = visit("products")
    page.get_by_role("searchbox").fill(name)
    rows = page.get_by_role("table", name="Products").get_by_role("row")
    expect(rows).to_have_count(4)
    page.get_by_label("Low stock only").check()
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("0 left")
    expect(rows.nth(2)).to_contain_text("5 left")
    page.set_viewport_size({"width": 360, "height": 740})
    expect(rows.nth(1).locator("[data-label=Price]")).to_be_visible()
    expect(rows.nth(1).locator("[data-label=SKU]")).to_be_hidden()


def test_search_in_the_address(visit: Visit, add_product: AddProduct, name: str) -> None:
    """A reload shows what was searched for, and among what."""
    for stock in (4, 6):
        add_product(f"{name} of {stock}", stock=stock)
    page = visit("products?low=1")
    page.get_by_role("searchbox").press_sequentially(f"{name} of")
    rows = page.get_by_role("table", name="Products").get_by_role("row")
    expect(rows).to_have_count(2)
    expect(page).to_have_url(re.compile(rf"#/products\?q={name}\+of&low=1$"))
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value(f"{name} of")
    expect(page.get_by_label("Low stock only")).to_be_checked()
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("4 left")


def test_add_and_stop_selling(visit: Visit, client: Client, name: str) -> None:
    """A new product is shown, whatever list was there before; stopped, it is in none."""
    page = visit("products?low=1")
    page.get_by_role("searchbox").fill("Laptop")
    page.get_by_role("button", name="Add a product").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Price").fill("12.50")
    page.get_by_label("Stock", exact=True).fill("40")
    page.get_by_role("button", name="Add the product").click()
    expect(page.get_by_role("status").get_by_text(f"{name} added.")).to_be_visible()
    expect(page.get_by_role("status").locator("bdi")).to_have_text(name)
    heading = page.get_by_role("heading", name="Products and stock")
    expect(heading).to_be_focused()
    [product] = client.call("GET", "/catalog/products", params={"q": name})
    assert (product["price"], product["stock"]) == (12.5, 40)

    expect(page.get_by_role("searchbox")).to_have_value(name)
    expect(page.get_by_label("Low stock only")).not_to_be_checked()
    page.get_by_role("button", name=f"Edit {name}").click()
    page.get_by_role("button", name="Stop selling").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop selling").click()
    expect(page.get_by_role("row").filter(has_text=name)).to_have_count(0)
    expect(heading).to_be_focused()
    assert client.call("GET", "/catalog/products", params={"q": name}) == []


def test_what_was_typed_is_not_dropped_unasked(
    open_editor: Callable[[], Page], add_product: AddProduct, name: str
) -> None:
    """Another form, another page or a reload would take it; of what is saved nothing is asked."""
    add_product(name)
    page = open_editor()
    price = page.get_by_label("Price")
    question = page.get_by_role("dialog", name="Drop what was typed?")
    price.fill("7,5")
    close = page.get_by_role("button", name=f"Close {name}")
    close.click()
    question.get_by_role("button", name="Back").click()
    expect(price).to_have_value("7,5")
    expect(close).to_be_focused()
    with page.context.expect_page() as elsewhere:
        page.get_by_role("link", name="Orders").click(modifiers=["Control"])
    elsewhere.value.close()
    page.get_by_role("link", name="Orders").click()
    question.get_by_role("button", name="Back").click()
    expect(price).to_have_value("7,5")
    assert asked_before_leaving(page)
    page.get_by_label("Category").fill("Tea   and cups ")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").get_by_text(f"{name} saved.")).to_be_visible()
    assert not asked_before_leaving(page)

    page.get_by_label("Add or take away").fill("3")
    page.get_by_role("button", name="Add a product").click()
    question.get_by_role("button", name="Drop it").click()
    expect(page.get_by_role("form", name="Add a product").get_by_label("Name")).to_be_focused()
    page.get_by_role("button", name="Import CSV").click()
    expect(page.get_by_role("form", name="Import products")).to_be_visible()
    page.get_by_role("button", name=f"Edit {name}").click()
    page.get_by_label("SKU").fill("NEW")
    page.get_by_role("link", name="Orders").click()
    question.get_by_role("button", name="Drop it").click()
    expect(page.get_by_role("heading", name="Orders")).to_be_focused()
    page.go_back()
    expect(page.get_by_role("heading", name="Products and stock")).to_be_visible()
    assert not asked_before_leaving(page)

    page.get_by_role("button", name=f"Edit {name}").click()
    page.get_by_label("SKU").fill("NEW")
    page.evaluate("history.forward()")
    expect(question).to_be_visible()
    expect(page.get_by_label("SKU")).to_have_value("NEW")
    question.get_by_role("button", name="Drop it").click()
    expect(page.get_by_role("heading", name="Orders")).to_be_focused()


@pytest.mark.parametrize("end", ["Close", "Stop selling"])
def test_search_that_leaves_out_the_row_that_is_edited(
    open_editor: Callable[[], Page], add_product: AddProduct, name: str, end: str
) -> None:
    """It stays with what was typed, is shown as it was saved, and goes with its form."""
    add_product(name)
    page = open_editor()
    page.get_by_label("SKU").fill("NEW")
    page.get_by_role("searchbox").fill("Laptop")
    listed = page.get_by_role("button", name=re.compile("^(Edit|Close) "))
    expect(listed).to_have_text([f"Close {name}", "Edit Laptop"])
    expect(page.get_by_label("SKU")).to_have_value("NEW")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").filter(has_text=name).first).to_contain_text("NEW")
    page.get_by_role("button", name=end).click()
    if end == "Stop selling":
        page.get_by_role("dialog").get_by_role("button", name=end).click()
    expect(listed).to_have_text(["Edit Laptop"])


def test_log_out_asks_nothing(
    open_editor: Callable[[], Page], add_product: AddProduct, name: str
) -> None:
    """Half of it would be worse: the key is gone, and with the next click all that was typed."""
    add_product(name)
    page = open_editor()
    page.get_by_label("SKU").fill("NEW")
    page.on("dialog", lambda dialog: dialog.dismiss())
    with page.expect_event("load"):
        page.get_by_role("button", name="Log out").click()


def asked_before_leaving(page: Page) -> bool:
    """Whether the browser would ask, as it does before a reload."""
    event = 'new Event("beforeunload", { cancelable: true })'
    return bool(page.evaluate(f"!dispatchEvent({event})"))


def test_a_list_that_is_older_than_the_change(
    open_editor: Callable[[], Page], add_product: AddProduct, name: str
) -> None:
    """Asked for before a product was stopped and answered after it, it does not bring it back."""
    add_product(name, stock=4)
    page = open_editor()
    page.get_by_role("button", name="Stop selling").click()
    held: list[tuple[Route, APIResponse]] = []
    page.route("**/api/catalog/products?*max_stock*", lambda r: held.append((r, r.fetch())))
    with page.expect_request("**/api/catalog/products?*max_stock*"):
        page.get_by_label("Low stock only").dispatch_event("click")  # the dialog covers it
    page.get_by_role("dialog").get_by_role("button", name="Stop selling").click()
    expect(page.get_by_role("status").get_by_text("is no longer sold")).to_be_visible()
    rows = page.get_by_role("row").filter(has_text=name)
    expect(rows).to_have_count(0)

    [(route, answer)] = held
    assert answer.json()[0]["name"] == name
    with page.expect_response("**/api/catalog/products?*max_stock*"):
        route.fulfill(response=answer)
    expect(page.get_by_role("status").get_by_text("0 products")).to_have_count(1)
    expect(rows).to_have_count(0)


def check_file(page: Page, path: Path) -> None:
    page.get_by_label("File").set_input_files(path)
    page.get_by_role("button", name="Check the file").click()


@pytest.fixture
def products_csv(tmp_path: Path, name: str) -> Path:
    path = tmp_path / "products.csv"
    path.write_text(f"Handle,Title,Variant Price,Variant Inventory Qty\n{name},{name},1.50,3\n")
    return path


def test_file_that_has_changed_since_it_was_chosen(visit: Visit, products_csv: Path) -> None:
    """No browser reads it any more: the page says what to do, and it can be chosen again."""
    page = visit("products")
    page.get_by_role("button", name="Import CSV").click()
    check_file(page, products_csv)
    expect(page.get_by_text("1 new, 0 changed, 0 as they are.")).to_be_visible()
    products_csv.write_text(products_csv.read_text() + "another,Another,2.50,1\n")
    page.get_by_role("button", name="Import it").click()
    said = "The file has changed since it was chosen: choose it again."
    expect(page.get_by_role("alert").get_by_text(said, exact=True)).to_be_visible()
    expect(page.get_by_label("File")).to_have_value("")
    check_file(page, products_csv)
    expect(page.get_by_text("2 new, 0 changed, 0 as they are.")).to_be_visible()


def test_lost_answer_about_a_file(visit: Visit, products_csv: Path, watch: Watch) -> None:
    """Looking at a file changes nothing, whether it is known what came of it or not."""
    watch.expect_failure(0, "/api/catalog/products/import")
    page = visit("products")
    page.get_by_role("button", name="Import CSV").click()
    lose(page, "**/import?*")
    check_file(page, products_csv)
    said = "The file was not imported: The shop cannot be reached."
    expect(page.get_by_role("alert").get_by_text(said, exact=True)).to_be_visible()


def test_import(visit: Visit, client: Client, name: str, watch: Watch) -> None:
    """Wrong lines are named and nothing changes; a good file is shown first, then imported.

    What was said of another file, or with another wish, cannot be imported.
    """
    watch.expect_failure(422, "/api/catalog/products/import")
    head = "Handle,Title,Variant Price,Variant Inventory Qty\n"
    page = visit("products")
    page.get_by_role("button", name="Import CSV").click()

    def choose_only(rows: str) -> None:
        content = (head + rows).encode()
        file = {"name": "p.csv", "mimeType": "text/csv", "buffer": content}
        page.get_by_label("File").set_input_files(file)  # type: ignore[arg-type] # its own shape

    def choose(rows: str) -> None:
        choose_only(rows)
        page.get_by_role("button", name="Check the file").click()

    choose(f"{name},{name},1.50,3\nx,X,cheap,1\n")
    wrong = page.get_by_role("table", name="Lines that are wrong")
    expect(wrong.get_by_role("row").nth(1)).to_contain_text(
        re.compile(r"3\s*Variant Price 'cheap'")
    )
    expect(page.get_by_role("button", name="Import it")).to_have_count(0)

    choose(f"{name},{name},1.50,3\n")
    expect(page.get_by_text("1 new, 0 changed, 0 as they are.")).to_be_visible()
    page.get_by_label("Also set the stock").check()
    expect(page.get_by_role("button", name="Import it")).to_have_count(0)
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("button", name="Import it")).to_be_visible()
    choose_only(f"{name},{name},1.50,3\n")
    expect(page.get_by_role("button", name="Import it")).to_have_count(0)
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("button", name="Import it")).to_be_visible()
    assert client.call("GET", "/catalog/products", params={"q": name}) == []
    page.get_by_role("button", name="Import it").click()
    expect(page.get_by_role("status").get_by_text("Products imported.")).to_be_visible()
    [product] = client.call("GET", "/catalog/products", params={"q": name})
    assert (product["price"], product["stock"]) == (1.5, 3)
    client.call("DELETE", f"/catalog/products/{product['id']}")
