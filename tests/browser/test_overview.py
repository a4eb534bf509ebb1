"""The figures with the tables behind them, and what needs somebody's attention."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.client import Client
from tests.browser.routes import first, hold
from tests.browser.watch import Watch

Visit = Callable[[str], Page]

UNVERIFIED = {
    "order_id": "a" * 36, "status": "CREATED", "user_id": "ada", "items": [],
    "total_amount": 5, "unverified": True, "created_at": "2026-11-25T00:00:00Z",
}  # fmt: skip


@pytest.mark.usefixtures("examined")
def test_figures(visit: Visit, client: Client, user_id: str) -> None:
    """What the shop says it sold is what the page shows, as a chart and as a table."""
    client.order_and_pay(user_id, 1)
    page = visit("overview")
    stats = client.call("GET", "/orders/stats")
    figures = page.locator(".figures")
    expect(figures).to_contain_text(f"${stats['revenue']:,.2f}")
    expect(figures).to_contain_text(f"${stats['average_order']:,.2f}")
    expect(page.locator(".chart").first.locator(".bar-slot")).to_have_count(30)
    page.get_by_text("Orders per status as a table").click()
    table = page.get_by_role("table", name="Orders per status")
    expect(table.get_by_role("row").nth(2)).to_contain_text(
        re.compile(rf"Paid\s*{stats['statuses']['PAID']}")
    )
    expect(page.get_by_role("table", name="Top products")).to_contain_text("Laptop")
    expect(page.get_by_text("The books balance.")).to_be_visible()


@pytest.mark.usefixtures("examined")
def test_bar_at_the_edge(visit: Visit, page: Page) -> None:
    """What a bar says under the pointer does not widen the page of a telephone."""
    page.set_viewport_size({"width": 360, "height": 740})
    visit("overview")
    slots = page.locator(".chart").first.locator(".bar-slot")
    expect(slots).to_have_count(30)
    for slot in (slots.first, slots.nth(14), slots.last):
        slot.hover()
        assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_attention(visit: Visit, add_product: Callable[..., int]) -> None:
    """Unverified orders, stuck messages, findings and low stock are shown, and a retry is sent."""
    add_product("Umbrella", stock=2)
    message = {
        "id": 7, "topic": "paid", "partner": "orders", "attempts": 9, "last_error": "409: no",
        "created_at": "2026-11-25T00:00:00Z", "parked_at": "2026-11-25T01:00:00Z",
    }  # fmt: skip
    finding = {"kind": "k", "id": "p1", "detail": "not told", "remedy": "tell it"}
    report = {"checked_at": "2026-11-25T00:00:00Z", "clean": False, "findings": [finding]}
    page = visit("health")

    def answer(path: str, value: Any) -> None:
        page.route(path, lambda route: route.fulfill(json=value))

    answer("**/api/orders?*status=CREATED*", [UNVERIFIED])
    answer("**/api/admin/payments/outbox?*", [message])
    answer("**/api/admin/orders/doctor", report)
    page = visit("overview")
    attention = page.get_by_role("region", name="Needs attention")
    for text in (
        "aaaaaaaa",
        "paid, payments to orders",
        "409: no",
        "not told",
        "tell it",
        "2 left",
    ):
        expect(attention).to_contain_text(text)
    retried = hold(page, "**/outbox/7/retry")
    answer("**/api/admin/payments/outbox?*", [])
    attention.get_by_role("button", name="Retry").click()
    expect(attention.get_by_role("button", name="Retry")).to_be_disabled()
    first(page, retried).fulfill(json={"id": 7, "status": "due"})
    expect(attention.get_by_text("Every message between the apps arrives.")).to_be_visible()


@pytest.mark.usefixtures("examined")
def test_messages_that_are_stuck(visit: Visit, page: Page) -> None:
    """Given up, or tried in vain for more than a minute: others are on their way."""
    before, now = "2026-11-25T00:00:00Z", datetime.now(UTC).isoformat()
    boxes = {
        "cart": {"attempts": 3, "created_at": now, "parked_at": now},
        "catalog": {"attempts": 3, "created_at": before, "parked_at": None},
        "orders": {"attempts": 3, "created_at": now, "parked_at": None},
        "payments": {"attempts": 0, "created_at": before, "parked_at": None},
    }

    def answer(route: Route) -> None:
        app = route.request.url.split("/")[5]
        message = {"id": 1, "topic": "t", "partner": "p", "last_error": None, **boxes[app]}
        route.fulfill(json=[message])

    page.route("**/api/admin/*/outbox?*", answer)
    visit("overview")
    stuck = page.get_by_role("table", name="Stuck messages").get_by_role("rowheader")
    expect(stuck).to_have_text(["t, cart to p", "t, catalog to p"])


@pytest.mark.usefixtures("examined")
def test_badges(visit: Visit, page: Page, client: Client, add_product: Callable[..., int]) -> None:
    """They count more than is shown, and say when there is more than they count."""
    for number in range(6):
        add_product(f"Candle {number}", stock=1)
    on = {"Link": '<?after=x>; rel="next"'}
    page.route(
        "**/api/orders?limit=100&*status=CREATED",
        lambda route: route.fulfill(json=[UNVERIFIED], headers=on),
    )
    visit("overview")
    low = client.call("GET", "/catalog/products", params={"max_stock": 5})
    expect(page.get_by_role("heading", name="Low stock")).to_have_text(f"Low stock {len(low)}")
    rows = page.get_by_role("table", name="Low stock").get_by_role("row")
    expect(rows).to_have_count(1 + 5)
    unverified = page.get_by_role("heading", name="Unverified orders")
    expect(unverified).to_have_text("Unverified orders 1+")


def test_app_that_does_not_answer(visit: Visit, watch: Watch) -> None:
    """What cannot be known says so in its own place; the rest is there."""
    watch.expect_failure(502, "/api/admin/cart/outbox")
    watch.expect_failure(404, "/api/admin/orders/doctor")
    page = visit("health")
    page.route("**/api/admin/cart/outbox?*", lambda route: route.fulfill(status=502, json={}))
    missing = {"detail": "It has not run yet."}
    page.route("**/admin/orders/doctor", lambda route: route.fulfill(status=404, json=missing))
    page = visit("overview")
    expect(page.get_by_role("alert").get_by_text("Not known right now")).to_be_visible()
    expect(page.get_by_text("The doctor has not looked yet.")).to_be_visible()
    expect(page.locator(".figures")).to_contain_text("Revenue")
