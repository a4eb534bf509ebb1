"""Takes docs/img/shop.png from a shop that runs; started by hand."""

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from tests.browser.chromium import launch  # noqa: E402 - a script finds the checkout only after that

SIZE = ViewportSize(width=1280, height=720)


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures of the documentation.")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="address of the shop")
    parser.add_argument("--key", default="secret-key-123", help="its API key")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "img", help="folder to write to")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, launch(playwright) as browser:
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(f"{options.url}/#key={options.key}")
        fill_cart(page)
        page.screenshot(path=options.to / "shop.png")
        page.get_by_role("button", name="Clear cart").click()
        page.get_by_text("Cart cleared.").wait_for()


def fill_cart(page: Page) -> None:
    """A cart of a user of its own, so that the shop's own users see nothing of it."""
    page.get_by_label("Shopping as").fill("ada")
    page.get_by_role("button", name="Switch").click()
    page.locator("#cart .owner", has_text="of ada").wait_for()
    for number in (0, 0, 1):
        page.get_by_role("button", name="Add to Cart").nth(number).click()
        page.get_by_text("Item added to cart!").wait_for()
    page.mouse.move(0, 0)


if __name__ == "__main__":
    main()
