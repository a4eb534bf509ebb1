"""Takes pictures of every page, wide and narrow, light and dark, from a shop of its own.

Started by hand: `python tests/browser/screenshots.py`. Without `--all` it takes the two that the
README shows.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
# ruff: noqa: E402 - a script finds the checkout only after that
from tests.browser.chromium import launch
from tests.browser.client import Client
from tests.browser.demo import fill
from tests.system.running import RunningShop

SIZES = {
    "wide": ViewportSize(width=1280, height=900),
    "narrow": ViewportSize(width=360, height=740),
}
SHOWN = [("shop", "wide", "light"), ("overview", "wide", "light")]


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures of the documentation.")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "img", help="folder to write to")
    parser.add_argument("--all", action="store_true", help="every page in every shape")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        shop = RunningShop(Path(folder) / "var")
        shop.up()
        try:
            order_id = fill(Client(shop.url, shop.key), shop.data_dir)
            shop.run("doctor")
            with launch(playwright) as browser:
                take_all(browser, shop, order_id, options)
        finally:
            shop.down()


def take_all(browser: Browser, shop: RunningShop, order_id: str, options: Any) -> None:
    for scheme in ("light", "dark"):
        for size, viewport in SIZES.items():
            context = browser.new_context(
                viewport=viewport,
                color_scheme=scheme,
                reduced_motion="reduce",
            )
            page = context.new_page()
            for name in show_pages(page, shop, order_id):
                if options.all:
                    file = options.to / f"{name}-{size}-{scheme}.png"
                    page.screenshot(path=file, full_page=size == "narrow")
                elif (name, size, scheme) in SHOWN:
                    page.screenshot(path=options.to / f"{name}.png")
            context.close()


def show_pages(page: Page, shop: RunningShop, order_id: str):  # type: ignore[no-untyped-def]
    """Yields the name of each page when it is complete."""
    page.goto(shop.url)
    page.get_by_label("API key").wait_for()
    yield "key"
    page.evaluate("sessionStorage.setItem('shop.user', 'ada')")
    page.goto(f"{shop.url}/#key={shop.key}")
    page.get_by_text("Cart of ada").wait_for()
    page.get_by_text("in stock").first.wait_for()
    if page.get_by_text("The cart is empty.").is_visible():
        for name in ("Sourdough loaf", "Olive oil"):
            card = page.get_by_role("listitem").filter(has_text=name)
            card.get_by_role("button", name="Add to Cart").click()
            page.get_by_text("Item added to cart!").wait_for()
        page.get_by_role("button", name="Dismiss").click()
    page.get_by_text("each").nth(1).wait_for()
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
    yield "shop"
    page.goto(f"{shop.url}/#/orders")
    page.get_by_role("table").get_by_role("link").first.wait_for()
    yield "orders"
    page.goto(f"{shop.url}/#/orders/{order_id}")
    page.get_by_text("one bag was open").wait_for()
    page.get_by_role("table", name="Lines").get_by_text("Coffee").wait_for()
    yield "order"
    page.get_by_role("button", name="Refund").click()
    page.get_by_label("A part").check()
    yield "question"
    page.goto(f"{shop.url}/#/products")
    page.get_by_role("button", name="Edit").first.wait_for()
    yield "products"
    page.get_by_role("button", name="Edit").nth(1).click()
    page.get_by_role("table", name="History").get_by_text("counted").wait_for()
    yield "editor"
    page.get_by_role("button", name="Import CSV").click()
    yield "import"
    page.goto(f"{shop.url}/#/overview")
    page.get_by_role("table", name="Low stock").wait_for()
    page.get_by_role("table", name="Top products").get_by_text("Linen").wait_for()
    page.get_by_text("The books balance.").wait_for()
    yield "overview"
    page.goto(f"{shop.url}/#/health")
    expect(page.locator(".badge.is-good", has_text="Running")).to_have_count(4)
    yield "health"


if __name__ == "__main__":
    main()
