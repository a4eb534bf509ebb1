"""The API key: asked for once, kept in this tab only, shown as wrong, forgotten."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, expect

from tests.browser.routes import let_draw
from tests.browser.watch import Watch

STORED = "JSON.stringify([sessionStorage, localStorage, document.cookie])"


def enter_key(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Open the shop").click()


def test_wrong_key_then_right_key(shop: Any, page: Page, watch: Watch) -> None:
    """A wrong key is said to be wrong and not kept; the right one opens the shop."""
    watch.expect_failure(401, "/api/cart/demo-user")
    page.goto(shop.url)
    enter_key(page, shop.key.upper())
    expect(page.get_by_role("alert").get_by_text("Invalid API Key")).to_be_visible()
    expect(page.get_by_label("API key")).to_have_attribute("aria-invalid", "true")
    assert page.evaluate(STORED) == '[{},{},""]'

    enter_key(page, shop.key)
    expect(page.get_by_role("heading", name="Laptop")).to_be_visible()


def test_too_many_wrong_keys(shop: Any, page: Page, watch: Watch) -> None:
    """A key that was not even looked at is not kept either."""
    watch.expect_failure(429, "/api/cart/demo-user")
    answer = {"detail": "Too many wrong keys."}
    page.route("**/api/cart/*", lambda route: route.fulfill(status=429, json=answer))
    page.goto(shop.url)
    enter_key(page, shop.key)
    expect(page.get_by_role("alert").get_by_text("Too many wrong keys.")).to_be_visible()
    assert page.evaluate(STORED) == '[{},{},""]'


def test_key_that_no_header_can_carry(shop: Any, page: Page) -> None:
    """The browser would refuse to send it: the page says so before it asks."""
    for key in ("schlüssel", "two words", "🔑"):
        page.goto("about:blank")
        page.goto(shop.url)
        enter_key(page, key)
        expect(page.get_by_role("alert").get_by_text("A key has")).to_be_visible()


def test_wrong_key_in_the_address(shop: Any, page: Page, watch: Watch) -> None:
    """An address with a wrong key leads to the form, which says why."""
    watch.expect_failure(401, "/api/cart/demo-user")
    watch.allow_failure(401, "/api/catalog/products")
    watch.allow_failure(401, "/api/catalog/categories")
    watch.allow_failure(401, "/api/orders/stats")
    page.goto(f"{shop.url}/#key=wrong")
    expect(page.get_by_role("alert").get_by_text("Invalid API Key")).to_be_visible()
    expect(page.get_by_role("heading", name="Laptop")).to_have_count(0)


def test_key_leaves_the_address(shop: Any, page: Page) -> None:
    """The key goes from the address bar into this tab's storage and nowhere else."""
    page.goto(f"{shop.url}/#key={shop.key}")
    expect(page.get_by_role("heading", name="Laptop")).to_be_visible()
    assert page.url == f"{shop.url}/"
    assert page.evaluate("history.length") <= 2
    assert page.evaluate(STORED) == f'[{{"shop.key":"{shop.key}"}},{{}},""]'


def test_key_in_the_address_of_an_open_page(shop: Any, page: Page) -> None:
    """The printed address works in a tab that already asks for the key."""
    page.goto(shop.url)
    page.get_by_label("API key").wait_for()
    page.evaluate("key => { location.hash = `key=${key}` }", shop.key)
    expect(page.get_by_role("heading", name="Laptop")).to_be_visible()
    assert shop.key not in page.url


def test_late_refusal_of_the_key_before(shop: Any, page: Page, watch: Watch) -> None:
    """It says nothing about the key that is there now."""
    held: list[Route] = []

    def hold_those_of_old(route: Route) -> None:
        if route.request.headers["x-api-key"] == "old":
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/**", hold_those_of_old)
    page.goto(f"{shop.url}/#key=old")
    page.get_by_role("navigation").wait_for()
    page.evaluate("key => { location.hash = `key=${key}` }", shop.key)
    laptop = page.get_by_role("heading", name="Laptop")
    expect(laptop).to_be_visible()
    expect(page.locator(".price").first).to_have_text("$999.99")
    for route in held:
        watch.allow_failure(401, urlsplit(route.request.url).path)
        with page.expect_event("requestfinished", lambda done, of=route.request: done == of):
            route.fulfill(status=401, json={"detail": "Invalid API Key"})
    let_draw(page)
    assert held
    expect(laptop).to_be_visible()
    expect(page.get_by_label("API key")).to_have_count(0)


def test_log_out_forgets(open_shop: Callable[[str], Page], user_id: str) -> None:
    """After logging out nothing of the shop is left in the page or in the tab."""
    page = open_shop(user_id)
    expect(page.get_by_role("heading", name="Laptop")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("API key")).to_be_focused()
    assert page.evaluate(STORED) == '[{},{},""]'
    assert "Laptop" not in page.content()
    page.reload()
    expect(page.get_by_label("API key")).to_be_visible()
