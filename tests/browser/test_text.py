"""Names and user ids with markup in them are text, and the page fits and works without a mouse."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.client import Client
from tests.browser.watch import Watch

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "&lt;b&gt; `${alert(1)}` 100% a?b#c",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_a_product_name(
    open_shop: Callable[[str], Page], user_id: str, add_product: Callable[..., int], text: str
) -> None:
    """In the list and in the cart the name is shown letter by letter."""
    add_product(text)
    page = open_shop(user_id)
    page.reload()
    card = page.get_by_role("list", name="Products").get_by_role("listitem").filter(has_text=text)
    expect(card.get_by_role("heading")).to_have_text(text)
    card.get_by_role("button").click()
    expect(page.get_by_role("list", name="Cart").locator(".name")).to_have_text(text)


@pytest.mark.parametrize("text", [text.replace("/", "") for text in HOSTILE])
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


@pytest.mark.parametrize("text", ["..", ".", "a/b"])
def test_user_id_that_no_address_can_carry(open_shop: Callable[[str], Page], text: str) -> None:
    """It would be another address: it is refused in words, not sent."""
    page = open_shop(text)
    refusal = f'"{text}" cannot be used as an id.'
    expect(page.get_by_role("status").get_by_text(refusal)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_a_narrow_window(
    shop: Any, browser: Browser, add_product: Callable[..., int], scheme: str
) -> None:
    """At 360 px nothing is wider than the window, not even a name without a space."""
    add_product("W" * 120)
    watch = Watch(shop.url)
    context = browser.new_context(
        viewport={"width": 360, "height": 740},
        color_scheme=scheme,  # type: ignore[arg-type] # one of its literals
    )
    watch.attach(context)
    page = context.new_page()
    page.goto(f"{shop.url}/#key={shop.key}")
    page.get_by_role("button", name="Add to Cart").last.click()
    expect(page.get_by_text("Item added to cart!")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_role("button", name="Clear cart").click()
    expect(page.get_by_text("Cart cleared.")).to_be_visible()
    context.close()
    watch.check()


def test_keyboard_alone(open_shop: Callable[[str], Page], user_id: str) -> None:
    """Tab and Enter are enough to add and to pay; the focus stays on the button that was used."""
    page = open_shop(user_id)
    page.get_by_role("link", name="Skip to the products").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    add = page.get_by_role("button", name="Add to Cart").first
    expect(add).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Item added to cart!")).to_be_visible()
    expect(add).to_be_focused()
    for _ in range(100):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "checkOut":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_text("Payment successful!")).to_be_visible()
