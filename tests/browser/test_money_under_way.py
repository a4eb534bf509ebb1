"""One order while its money is on the way: what is said of it, and how long the page asks."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.client import Client

Visit = Callable[[str], Page]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("PENDING", "The payment of order #{} is under way: there is no need to pay again."),
        (
            "COMPLETED",
            "Your payment is recorded. Order #{} is being updated: there is no need to pay again.",
        ),
    ],
)
def test_payment_that_is_not_over(
    visit: Visit, client: Client, user_id: str, status: str, words: str
) -> None:
    """A 202 is no success, and nothing to pay again until it has failed."""
    order_id = client.order(user_id)["order_id"]
    page = visit(f"orders/{order_id}")
    payment = {
        "payment_id": "p1", "order_id": order_id, "status": status, "amount": 29.99,
        "refunded_amount": 0, "created_at": "2026-11-25T00:00:00Z",
    }  # fmt: skip
    pay = page.get_by_role("button", name="Pay $29.99")
    page.get_by_text("Nothing was paid yet.").wait_for()
    page.route("**/api/pay?*", lambda route: route.fulfill(status=202, json={"status": status}))
    page.route("**/api/payments?*", lambda route: route.fulfill(json=[payment]))
    page.route("**/api/payments/p1/refunds", lambda route: route.fulfill(json=[]))
    pay.click()
    said = page.get_by_role("status").get_by_text(words.format(order_id), exact=True)
    expect(said).to_be_visible()
    badge = page.locator(".facts .badge")
    expect(badge).to_have_text("Not paid")
    expect(badge).to_have_class("badge is-warn")
    under_way = page.get_by_text("A payment is under way: there is no need to pay again.")
    expect(under_way).to_be_visible()
    expect(pay).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel order")).to_be_visible()

    payment["status"] = "FAILED"
    expect(pay).to_be_visible()
    expect(under_way).to_have_count(0)


def test_refund_that_is_not_over(visit: Visit, client: Client, user_id: str) -> None:
    """It is requested, and not called made."""
    page = visit(f"orders/{client.order_and_pay(user_id)}")
    page.route("**/refund", lambda route: route.fulfill(status=202, json={"status": "REQUESTED"}))
    page.get_by_role("button", name="Refund").click()
    page.get_by_role("dialog").get_by_role("button", name="Refund").click()
    said = page.get_by_role("status").get_by_text("The refund is under way.", exact=True)
    expect(said).to_be_visible()


def test_free_order(
    visit: Visit, page: Page, client: Client, user_id: str, add_product: Callable[..., int]
) -> None:
    """Nothing is left of a payment of nothing, and nothing is on its way: the page asks once."""
    order_id = client.order_and_pay(user_id, add_product("Leaflet", price=0))
    visit(f"orders/{order_id}")
    money = page.get_by_role("table", name="Payments and refunds")
    expect(money).to_contain_text("$0.00")
    asked = page.expect_request(f"**/api/orders/{order_id}", timeout=2500)
    with pytest.raises(Exception, match="Timeout"), asked:
        pass
