"""The orders, and one order: found, moved, paid and refunded, each once and after a question."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.client import Client
from tests.browser.routes import decline, first, hold, hold_first, let_draw, lose, shorten
from tests.browser.watch import Watch

Visit = Callable[[str], Page]


def test_orders_are_found(visit: Visit, client: Client, user_id: str) -> None:
    """By user and by status, newest first; the filter is in the address, the rows lead on."""
    unpaid = client.order(user_id)["order_id"]
    paid = client.order_and_pay(user_id, 1)
    page = visit("orders")
    page.get_by_label("User").fill(f" {user_id} ")
    links = page.get_by_role("table", name="Orders").get_by_role("link")
    expect(links).to_have_text([paid[-8:], unpaid[-8:]])
    page.get_by_label("Status").select_option("Paid")
    expect(links).to_have_text([paid[-8:]])
    assert page.url.endswith(f"#/orders?status=PAID&user_id={user_id}")
    page.reload()
    expect(links).to_have_text([paid[-8:]])
    row = page.get_by_role("row").filter(has_text=paid[-8:])
    expect(row).to_contain_text(re.compile(rf"Paid\s*{user_id}\s*1\s*\$999\.99"))
    links.click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(f"Order {paid[-8:]}")
    expect(heading).to_be_focused()
    expect(page).to_have_title(f"Order {paid[-8:]} · Cornershop")
    page.locator(".trail").get_by_role("link", name="Orders").click()
    expect(page).to_have_url(re.compile(rf"#/orders\?status=PAID&user_id={user_id}$"))
    expect(links).to_have_text([paid[-8:]])
    page.get_by_role("navigation").get_by_role("link", name="Orders").click()
    expect(page).to_have_url(re.compile("#/orders$"))


def test_orders_follow_the_address(visit: Visit, client: Client, user_id: str) -> None:
    """Another address of the same page shows its own list, and so does the way back."""
    other = f"{user_id} 2"
    mine, theirs = (client.order(name)["order_id"][-8:] for name in (user_id, other))
    page = visit(f"orders?user_id={user_id}")
    links = page.get_by_role("table", name="Orders").get_by_role("link")
    expect(links).to_have_text([mine])
    field = page.get_by_label("User")
    field.clear()
    field.press_sequentially(other)  # a space is typed like any other letter
    expect(links).to_have_text([theirs])
    page.get_by_role("link", name="Orders").click()
    expect(field).to_have_value("")
    expect(links.filter(has_text=mine)).to_have_count(1)
    page.evaluate(f"location.hash = '#/orders?status=CREATED&user_id={user_id}'")
    expect(links).to_have_text([mine])
    expect(page.get_by_label("Status")).to_have_value("CREATED")
    page.go_back()
    page.go_back()
    expect(field).to_have_value(other)
    expect(links).to_have_text([theirs])


def test_orders_by_pages(visit: Visit, client: Client, user_id: str) -> None:
    """Each page goes on where the one before ended."""
    ids = [client.order(user_id)["order_id"] for _ in range(3)]
    page = visit(f"orders?user_id={user_id}")
    links = page.get_by_role("table", name="Orders").get_by_role("link")
    expect(links).to_have_count(3)
    shorten(page, "**/orders?limit=24*")
    page.reload()
    expect(links).to_have_count(2)
    page.get_by_role("button", name="Show more").press("Enter")
    expect(links).to_have_text([order_id[-8:] for order_id in ids[::-1]])
    # The button is gone.
    expect(page.get_by_role("row").filter(has_text=ids[0][-8:])).to_be_focused()


def test_page_of_another_list(visit: Visit, page: Page, client: Client, user_id: str) -> None:
    """What "Show more" brings after the filter has changed is of no use in the list then shown."""
    other = f"{user_id}-2"
    for _ in range(3):
        client.order(other)
    ids = [client.order(user_id)["order_id"] for _ in range(3)]
    shorten(page, "**/orders?limit=24*")
    visit(f"orders?user_id={other}")
    links = page.get_by_role("table", name="Orders").get_by_role("link")
    expect(links).to_have_count(2)
    waiting = hold(page, "**/orders?*after=*")
    more = page.get_by_role("button", name="Show more")
    more.click()
    late = first(page, waiting)
    page.get_by_label("User").fill(user_id)
    newest = [order_id[-8:] for order_id in ids[:0:-1]]
    expect(links).to_have_text(newest)
    late.continue_()
    expect(more).to_be_enabled()
    expect(links).to_have_text(newest)


def test_list_that_comes_late(visit: Visit, page: Page, client: Client, user_id: str) -> None:
    """The list of the filter before does not take the place of this one's."""
    order_id = client.order(user_id)["order_id"]
    waiting = hold_first(page, "**/api/orders?*")
    visit("orders?status=REFUNDED")
    late = first(page, waiting)
    page.get_by_label("Status").select_option("Not paid")
    page.get_by_label("User").fill(user_id)
    links = page.get_by_role("table", name="Orders").get_by_role("link")
    expect(links).to_have_text([order_id[-8:]])
    with page.expect_response("**/api/orders?*") as seen:
        late.fulfill(json=[])
    seen.value.finished()
    let_draw(page)
    expect(links).to_have_text([order_id[-8:]])


def test_list_that_fails_after_the_filter_has_changed(
    visit: Visit, client: Client, user_id: str, watch: Watch
) -> None:
    """The rows of the filter before do not stand under the new one's failure."""
    watch.expect_failure(0, "/api/orders")
    order_id = client.order(user_id)["order_id"]
    page = visit(f"orders?user_id={user_id}")
    links = page.get_by_role("table", name="Orders").get_by_role("link")
    expect(links).to_have_text([order_id[-8:]])
    page.route("**/api/orders?*", lambda route: route.abort())
    failure = page.get_by_role("alert").get_by_text("The orders cannot be shown right now")
    page.get_by_role("button", name="Refresh").click()
    expect(failure).to_be_visible()
    expect(links).to_have_count(1)
    page.get_by_label("Status").select_option("Paid")
    expect(links).to_have_count(0)
    expect(failure).to_be_visible()


def test_try_again_that_succeeds(visit: Visit, page: Page, watch: Watch) -> None:
    """Its button goes, and the focus with it to the heading."""
    watch.expect_failure(0, "/api/orders")
    page.route("**/api/orders?*", lambda route: route.abort())
    visit("orders")
    again = page.get_by_role("button", name="Try again")
    again.press("Enter")
    expect(again).to_be_enabled()
    expect(again).to_be_focused()
    page.unroute_all()
    again.press("Enter")
    expect(again).to_have_count(0)
    expect(page.get_by_role("heading", name="Orders")).to_be_focused()


def test_orders_as_a_file(visit: Visit, client: Client, user_id: str, tmp_path: Path) -> None:
    """The export holds what the filter shows."""
    order_id = client.order(user_id)["order_id"]
    page = visit(f"orders?user_id={user_id}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    assert download.value.suggested_filename == "orders.csv"
    download.value.save_as(tmp_path / "orders.csv")
    with (tmp_path / "orders.csv").open(newline="", encoding="utf-8-sig") as file:
        assert [row["order_id"] for row in csv.DictReader(file)] == [order_id]


def test_orders_of_which_only_a_part_arrives(visit: Visit) -> None:
    """It is said as long as the page is there, and no half of a file is saved."""
    page = visit("orders")
    page.evaluate("() => { Response.prototype.blob = () => Promise.reject(new TypeError('cut')); }")
    page.get_by_role("button", name="Export CSV").click()
    said = "The orders cannot be exported right now: The shop's answer broke off."
    notice = page.get_by_role("alert").get_by_text(said, exact=True)
    expect(notice).to_be_visible()
    page.get_by_role("link", name="Health").click()
    expect(notice).to_have_count(0)


def test_from_paid_to_refunded(visit: Visit, client: Client, user_id: str) -> None:
    """Shipped, delivered, refunded in two parts: each asked first, all in the history."""
    order_id = client.order_and_pay(user_id, 2, 2)
    page = visit(f"orders/{order_id}")
    expect(page.get_by_role("table", name="Lines of the order")).to_contain_text("Mouse")
    status = page.locator(".facts .badge")
    dialog = page.get_by_role("dialog")
    actions = page.locator(".page > .buttons button")
    expect(actions).to_have_text(["Ship", "Cancel order", "Refund"])

    page.get_by_role("button", name="Ship").click()
    dialog.get_by_role("button", name="Back").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Ship")).to_be_focused()
    assert client.call("GET", f"/orders/{order_id}")["status"] == "PAID"

    page.get_by_role("button", name="Ship").click()
    dialog.get_by_label("Reason").fill("by van")
    dialog.get_by_role("button", name="Ship").click()
    expect(status).to_have_text("Shipped")
    expect(actions).to_have_text(["Mark as delivered", "Refund"])
    page.get_by_role("button", name="Mark as delivered").click()
    dialog.get_by_role("button", name="Mark as delivered").click()
    expect(status).to_have_text("Delivered")
    expect(actions).to_have_text(["Refund"])

    page.get_by_role("button", name="Refund").click()
    dialog.get_by_label("A part").check()
    dialog.get_by_label("Amount").fill("9,98")
    dialog.get_by_label("Reason").fill("scratched")
    dialog.get_by_role("button", name="Refund").click()
    money = page.get_by_role("table", name="Payments and refunds")
    expect(money.get_by_role("row")).to_have_count(3)
    expect(money).to_contain_text("scratched")

    page.get_by_role("button", name="Refund").click()
    expect(dialog).to_contain_text("$50.00 of this payment can still go back.")
    dialog.get_by_role("button", name="Refund").click()
    expect(status).to_have_text("Refunded")
    expect(actions).to_have_count(0)
    [payment] = client.list_payments(order_id)
    assert payment["refunded_amount"] == 59.98
    steps = page.locator(".timeline .what")
    expect(steps.first).to_contain_text("Refunded")
    expect(steps.last).to_contain_text("Placed")
    expect(page.locator(".timeline")).to_contain_text("by van")


def test_product_that_is_not_sold_any_more(
    visit: Visit, client: Client, user_id: str, add_product: Callable[..., int]
) -> None:
    """An order goes on saying what was bought, by its name."""
    product_id = add_product("Wooden sledge")
    order_id = client.order(user_id, product_id)["order_id"]
    client.call("DELETE", f"/catalog/products/{product_id}")
    page = visit(f"orders/{order_id}")
    expect(page.get_by_role("table", name="Lines of the order")).to_contain_text("Wooden sledge")


def test_cancel_from_the_keyboard(visit: Visit, client: Client, user_id: str) -> None:
    """Escape leaves the question and nothing is done; Enter in it does it."""
    order_id = client.order_and_pay(user_id)
    page = visit(f"orders/{order_id}")
    cancel = page.get_by_role("button", name="Cancel order")
    cancel.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Escape")
    expect(cancel).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Reason")).to_be_focused()
    expect(page.get_by_role("dialog")).to_contain_text("back, and $29.99 is refunded.")
    page.keyboard.type("changed their mind")
    page.keyboard.press("Enter")
    expect(page.locator(".facts .badge")).to_have_text("Cancelled")
    expect(page.get_by_role("status").get_by_text("Order cancelled.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.locator(".timeline")).to_contain_text("changed their mind")


def test_double_click_on_pay(visit: Visit, client: Client, user_id: str) -> None:
    """Two quick clicks send one payment."""
    order_id = client.order(user_id)["order_id"]
    page = visit(f"orders/{order_id}")
    button = page.get_by_role("button", name="Pay $29.99")
    waiting = hold(page, "**/api/pay?*")
    button.evaluate("button => { button.click(); button.click(); }")
    expect(button).to_be_disabled()
    request = first(page, waiting)
    assert len(waiting) == 1
    request.continue_()
    paid = f"Payment successful! Order #{order_id} is now paid."
    expect(page.get_by_role("status").get_by_text(paid)).to_be_visible()
    expect(page.locator(".facts .badge")).to_have_text("Paid")
    assert len(client.list_payments(order_id)) == 1


def test_declined_payment_of_an_order(
    visit: Visit, client: Client, user_id: str, watch: Watch
) -> None:
    """It is said, the order stays payable, and the next click is another payment."""
    watch.expect_failure(402, "/api/pay")
    order_id = client.order(user_id)["order_id"]
    page = visit(f"orders/{order_id}")
    keys = decline(page, "**/api/pay?*")
    page.get_by_role("button", name="Pay $29.99").click()
    expect(page.get_by_role("alert").get_by_text("The card was declined.")).to_be_visible()
    page.unroute_all()
    with page.expect_request("**/api/pay?*") as request:
        page.get_by_role("button", name="Pay $29.99").click()
    assert request.value.headers["idempotency-key"] not in keys
    expect(page.locator(".facts .badge")).to_have_text("Paid")


def test_lost_answer_of_a_refund(visit: Visit, client: Client, user_id: str, watch: Watch) -> None:
    """Asked for again in the same words, it carries the same key, and the money goes back once."""
    order_id = client.order_and_pay(user_id)
    page = visit(f"orders/{order_id}")
    [payment] = client.list_payments(order_id)
    watch.expect_failure(0, f"/api/payments/{payment['payment_id']}/refund")

    def refund_part() -> None:
        page.get_by_role("button", name="Refund").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("A part").check()
        dialog.get_by_label("Amount").fill("5")
        dialog.get_by_role("button", name="Refund").click()

    keys = lose(page, "**/refund")
    refund_part()
    said = "It is not known whether this was done: The shop cannot be reached."
    expect(page.get_by_role("alert").get_by_text(said, exact=True)).to_be_visible()
    page.unroute_all()
    with page.expect_request("**/refund") as request:
        refund_part()
    said_again = page.get_by_role("status").get_by_text("This refund had been asked for already.")
    expect(said_again).to_be_visible()
    assert keys == [request.value.headers["idempotency-key"]]
    [payment] = client.list_payments(order_id)
    assert payment["refunded_amount"] == 5


def test_refund_of_what_has_gone_back_meanwhile(
    visit: Visit, client: Client, user_id: str, watch: Watch
) -> None:
    order_id = client.order_and_pay(user_id)
    page = visit(f"orders/{order_id}")
    page.get_by_role("button", name="Refund").click()
    [payment] = client.list_payments(order_id)
    path = f"/payments/{payment['payment_id']}/refund"
    client.call("POST", path)
    watch.expect_failure(409, f"/api{path}")
    page.get_by_role("dialog").get_by_role("button", name="Refund").click()
    said = f"Nothing was refunded: Nothing of payment {payment['payment_id']} is left to refund."
    expect(page.get_by_role("alert").get_by_text(said, exact=True)).to_be_visible()


def test_order_that_is_not_there(visit: Visit, watch: Watch) -> None:
    """The page says so, and stays usable."""
    watch.expect_failure(404, "/api/orders/nothing")
    watch.expect_failure(404, "/api/orders/nothing/history")
    page = visit("orders/nothing")
    expect(page.get_by_role("alert").get_by_text("The order cannot be shown")).to_be_visible()
    page.get_by_role("link", name="Orders").first.click()
    expect(page.get_by_role("heading", name="Orders")).to_be_focused()


def test_a_filter_takes_no_click_back(visit: Visit) -> None:
    """The filter goes into the address of its own page, not over that of a link just clicked."""
    addresses = visit("orders").evaluate(
        """async () => {
          const { replaceQuery } = await import("/js/router.js");
          const found = ["#/orders", "#/orders/x", "#/shop"].map((address) => {
            history.replaceState(null, "", address);
            replaceQuery("orders", { user_id: "u" });
            return location.hash;
          });
          history.replaceState(null, "", "#/orders");
          return found;
        }"""
    )
    assert addresses == ["#/orders?user_id=u", "#/orders/x", "#/shop"]
