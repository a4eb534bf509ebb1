"""Markup and quotes in whatever people can write are shown letter by letter, on every page."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.client import Client

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "\"'><script>alert(1)</script>&lt;b&gt;",
]


@pytest.mark.usefixtures("examined")
def test_hostile_text_on_every_page(
    visit: Callable[[str], Page], client: Client, add_product: Callable[..., int]
) -> None:
    """Names, categories, SKUs, users and notes; the watch fails on any script or blocked one."""
    for text in HOSTILE:
        # A user id has no slash.
        user_id = f"u {text}".replace("/", "")
        product_id = add_product(text, price=9000, stock=4, category=f"c {text}", sku=f"s {text}")
        note = {"delta": -1, "reason": f"n {text}"}
        client.call("POST", f"/catalog/products/{product_id}/stock", json=note)
        order_id = client.order_and_pay(user_id, product_id)
        [payment] = client.list_payments(order_id)
        refund = {"amount": 1, "reason": f"r {text}"}
        client.call("POST", f"/payments/{payment['payment_id']}/refund", json=refund)
        client.call("POST", f"/orders/{order_id}/ship", json={"reason": f"h {text}"})

        page = visit("shop")
        page.on("dialog", lambda dialog: dialog.dismiss())
        for shown in (text, f"c {text}"):
            expect(page.locator(".cards")).to_contain_text(shown)
        page.get_by_role("button", name=f"c {text}").click()
        expect(page.locator(".card")).to_have_count(1)
        page.get_by_role("button", name="Add to Cart").click()
        expect(page.get_by_role("list", name="Cart").locator(".name").last).to_have_text(text)

        page = visit("orders")
        expect(page.get_by_role("table")).to_contain_text(user_id)
        page.get_by_label("User").fill(user_id)
        page.get_by_role("link", name=order_id[-8:]).click()
        for shown in (text, user_id, f"r {text}", f"h {text}"):
            expect(page.get_by_role("main")).to_contain_text(shown)

        page = visit("products")
        page.get_by_role("button", name=f"Edit {text}").click()
        expect(page.get_by_label("Name")).to_have_value(text)
        for shown in (f"c {text}", f"s {text}", f"n {text}"):
            expect(page.get_by_role("main")).to_contain_text(shown)

        page = visit("overview")
        expect(page.get_by_role("table", name="Top products")).to_contain_text(text)
        expect(page.get_by_role("table", name="Low stock")).to_contain_text(text)
        assert page.locator("main img[src=x], main script").count() == 0
