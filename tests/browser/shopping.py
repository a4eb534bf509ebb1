"""What a customer does in the shop window, step by step."""

from playwright.sync_api import Page, expect


def press_add(page: Page, name: str) -> None:
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name))
    card.get_by_role("button", name="Add to Cart").click()


def add_to_cart(page: Page, name: str) -> None:
    press_add(page, name)
    expect(
        page.get_by_role("status").get_by_text("Item added to cart!", exact=True)
    ).to_be_visible()


def check_out(page: Page) -> None:
    page.get_by_role("button", name="Check out").click()
