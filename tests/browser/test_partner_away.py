"""What the page says while the catalogue hangs or nobody answers, and after they are back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.client import Client
from tests.browser.stopping import stopped
from tests.browser.watch import Watch
from tests.system.running import wait_for

# Nginx waits 10 s for an app.
LONG_MS = 30_000


def is_let_through_unchecked(client: Client) -> bool:
    user_id = f"user-{uuid4()}"
    client.add_to_cart(user_id, 1)
    return "unverified" in client.get_cart(user_id)[0]


def test_stopped_catalogue(
    shop: Any, open_shop: Callable[[str], Page], user_id: str, watch: Watch, client: Client
) -> None:
    """The cart stays usable, what was let through unchecked is marked until it is back."""
    watch.expect_failure(504, "/api/catalog/products")
    watch.allow_failure(504, "/api/catalog/categories")
    page = open_shop(user_id)
    expect(page.get_by_role("heading", name="Laptop")).to_be_visible()
    with stopped(Path(shop.data_dir), "catalog", client):
        # For a moment the cart still knows what is sold.
        wait_for(lambda: is_let_through_unchecked(client), 30)
        page.get_by_role("button", name="Add to Cart").first.click()
        expect(page.get_by_text("Item added to cart!")).to_be_visible(timeout=LONG_MS)
        expect(page.get_by_text("Not checked yet")).to_be_visible(timeout=LONG_MS)

        page.reload()
        cannot = page.get_by_text("The prices cannot be checked right now.")
        expect(cannot).to_be_visible(timeout=LONG_MS)
        expect(page.get_by_role("list", name="Cart")).to_contain_text("Product 1")
        expect(page.get_by_role("button", name="Check out")).to_be_disabled()
        no_products = page.get_by_role("alert").get_by_text(
            "The products cannot be shown right now"
        )
        expect(no_products).to_be_visible(timeout=LONG_MS)

    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Laptop")).to_be_visible()
    expect(page.get_by_role("list", name="Cart")).to_contain_text("Laptop")
    expect(page.get_by_text("Not checked yet")).to_have_count(0)
    expect(page.get_by_role("button", name="Check out")).to_be_enabled()


@pytest.mark.parametrize(
    ("module", "link", "heading"),
    [("/js/pages/orders.js", "Orders", "Orders"), ("/js/components/cart-panel.js", "Shop", "Cart")],
)
def test_page_that_does_not_arrive(
    visit: Callable[[str], Page], watch: Watch, module: str, link: str, heading: str
) -> None:
    """It is said instead of a blank page; the browser asks for it again once it is loaded anew."""
    watch.expect_failure(0, module)
    page = visit("health")
    page.route(f"**{module}", lambda route: route.abort())
    page.get_by_role("navigation").get_by_role("link", name=link).click()
    said = "This cannot be shown right now: The shop cannot be reached."
    expect(page.get_by_role("alert").get_by_text(said, exact=True)).to_be_visible()
    page.unroute_all()
    page.get_by_role("button", name="Load the page again").click()
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
