"""The shop window: what is looked for, and where that stands."""

import re
from collections.abc import Callable
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.browser.routes import first, hold
from tests.browser.watch import Watch


def test_search_in_the_address(
    visit: Callable[[str], Page], add_product: Callable[..., int]
) -> None:
    """A reload and the way back show what was looked for, and among what."""
    name = f"Vase{uuid4().hex[:12]}"
    for stock, category in ((4, name), (0, name), (5, f"More {name}")):
        add_product(f"{name} of {stock}", stock=stock, category=category)
    page = visit("shop")
    cards = page.get_by_role("list", name="Products").get_by_role("listitem")
    page.get_by_role("searchbox").press_sequentially(f"{name} of")
    expect(cards).to_have_count(3)
    page.get_by_role("button", name=name, exact=True).click()
    expect(cards).to_have_count(2)
    page.get_by_label("In stock only").check()
    expect(cards).to_have_count(1)
    address = re.compile(rf"#/shop\?q={name}\+of&in_stock=true&category={name}$")
    expect(page).to_have_url(address)

    page.reload()
    expect(cards).to_have_count(1)
    page.get_by_role("link", name="Orders").click()
    expect(page.get_by_role("heading", name="Orders")).to_be_visible()
    page.go_back()
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text(f"{name} of 4")
    expect(page).to_have_url(address)
    expect(page.get_by_role("searchbox")).to_have_value(f"{name} of")
    expect(page.get_by_label("In stock only")).to_be_checked()
    chosen = page.get_by_role("button", name=name, exact=True)
    expect(chosen).to_have_attribute("aria-pressed", "true")

    page.get_by_label("In stock only").uncheck()
    expect(cards).to_have_count(2)
    expect(page).to_have_url(re.compile(rf"#/shop\?q={name}\+of&category={name}$"))


def test_amounts_before_the_currency_is_known(page: Page, visit: Callable[[str], Page]) -> None:
    """They are in none, and in no other."""
    waiting = hold(page, "**/orders/stats?*")
    visit("shop")
    price = page.get_by_role("listitem").filter(has_text="Laptop").locator(".price")
    expect(price).to_have_text("999.99")
    first(page, waiting).continue_()
    expect(price).to_have_text("$999.99")


def test_address_of_no_page(visit: Callable[[str], Page]) -> None:
    """It is the shop, also by a word that JavaScript knows."""
    for word in ("constructor", "nothing"):
        expect(visit(word).get_by_role("heading", name="Laptop")).to_be_visible()


def test_picture_that_cannot_be_shown(
    page: Page, visit: Callable[[str], Page], add_product: Callable[..., int], watch: Watch
) -> None:
    """The first letter stands in its place, also if the policy would not let it be asked for."""
    name = f"Vase{uuid4().hex[:12]}"
    picture = "://pictures.invalid/x.png"
    for scheme in ("http", "https"):
        add_product(name, image_url=f"{scheme}{picture}")
    watch.expect_failure(0, "/x.png")
    page.route(f"https{picture}", lambda route: route.abort())
    visit(f"shop?q={name}")
    expect(page.locator(".card span.tile")).to_have_text(["V", "V"])
    watch.problems.remove(f"request to another host: https{picture}")


def test_products_below_many_categories(page: Page, visit: Callable[[str], Page]) -> None:
    """However many there are, the products begin on the first screen, and none is out of reach."""
    page.set_viewport_size({"width": 360, "height": 740})
    categories = [{"category": f"Category {number}", "products": 1} for number in range(200)]
    page.route("**/categories?*", lambda route: route.fulfill(json=categories))
    visit("shop")
    last = page.get_by_role("button", name="Category 199")
    expect(page.get_by_role("heading", name="Laptop")).to_be_in_viewport()
    expect(last).not_to_be_in_viewport()
    last.click()
    expect(last).to_have_attribute("aria-pressed", "true")
