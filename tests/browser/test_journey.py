"""From the products to a paid order, and what the page says when a step of it goes wrong."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.client import Client
from tests.browser.routes import decline, first, hold, lose, shorten
from tests.browser.shopping import add_to_cart, check_out
from tests.browser.watch import Watch

OpenShop = Callable[[str], Page]

ORDER_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PAID = re.compile(rf"^Payment successful! Order #({ORDER_ID}) is now paid\.$")


@contextmanager
def priced_again(page: Page) -> Iterator[None]:
    """The page asks for prices after each change; what changes later must not be in them."""
    with page.expect_request("**/quote") as asked:
        yield
    asked.value.response()


def read_paid_order_id(page: Page) -> str:
    message = page.get_by_role("status").get_by_text(PAID)
    expect(message).to_be_visible()
    match = PAID.match(message.inner_text())
    assert match is not None
    return match[1]


def test_journey_of_the_seed(shop: Any, page: Page, client: Client) -> None:
    """The address that `./shop up` prints leads to a paid order in two clicks."""
    client.call("DELETE", "/cart/demo-user/clear")
    page.goto(f"{shop.url}/#key={shop.key}")

    add_to_cart(page, "Laptop")
    line = page.get_by_role("list", name="Cart").get_by_role("listitem")
    expect(line).to_have_text(re.compile(r"Laptop\s*\$999\.99\s*\$999\.99 each"))
    assert client.get_cart("demo-user") == [{"product_id": 1, "quantity": 1}]

    check_out(page)
    order = client.call("GET", f"/orders/{read_paid_order_id(page)}")
    assert (order["status"], order["user_id"]) == ("PAID", "demo-user")
    assert order["total_amount"] == 999.99
    assert client.get_cart("demo-user") == []
    expect(page.get_by_text("The cart is empty.")).to_be_visible()


def test_cart_survives_a_reload(open_shop: OpenShop, user_id: str) -> None:
    """The cart lives in the shop, the user id and the key in the tab."""
    page = open_shop(user_id)
    add_to_cart(page, "Mouse")
    add_to_cart(page, "Mouse")
    add_to_cart(page, "Keyboard")
    page.reload()
    lines = page.get_by_role("list", name="Cart").get_by_role("listitem")
    expect(lines).to_have_text(
        [re.compile(r"Mouse\s*\$59\.98\s*\$29\.99 each"), re.compile("Keyboard")]
    )
    expect(page.locator("#cart .total")).to_contain_text("$139.97")
    expect(page.locator("#cart-count")).to_contain_text("3")


def test_clear_cart(open_shop: OpenShop, user_id: str, client: Client) -> None:
    """Clearing is said, done, and leaves the focus on the cart for those who use the keyboard."""
    page = open_shop(user_id)
    add_to_cart(page, "Mouse")
    page.get_by_role("button", name="Clear cart").click()
    expect(page.get_by_role("status").get_by_text("Cart cleared.")).to_be_visible()
    expect(page.locator("#cart-title")).to_be_focused()
    assert client.get_cart(user_id) == []


def test_double_click_orders_once(open_shop: OpenShop, user_id: str, client: Client) -> None:
    """Two quick clicks on "Check out" make one order, and the buttons are disabled meanwhile."""
    page = open_shop(user_id)
    add_to_cart(page, "Mouse")
    button = page.get_by_role("button", name="Check out")
    waiting = hold(page, "**/api/orders?*")
    button.dblclick()
    expect(button).to_be_disabled()
    expect(button).to_have_css("opacity", "0.6")
    expect(page.get_by_role("spinbutton", name="Quantity of Mouse")).not_to_be_editable()
    expect(page.get_by_role("button", name="Add to Cart").first).to_be_disabled()
    request = first(page, waiting)
    assert len(waiting) == 1
    request.continue_()
    read_paid_order_id(page)
    assert len(client.list_orders(user_id)) == 1


def test_payment_that_is_recorded_only(open_shop: OpenShop, user_id: str) -> None:
    """A 202 is neither called a success nor a failure."""
    page = open_shop(user_id)
    add_to_cart(page, "Mouse")
    body = {"status": "COMPLETED", "message": "Payment recorded, order update pending"}
    page.route("**/api/pay?*", lambda route: route.fulfill(status=202, json=body))
    check_out(page)
    said = page.get_by_role("status").get_by_text(
        re.compile(
            rf"^Your payment is recorded\. Order #{ORDER_ID} is being updated: "
            r"there is no need to pay again\.$"
        )
    )
    expect(said).to_be_visible()


def test_payment_that_is_under_way(open_shop: OpenShop, user_id: str) -> None:
    """It may still be declined: the check-out stays open."""
    page = open_shop(user_id)
    add_to_cart(page, "Mouse")
    page.route("**/api/pay?*", lambda r: r.fulfill(status=202, json={"status": "PENDING"}))
    check_out(page)
    said = page.get_by_role("alert").get_by_text(re.compile(rf"order #{ORDER_ID} is under way\."))
    expect(said).to_be_visible()
    expect(page.get_by_text("is not paid. Check out pays it.")).to_be_visible()


@pytest.mark.parametrize("reload", [False, True])
def test_lost_answer_of_a_payment(
    open_shop: OpenShop, user_id: str, client: Client, watch: Watch, reload: bool
) -> None:
    """It is made once: paid again with the same key, or looked up by a page that is opened anew."""
    watch.expect_failure(0, "/api/pay")
    page = open_shop(user_id)
    add_to_cart(page, "Mouse")
    keys = lose(page, "**/api/pay?*")
    check_out(page)
    expect(page.get_by_role("alert").get_by_text("it is not known whether")).to_be_visible()
    expect(page.get_by_text("is not paid. Check out pays it.")).to_be_visible()
    page.unroute_all()
    if reload:
        page.reload()
        expect(page.locator(".paid")).to_contain_text("Paid. Thank you!")
        order_id = client.list_orders(user_id)[0]["order_id"]
    else:
        with page.expect_request("**/api/pay?*") as request:
            check_out(page)
        order_id = read_paid_order_id(page)
        assert keys == [request.value.headers["idempotency-key"]]
    assert [order["order_id"] for order in client.list_orders(user_id)] == [order_id]
    assert len(client.list_payments(order_id)) == 1
    assert client.get_cart(user_id) == []


@pytest.mark.parametrize("reload", [False, True])
def test_lost_answer_of_an_order(
    open_shop: OpenShop, user_id: str, client: Client, watch: Watch, reload: bool
) -> None:
    """The cart is empty by then, and the next click goes on with the order that was made."""
    page = open_shop(user_id)
    add_to_cart(page, "Mouse")
    keys = lose(page, "**/api/orders?*")
    check_out(page)
    expect(
        page.get_by_role("alert").get_by_text("it is not known whether an order was placed")
    ).to_be_visible()
    expect(page.get_by_text("The cart is empty.")).to_be_visible()
    page.unroute_all()
    if reload:
        page.reload()

    with page.expect_request("**/api/orders?*") as request:
        check_out(page)
    order_id = read_paid_order_id(page)
    assert keys == [request.value.headers["idempotency-key"]]
    assert [order["order_id"] for order in client.list_orders(user_id)] == [order_id]
    watch.expect_failure(0, "/api/orders")


def test_busy_shop_at_check_out(
    open_shop: OpenShop, user_id: str, client: Client, watch: Watch
) -> None:
    """It has made no order of this click, and says nothing of one before that was not answered."""
    watch.expect_failure(503, "/api/orders")
    watch.expect_failure(0, "/api/orders")
    page = open_shop(user_id)
    add_to_cart(page, "Mouse")
    is_open = page.get_by_text("The last check-out was not answered. Check out goes on with it.")

    def check_out_in_vain(said: str) -> None:
        check_out(page)
        expect(page.get_by_role("alert").get_by_text(said)).to_be_visible()
        page.unroute_all()

    def refuse(route: Route) -> None:
        route.fulfill(status=503, json={"detail": "Busy."})

    page.route("**/api/orders?*", refuse)
    check_out_in_vain("no order was placed. Busy.")
    expect(is_open).to_have_count(0)
    keys = lose(page, "**/api/orders?*")
    check_out_in_vain("it is not known whether an order was placed")
    page.route("**/api/orders?*", refuse)
    check_out_in_vain("no order was placed. Busy.")
    expect(is_open).to_be_visible()
    with page.expect_request("**/api/orders?*") as request:
        check_out(page)
    read_paid_order_id(page)
    assert keys == [request.value.headers["idempotency-key"]]
    assert len(client.list_orders(user_id)) == 1


def test_what_is_added_meanwhile_stays(open_shop: OpenShop, user_id: str, client: Client) -> None:
    """A line from another window is in the cart that is shown after the payment."""
    page = open_shop(user_id)
    add_to_cart(page, "Mouse")

    def add_first(route: Route) -> None:
        client.add_to_cart(user_id, 3)
        route.continue_()

    page.route("**/api/pay?*", add_first)
    check_out(page)
    read_paid_order_id(page)
    expect(page.get_by_role("list", name="Cart").get_by_role("listitem")).to_have_text(
        re.compile("Keyboard")
    )
    assert client.get_cart(user_id) == [{"product_id": 3, "quantity": 1}]


def test_short_stock(
    open_shop: OpenShop,
    user_id: str,
    client: Client,
    add_product: Callable[..., int],
    watch: Watch,
) -> None:
    """The page says so before; a refusal says what is short, and the cart has its lines again."""
    product_id = add_product("Umbrella", stock=2)
    page = open_shop(user_id)
    add_to_cart(page, "Umbrella")
    add_to_cart(page, "Umbrella")
    page.get_by_role("button", name="One more").click()
    expect(page.get_by_text("Only 2 of Umbrella left. Take fewer to go on.")).to_be_visible()
    expect(page.locator("#cart-hint bdi")).to_have_text("Umbrella")
    expect(page.get_by_role("button", name="Check out")).to_be_disabled()
    with priced_again(page):
        page.get_by_role("button", name="One fewer").click()
    expect(page.get_by_role("list", name="Cart")).to_contain_text("$11.00")

    # Somebody else takes one meanwhile.
    client.call("POST", f"/catalog/products/{product_id}/stock", json={"delta": -1})
    check_out(page)
    refusal = page.get_by_role("alert").get_by_text("no order was placed. Only 1 of product")
    expect(refusal).to_be_visible()
    expect(page.get_by_role("list", name="Cart")).to_contain_text("$11.00")
    expect(page.get_by_text("Only 1 of Umbrella left. Take fewer to go on.")).to_be_visible()
    assert client.list_orders(user_id) == []
    watch.expect_failure(409, "/api/orders")


def test_payment_that_is_declined(
    open_shop: OpenShop, user_id: str, client: Client, watch: Watch
) -> None:
    """The next click pays the same order with another payment."""
    page = open_shop(user_id)
    add_to_cart(page, "Mouse")
    keys = decline(page, "**/api/pay?*")
    check_out(page)
    expect(page.get_by_role("alert").get_by_text("Check out again to pay it.")).to_be_visible()
    page.unroute_all()
    with page.expect_request("**/api/pay?*") as request:
        check_out(page)
    order_id = read_paid_order_id(page)
    assert request.value.headers["idempotency-key"] not in keys
    assert [order["order_id"] for order in client.list_orders(user_id)] == [order_id]
    watch.expect_failure(402, "/api/pay")


def test_price_that_has_changed(
    open_shop: OpenShop,
    user_id: str,
    client: Client,
    add_product: Callable[..., int],
) -> None:
    """Nobody is charged another sum than the page has shown: the new one is shown first."""
    product_id = add_product("Umbrella", price=12.5)
    page = open_shop(user_id)
    with priced_again(page):
        add_to_cart(page, "Umbrella")
    client.call("PATCH", f"/catalog/products/{product_id}", json={"price": 13.75})

    check_out(page)
    expect(page.get_by_role("alert").get_by_text("comes to $13.75, not $12.50.")).to_be_visible()
    expect(page.get_by_text("of $13.75 is not paid. Check out pays it.")).to_be_visible()
    [order] = client.list_orders(user_id)
    assert (order["status"], client.list_payments(order["order_id"])) == ("CREATED", [])
    check_out(page)
    assert read_paid_order_id(page) == order["order_id"]
    [payment] = client.list_payments(order["order_id"])
    assert payment["amount"] == 13.75


def test_product_that_is_no_longer_sold(
    open_shop: OpenShop, user_id: str, client: Client, add_product: Callable[..., int]
) -> None:
    """Its line is marked, and the page says how to go on instead of running into a refusal."""
    product_id = add_product("Umbrella")
    page = open_shop(user_id)
    add_to_cart(page, "Umbrella")
    client.call("DELETE", f"/catalog/products/{product_id}")
    page.reload()
    expect(page.get_by_role("list", name="Cart")).to_contain_text("No longer sold")
    expect(page.get_by_text("Remove it to go on.")).to_be_visible()
    expect(page.get_by_role("button", name="Check out")).to_be_disabled()
    page.get_by_role("button", name="Clear cart").click()
    expect(page.get_by_text("The cart is empty.")).to_be_visible()


def test_more_products_on_demand(open_shop: OpenShop, user_id: str) -> None:
    """The list goes on where the page before ended, with the focus on the first new product."""
    page = open_shop(user_id)
    shorten(page, "**/products?limit=24")
    page.reload()
    cards = page.get_by_role("list", name="Products").get_by_role("listitem")
    expect(cards).to_have_count(2)
    page.get_by_role("button", name="Show more").press("Enter")
    expect(cards.nth(2)).to_contain_text("Keyboard")
    expect(cards.nth(2).get_by_role("button")).to_be_focused()
