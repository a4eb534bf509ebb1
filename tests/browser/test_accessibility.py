"""Every page for everybody: axe-core finds nothing, narrow windows fit, the focus goes along."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.chromium import PATIENCE_MS
from tests.browser.client import Client
from tests.browser.routes import first, hold
from tests.browser.watch import Watch

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
WIDE = ViewportSize(width=1280, height=800)
NARROW = ViewportSize(width=360, height=740)
RUN = "axe.run().then(found => found.violations.map(one => [one.id, one.nodes.map(n => n.html)]))"


@pytest.fixture
def walk(
    shop: Any, examined: None, client: Client, user_id: str, add_product: Callable[..., int]
) -> Callable[[Page], Iterator[str]]:
    """Goes through all pages with something on them; yields what is shown."""
    add_product("W" * 120, stock=0, category="Wide")
    add_product("Few", stock=2)
    order_id = client.order_and_pay(user_id, 2, 2)
    [payment] = client.list_payments(order_id)
    path = f"/payments/{payment['payment_id']}/refund"
    client.call("POST", path, json={"amount": 1, "reason": "scratched"})
    client.add_to_cart(user_id, 1)

    def through(page: Page) -> Iterator[str]:
        page.goto(f"{shop.url}/")
        page.get_by_label("API key").fill("wrong key")
        page.get_by_role("button", name="Open the shop").click()
        expect(page.get_by_text("A key has")).to_be_visible()
        yield "the form for the key"
        page.evaluate("user => sessionStorage.setItem('shop.user', user)", user_id)
        page.goto(f"{shop.url}/#key={shop.key}")
        expect(page.get_by_text("Only 2 left")).to_be_visible()
        expect(page.get_by_text("$999.99 each")).to_be_visible()
        page.get_by_role("button", name="Add to Cart").first.click()
        expect(page.get_by_text("Item added to cart!")).to_be_visible()
        yield "the shop"
        page.goto(f"{shop.url}/#/orders")
        expect(page.get_by_role("link", name=order_id[-8:])).to_be_visible()
        yield "the orders"
        page.goto(f"{shop.url}/#/orders/{order_id}")
        expect(page.get_by_text("scratched")).to_be_visible()
        expect(page.get_by_role("table")).to_have_count(2)
        yield "an order"
        page.get_by_role("button", name="Refund").click()
        page.get_by_label("A part").check()
        yield "a question"
        page.goto(f"{shop.url}/#/products")
        page.get_by_role("button", name="Edit Few").click()
        expect(page.get_by_role("table", name="History of the stock")).to_contain_text("initial")
        yield "the products"
        page.get_by_role("button", name="Import CSV").click()
        yield "an import"
        page.goto(f"{shop.url}/#/overview")
        expect(page.get_by_text("The books balance.")).to_be_visible()
        expect(page.get_by_role("table", name="Low stock")).to_be_visible()
        page.get_by_text("Revenue per day as a table").click()
        yield "the overview"
        page.goto(f"{shop.url}/#/health")
        expect(page.locator(".badge.is-good", has_text="Running")).to_have_count(4)
        yield "the health"

    return through


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page(
    shop: Any, browser: Browser, walk: Callable[[Page], Iterator[str]], scheme: str
) -> None:
    """axe-core finds no violation; and at 360 px nothing is wider than the window."""
    watch = Watch(shop.url)
    context = browser.new_context(
        viewport=WIDE,
        color_scheme=scheme,  # type: ignore[arg-type] # one of its literals
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    watch.attach(context)
    page = context.new_page()
    found = {}
    for shown in walk(page):
        page.evaluate(AXE.read_text())
        found[shown, "axe"] = page.evaluate(RUN)
        page.set_viewport_size(NARROW)
        found[shown, "wider"] = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        page.set_viewport_size(WIDE)
    context.close()
    watch.check()
    assert {where: what for where, what in found.items() if what} == {}
    assert len(found) == 18


def test_focus_goes_along(visit: Callable[[str], Page]) -> None:
    """The first page takes no focus; each further one puts it on its heading, and names the tab."""
    page = visit("shop")
    expect(page.get_by_role("heading", name="Laptop")).to_be_visible()
    assert page.evaluate("document.activeElement.tagName") == "BODY"
    for name, title in (("Orders", "Orders"), ("Products", "Products and stock")):
        page.get_by_role("navigation").get_by_role("link", name=name).press("Enter")
        expect(page.get_by_role("heading", level=1, name=title)).to_be_focused()
        expect(page).to_have_title(f"{title} · Cornershop")


def test_something_stands_in_until_it_is_there(visit: Callable[[str], Page]) -> None:
    """On a slow network the shape of the list is there first, and screen readers hear of it."""
    page = visit("shop")
    waiting = hold(page, "**/api/orders?*")
    page.get_by_role("link", name="Orders").click()
    table = page.get_by_role("table", name="Orders")
    expect(table).to_have_attribute("aria-busy", "true")
    expect(table.locator(".skeleton").first).to_be_visible()
    expect(page.get_by_role("status").get_by_text("Loading the orders")).to_be_attached()
    request = first(page, waiting)
    # It says that it is disabled, and is.
    page.get_by_role("button", name="Refresh").dispatch_event("click")
    request.continue_()
    expect(table.locator(".skeleton")).to_have_count(0)
