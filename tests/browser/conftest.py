"""The fixtures of the browser tests; a page that complains of anything fails its test."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import PATIENCE_MS, launch
from tests.browser.client import Client
from tests.browser.watch import Watch
from tests.system.conftest import database_settings, shop

__all__ = ["database_settings", "shop"]  # fixtures for these tests too


expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, launch(playwright) as browser:
        yield browser


@pytest.fixture
def watch(shop: Any) -> Watch:
    return Watch(shop.url)


@pytest.fixture
def context(browser: Browser, watch: Watch) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    watch.attach(context)
    yield context
    context.close()
    watch.check()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def user_id() -> str:
    """A user of this test alone: all tests share one shop."""
    return f"user-{uuid4()}"


@pytest.fixture
def open_shop(shop: Any, page: Page) -> Callable[[str], Page]:
    """Open the page with the key, as that user."""

    def open_as(user_id: str) -> Page:
        page.goto(f"{shop.url}/#key={shop.key}")
        page.get_by_label("Shopping as").fill(user_id)
        page.get_by_role("button", name="Switch").click()
        page.locator("#cart .owner", has_text=f"of {user_id}").wait_for()
        return page

    return open_as


@pytest.fixture(scope="session")
def examined(shop: Any) -> None:
    """A shop that the doctor has looked at: asked for a report, one that has none answers 404."""
    assert shop.run("doctor").returncode == 0


@pytest.fixture
def visit(shop: Any, page: Page) -> Callable[[str], Page]:
    """Open a page of the dashboard with the key: `visit("orders/6f1c")`."""
    page.add_init_script(f"sessionStorage.setItem('shop.key', '{shop.key}')")

    def open_page(path: str) -> Page:
        page.goto(f"{shop.url}/#/{path}")
        page.locator("h1").wait_for()
        return page

    return open_page


@pytest.fixture
def client(shop: Any) -> Client:
    return Client(shop.url, shop.key)


@pytest.fixture
def add_product(client: Client) -> Iterator[Callable[..., int]]:
    """Put a product of one test into the catalogue; it is archived afterwards."""
    ids: list[int] = []

    def add(name: str, price: float = 5.5, stock: int = 10, **more: str) -> int:
        product = {"name": name, "price": price, "stock": stock, **more}
        ids.append(client.call("POST", "/catalog/products", json=product)["id"])
        return ids[-1]

    yield add
    if ids:
        for product in client.call(
            "GET", "/catalog/products", params={"ids": ",".join(map(str, ids))}
        ):
            client.call("DELETE", f"/catalog/products/{product['id']}")
