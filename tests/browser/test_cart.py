"""The cart when an answer is lost or late, and when its open check-out is over."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.client import Client
from tests.browser.routes import decline, first, hold, hold_first, let_draw, lose
from tests.browser.shopping import add_to_cart, check_out, press_add
from tests.browser.watch import Watch

OpenShop = Callable[[str], Page]


@pytest.fixture
def add_and_lose(open_shop: OpenShop, user_id: str, watch: Watch) -> Page:
    """The shop after a mouse was added and the answer was lost: the page shows what it knows."""
    watch.expect_failure(0, f"/api/cart/{user_id}/add")
    page = open_shop(user_id)
    lose(page, "**/add?*")
    press_add(page, "Mouse")
    said = "It is not known whether the item was added: The shop cannot be reached."
    expect(page.get_by_role("alert").get_by_text(said, exact=True)).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Quantity of Mouse")).to_have_value("1")
    page.unroute_all()
    return page


def test_lost_add_that_is_pressed_again(add_and_lose: Page, user_id: str, client: Client) -> None:
    """It is added once, the page says so, and the click after that is another one."""
    page = add_and_lose
    press_add(page, "Mouse")
    expect(page.get_by_role("status").get_by_text("had been added already")).to_be_visible()
    quantity = page.get_by_role("spinbutton", name="Quantity of Mouse")
    expect(quantity).to_have_value("1")
    assert client.get_cart(user_id) == [{"product_id": 2, "quantity": 1}]

    add_to_cart(page, "Mouse")
    assert client.get_cart(user_id) == [{"product_id": 2, "quantity": 2}]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, '{"mess'),
        (500, "{}"),
        (502, "{}"),
        (504, "{}"),
        (409, '{"detail": "A request with this Idempotency-Key is still running"}'),
    ],
)
def test_add_whose_answer_says_nothing(
    open_shop: OpenShop, user_id: str, client: Client, watch: Watch, status: int, body: str
) -> None:
    """It may have been done as well: the cart shows it, and it is not done twice."""
    if status >= 400:
        watch.expect_failure(status, f"/api/cart/{user_id}/add")
    page = open_shop(user_id)
    page.route("**/add?*", lambda route: (route.fetch(), route.fulfill(status=status, body=body)))
    press_add(page, "Mouse")
    said = page.get_by_role("alert").get_by_text("It is not known whether the item was added")
    expect(said).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Quantity of Mouse")).to_have_value("1")
    page.unroute_all()
    press_add(page, "Mouse")
    expect(page.get_by_role("status").get_by_text("had been added already")).to_be_visible()
    assert client.get_cart(user_id) == [{"product_id": 2, "quantity": 1}]


def test_lost_change_of_a_quantity(
    open_shop: OpenShop, user_id: str, client: Client, watch: Watch
) -> None:
    """What is shown is what the cart holds, and not what it held."""
    watch.expect_failure(0, f"/api/cart/{user_id}/items/2")
    client.add_to_cart(user_id, 2)
    page = open_shop(user_id)
    page.route("**/items/2?*", lambda route: (route.fetch(), route.abort()))
    page.get_by_role("button", name="One more").click()
    said = page.get_by_role("alert").get_by_text("It is not known whether the quantity was changed")
    expect(said).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Quantity of Mouse")).to_have_value("2")


@pytest.mark.parametrize("button", ["Clear cart", "Remove Mouse", "Check out"])
def test_add_after_a_lost_one_has_left_the_cart(
    add_and_lose: Page, user_id: str, client: Client, button: str
) -> None:
    """Whoever has done something else with the cart means another one, and gets it."""
    page = add_and_lose
    page.get_by_role("button", name=button).click()
    expect(page.get_by_text("The cart is empty.")).to_be_visible()

    add_to_cart(page, "Mouse")
    expect(page.get_by_role("list", name="Cart")).to_contain_text("$29.99 each")
    assert client.get_cart(user_id) == [{"product_id": 2, "quantity": 1}]


def test_lost_add_that_somebody_else_has_cleared(
    add_and_lose: Page, user_id: str, client: Client
) -> None:
    """The cart is shown as it is, not as it was when the answer was lost."""
    page = add_and_lose
    client.call("DELETE", f"/cart/{user_id}/clear")
    press_add(page, "Mouse")
    expect(page.get_by_role("status").get_by_text("had been added already")).to_be_visible()
    expect(page.get_by_text("The cart is empty.")).to_be_visible()
    expect(page.get_by_role("list", name="Cart").get_by_role("listitem")).to_have_count(0)


def test_prices_that_come_late(
    open_shop: OpenShop, user_id: str, add_product: Callable[..., int]
) -> None:
    """Prices of the cart as it was before say nothing of what was added since.

    0.1 and 0.2 are 0.3 for the page too, or it would not pay.
    """
    add_product("Umbrella", price=0.1)
    add_product("Raincoat", price=0.2)
    page = open_shop(user_id)
    waiting = hold_first(page, "**/quote")
    add_to_cart(page, "Umbrella")
    late = first(page, waiting)
    answer = late.fetch()
    with page.expect_response("**/quote") as priced:
        add_to_cart(page, "Raincoat")
    priced.value.finished()
    # The page would read the cart again, and mend in a moment what it had shown.
    hold(page, f"**/api/cart/{user_id}")
    with page.expect_response("**/quote") as priced_late:
        late.fulfill(response=answer)
    priced_late.value.finished()
    let_draw(page)

    lines = page.get_by_role("list", name="Cart").get_by_role("listitem")
    expect(lines).to_contain_text(["$0.10 each", "$0.20 each"])
    expect(page.get_by_text("No longer sold")).to_have_count(0)
    page.unroute_all()
    check_out(page)
    expect(page.get_by_role("status").get_by_text("Payment successful!")).to_be_visible()


def test_cart_that_was_read_before_a_change(open_shop: OpenShop, user_id: str) -> None:
    """What it held then is not shown after the change."""
    page = open_shop(user_id)
    waiting = hold_first(page, f"**/api/cart/{user_id}")
    page.get_by_role("button", name="Switch").click()
    late = first(page, waiting)
    answer = late.fetch()
    add_to_cart(page, "Mouse")
    with page.expect_response(f"**/api/cart/{user_id}") as seen:
        late.fulfill(response=answer)
    seen.value.finished()
    let_draw(page)
    lines = page.get_by_role("list", name="Cart").get_by_role("listitem")
    expect(lines).to_contain_text(["Mouse"])


@pytest.mark.parametrize("late", ["**/add?*", "**/api/cart/*"], ids=["an add", "a failed read"])
def test_answer_that_comes_after_another_user(
    open_shop: OpenShop, user_id: str, client: Client, watch: Watch, late: str
) -> None:
    """Nobody's cart is shown as somebody else's, nor wiped by what became of another one."""
    other = f"{user_id}-other"
    client.add_to_cart(other, 1)
    page = open_shop(user_id)
    waiting = hold_first(page, late)
    if "add" in late:
        press_add(page, "Mouse")
    else:
        page.get_by_role("button", name="Switch").click()
    route = first(page, waiting)
    page.get_by_label("Shopping as").fill(other)
    page.get_by_role("button", name="Switch").click()
    laptop = page.get_by_role("spinbutton", name="Quantity of Laptop")
    expect(laptop).to_have_value("1")
    # The page would look again by itself, and mend in a moment what it had shown.
    hold(page, f"**/api/cart/{other}**")
    if "add" in late:
        route.continue_()
        expect(page.get_by_role("status").get_by_text("Item added to cart!")).to_be_visible()
        assert client.get_cart(user_id) == [{"product_id": 2, "quantity": 1}]
    else:
        watch.expect_failure(0, f"/api/cart/{user_id}")
        with page.expect_event("requestfailed"):
            route.abort()
        let_draw(page)
    expect(page.get_by_role("list", name="Cart").get_by_role("listitem")).to_contain_text(
        ["Laptop"]
    )


def test_line_that_somebody_else_removes(open_shop: OpenShop, user_id: str, client: Client) -> None:
    """Gone before the prices were asked for, it has none: the cart is read again."""
    page = open_shop(user_id)
    for product_id in (2, 3):
        client.add_to_cart(user_id, product_id)
    waiting = hold_first(page, "**/quote")
    page.reload()
    late = first(page, waiting)
    client.call("DELETE", f"/cart/{user_id}/items/3")
    late.continue_()

    lines = page.get_by_role("list", name="Cart").get_by_role("listitem")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("$29.99 each")
    expect(page.get_by_role("button", name="Check out")).to_be_enabled()


def test_last_pieces_that_are_bought(
    open_shop: OpenShop, user_id: str, client: Client, add_product: Callable[..., int]
) -> None:
    """The shop window knows that none is left; so does the cart of whoever comes too late."""
    product_id = add_product("Lantern", stock=2)
    client.add_to_cart(f"{user_id}-late", product_id)
    page = open_shop(user_id)
    page.get_by_label("Search the products").fill("Lantern")
    cards = page.get_by_role("list", name="Products").get_by_role("listitem")
    card = cards.filter(has_text="Lantern")
    expect(card).to_contain_text("Only 2 left")
    add_to_cart(page, "Lantern")
    page.get_by_role("button", name="One more").click()
    expect(page.get_by_role("spinbutton", name="Quantity of Lantern")).to_have_value("2")
    check_out(page)
    expect(card).to_contain_text("Out of stock")

    page.get_by_label("Shopping as").fill(f"{user_id}-late")
    page.get_by_role("button", name="Switch").click()
    expect(page.get_by_text("Lantern is sold out. Remove it to go on.")).to_be_visible()
    expect(page.locator("#cart-hint bdi")).to_have_text("Lantern")


def test_quantity_that_is_none(open_shop: OpenShop, user_id: str, client: Client) -> None:
    client.add_to_cart(user_id, 2)
    quantity = open_shop(user_id).get_by_role("spinbutton", name="Quantity of Mouse")
    quantity.fill("1000")
    quantity.press("Enter")
    said = quantity.page.get_by_role("alert").get_by_text("A quantity is a whole number from 1")
    expect(said).to_be_visible()
    expect(quantity).to_have_value("1")
    assert client.get_cart(user_id) == [{"product_id": 2, "quantity": 1}]


def test_how_long_it_is_said(open_shop: OpenShop, page: Page, user_id: str) -> None:
    """What went well for a while; what went wrong until somebody has seen to it."""
    page.clock.install()
    open_shop(user_id)
    add_to_cart(page, "Mouse")
    page.clock.run_for(15_000)
    expect(page.get_by_role("status").get_by_text("Item added to cart!")).to_have_count(0)
    dismiss = page.get_by_role("button", name="Dismiss the message")
    expect(dismiss).to_have_count(0)
    quantity = page.get_by_role("spinbutton", name="Quantity of Mouse")
    quantity.fill("1000")
    quantity.press("Enter")
    page.clock.run_for(15_000)
    expect(page.get_by_role("status").get_by_text("A quantity")).to_have_count(0)
    said = page.get_by_role("alert").get_by_text("A quantity is a whole number from 1")
    expect(said).to_be_visible()
    dismiss.click()
    expect(said).to_have_count(0)


def test_names_while_the_catalogue_is_away(
    open_shop: OpenShop, user_id: str, client: Client
) -> None:
    """A line keeps the name that the page has known."""
    client.add_to_cart(user_id, 2)
    page = open_shop(user_id)
    line = page.get_by_role("list", name="Cart").get_by_role("listitem")
    expect(line).to_contain_text("$29.99 each")
    lines = [{"product_id": 2, "quantity": 2, "name": None, "price": None, "stock": None}]
    page.route("**/quote", lambda route: route.fulfill(json={"lines": lines, "subtotal": None}))
    page.get_by_role("button", name="One more").click()
    expect(line).to_contain_text("price not known")
    expect(line).to_contain_text("Mouse")


@pytest.fixture
def open_order(open_shop: OpenShop, user_id: str, client: Client, watch: Watch) -> str:
    """The order of a check-out that is open: its payment was declined."""
    watch.expect_failure(402, "/api/pay")
    page = open_shop(user_id)
    add_to_cart(page, "Mouse")
    decline(page, "**/api/pay?*")
    check_out(page)
    expect(page.get_by_text("is not paid. Check out pays it.")).to_be_visible()
    page.unroute_all()
    return str(client.list_orders(user_id)[0]["order_id"])


def test_open_order_that_was_cancelled_elsewhere(
    open_order: str, page: Page, user_id: str, client: Client, watch: Watch
) -> None:
    """The page says so and lets go of it: the cart as it is now can be checked out."""
    watch.expect_failure(409, f"/api/orders/{open_order}/cancel")
    client.call("POST", f"/orders/{open_order}/cancel")
    client.add_to_cart(user_id, 3)
    cancel = page.get_by_role("button", name="Cancel the order")
    cancel.click()
    said = page.get_by_role("alert").get_by_text(f"Order #{open_order} is cancelled already.")
    expect(said).to_be_visible()
    expect(cancel).to_have_count(0)
    expect(page.get_by_text("Check out pays it.")).to_have_count(0)
    expect(page.get_by_role("list", name="Cart")).to_contain_text("Keyboard")

    check_out(page)
    expect(page.get_by_role("status").get_by_text("Payment successful!")).to_be_visible()
    assert [order["status"] for order in client.list_orders(user_id)] == ["PAID", "CANCELLED"]


def test_check_out_of_another_user(open_order: str, page: Page, user_id: str) -> None:
    """Neither that it is open nor that it is paid is said to whoever shops now."""

    def switch(name: str) -> None:
        page.get_by_label("Shopping as").fill(f" {name} ")
        with page.expect_request(f"**/api/cart/{name}"):
            page.get_by_role("button", name="Switch").click()
        expect(page.get_by_text("The cart is empty.")).to_be_visible()

    is_open = page.get_by_text(f"Order #{open_order} of $29.99 is not paid. Check out pays it.")
    switch(f"{user_id}-other")
    expect(is_open).to_have_count(0)
    switch(user_id)
    expect(is_open).to_be_visible()
    check_out(page)
    paid = page.locator(".paid")
    expect(paid).to_be_visible()
    switch(f"{user_id}-other")
    expect(paid).to_have_count(0)


@pytest.mark.parametrize("reload", [False, True])
def test_open_order_that_was_paid_elsewhere(
    open_order: str, page: Page, user_id: str, client: Client, watch: Watch, reload: bool
) -> None:
    """The page says so with the next click or when it is opened again; another cart pays itself."""
    params = {"order_id": open_order, "amount": 29.99}
    client.call("POST", "/pay", params=params)
    client.add_to_cart(user_id, 3)
    if reload:
        page.reload()
    else:
        watch.expect_failure(409, "/api/pay")
        check_out(page)
    expect(page.locator(".paid")).to_contain_text("Paid. Thank you!")
    expect(page.get_by_text("Check out pays it.")).to_have_count(0)

    expect(page.get_by_role("list", name="Cart")).to_contain_text("Keyboard")
    check_out(page)
    expect(page.get_by_role("status").get_by_text("Payment successful!")).to_be_visible()
    assert [order["status"] for order in client.list_orders(user_id)] == ["PAID", "PAID"]


def test_open_order_whose_payment_it_has_not_heard_of(
    open_order: str, page: Page, watch: Watch
) -> None:
    """There is a payment of it, says the refusal: it is neither called paid nor paid again."""
    watch.expect_failure(409, "/api/pay")
    answer = {"detail": "It is paid.", "payment_id": "p1"}
    page.route("**/api/pay?*", lambda route: route.fulfill(status=409, json=answer))
    check_out(page)
    said = f"Your payment is recorded. Order #{open_order} is being updated"
    expect(page.get_by_role("status").get_by_text(said)).to_be_visible()
    expect(page.get_by_text("Check out pays it.")).to_have_count(0)


@pytest.mark.parametrize("status", [404, 409, 422])
def test_open_order_that_cannot_be_paid(
    open_order: str, page: Page, watch: Watch, status: int
) -> None:
    """What is refused for good does not stand in the way of the next cart."""
    watch.expect_failure(status, "/api/pay")
    page.route("**/api/pay?*", lambda route: route.fulfill(status=status, json={"detail": "No."}))
    check_out(page)
    said = f"The check-out was not finished: order #{open_order} is not paid. No."
    expect(page.get_by_role("alert").get_by_text(said, exact=True)).to_be_visible()
    expect(page.get_by_text("Check out pays it.")).to_have_count(0)


def test_late_look_at_an_order_that_is_over(open_order: str, page: Page, client: Client) -> None:
    """It says nothing of the check-out that is open by then."""
    waiting = hold_first(page, f"**/api/orders/{open_order}")
    page.reload()
    late = first(page, waiting)
    client.call("POST", f"/orders/{open_order}/cancel")
    other = {"total": 29.99, "orderKey": "a" * 32, "payKey": "b" * 32, "orderId": "another"}
    page.evaluate(
        "other => { for (const name of Object.keys(sessionStorage))"
        " if (name.startsWith('shop.checkout:'))"
        " sessionStorage.setItem(name, JSON.stringify(other)); }",
        other,
    )
    with page.expect_response(f"**/api/orders/{open_order}") as seen:
        late.continue_()
    seen.value.finished()
    let_draw(page)
    assert "another" in page.evaluate("JSON.stringify({...sessionStorage})")


@pytest.mark.parametrize(
    ("status", "members", "words"),
    [
        (409, {"status": "EXPIRED"}, "is expired already."),
        (404, {}, "is not there any more."),
    ],
)
def test_open_order_that_is_over(
    open_order: str, page: Page, watch: Watch, status: int, members: dict[str, str], words: str
) -> None:
    """Expired or gone, it does not stand in the way of the cart."""
    watch.expect_failure(status, f"/api/orders/{open_order}/cancel")
    answer = {"detail": "No.", **members}
    page.route("**/cancel", lambda route: route.fulfill(status=status, json=answer))
    cancel = page.get_by_role("button", name="Cancel the order")
    cancel.click()
    expect(page.get_by_role("alert").get_by_text(f"Order #{open_order} {words}")).to_be_visible()
    expect(cancel).to_have_count(0)


def test_open_order_that_cannot_be_cancelled_now(open_order: str, page: Page, watch: Watch) -> None:
    """A shop that is busy has said nothing of the order: the next click cancels it."""
    watch.expect_failure(503, f"/api/orders/{open_order}/cancel")
    page.route("**/cancel", lambda route: route.fulfill(status=503, json={"detail": "Busy."}))
    cancel = page.get_by_role("button", name="Cancel the order")
    cancel.click()
    expect(page.get_by_role("alert").get_by_text("The order was not cancelled")).to_be_visible()
    page.unroute_all()
    cancel.click()
    expect(page.get_by_role("status").get_by_text("Order cancelled.")).to_be_visible()
    expect(cancel).to_have_count(0)
