"""User ids with anything in them, and the shop without a mouse."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.client import Client

HOSTILE = [
    "\"'><img src=x onerror=alert(1)>",
    "&lt;b&gt; `${alert(1)}` 100% a?b#c",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_a_user_id(open_shop: Callable[[str], Page], client: Client, text: str) -> None:
    """A user id is one segment of the address whatever is in it, and shown letter by letter."""
    page = open_shop(text)
    page.get_by_role("button", name="Add to Cart").first.click()
    expect(page.get_by_text("Item added to cart!")).to_be_visible()
    expect(page.locator("#cart .owner")).to_have_text(f"of {text}")
    assert client.get_cart(text) == [{"product_id": 1, "quantity": 1}]
    page.reload()
    expect(page.get_by_label("Shopping as")).to_have_value(text)
    page.get_by_role("button", name="Clear cart").click()
    expect(page.get_by_text("Cart cleared.")).to_be_visible()


def test_user_id_that_no_address_can_carry(open_shop: Callable[[str], Page]) -> None:
    """It would be another address: it is refused in words, not sent."""
    for text in ("..", ".", "a/b"):
        page = open_shop(text)
        refusal = f'"{text}" cannot be used as an id.'
        expect(page.get_by_role("status").get_by_text(refusal)).to_be_visible()


def test_keyboard_alone(open_shop: Callable[[str], Page], user_id: str) -> None:
    """Tab and Enter are enough to add and to pay; the focus stays on the button that was used."""
    page = open_shop(user_id)
    page.get_by_role("link", name="Skip to the content").focus()
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
    add = page.get_by_role("button", name="Add to Cart").first
    expect(add).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Item added to cart!")).to_be_visible()
    expect(add).to_be_focused()
    for _ in range(100):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Check out":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_text("Payment successful!")).to_be_visible()
