"""POST /cart/<user_id>/checkouts: the lines leave the cart, and are kept under the order's id."""

import pytest
import responses

from apps.cart import service, store
from shop_common.db import Transaction
from shop_common.errors import BusyError
from tests.api.cart.taking import (
    PRODUCTS,
    add,
    at_once,
    items,
    lines,
    restore,
    sell,
    silence,
    take,
    unsettled,
)
from tests.api.harness import Api


@pytest.fixture
def full_cart(cart: Api, partners: responses.RequestsMock) -> Api:
    sell(partners, 1, 2, 3)
    add(cart, 1, 5)
    add(cart, 2)
    return cart


def test_the_lines_leave_the_cart(full_cart: Api) -> None:
    response = take(full_cart, "o-1")
    assert response.status_code == 200
    assert response.json == {
        "order_id": "o-1",
        "user_id": "u",
        "items": [{"product_id": 1, "quantity": 5}, {"product_id": 2, "quantity": 1}],
    }
    assert lines(full_cart) == {}


def test_again_is_answered_with_the_same_lines(full_cart: Api) -> None:
    """What was added meanwhile stays in the cart."""
    first = take(full_cart, "o-1")
    add(full_cart, 3)
    again = take(full_cart, "o-1")
    assert (again.status_code, again.data) == (200, first.data)
    assert lines(full_cart) == {3: 1}


def test_what_is_added_meanwhile_is_for_the_next_check_out(full_cart: Api) -> None:
    take(full_cart, "o-1")
    add(full_cart, 1)
    assert items(take(full_cart, "o-2")) == {1: 1}


def test_an_empty_cart_is_refused_and_leaves_nothing(cart: Api) -> None:
    response = take(cart, "o-1")
    assert (response.status_code, response.json) == (409, {"detail": "The cart is empty"})
    assert unsettled(cart) == []


def test_a_cart_left_for_too_long_is_empty(full_cart: Api) -> None:
    full_cart.clock.turn(days=31)
    assert take(full_cart, "o-1").status_code == 409


def test_the_id_of_another_user_is_refused(full_cart: Api) -> None:
    take(full_cart, "o-1")
    response = take(full_cart, "o-1", user_id="v")
    assert (response.status_code, response.json["detail"]) == (
        409,
        "Check-out o-1 is another user's",
    )


def test_an_id_that_was_restored_is_refused(full_cart: Api) -> None:
    take(full_cart, "o-1")
    restore(full_cart, "o-1")
    assert take(full_cart, "o-1").status_code == 409
    assert lines(full_cart) == {1: 5, 2: 1}


def test_what_is_no_longer_sold_is_refused_and_nothing_moves(
    cart: Api, partners: responses.RequestsMock
) -> None:
    silence(partners)
    for product_id in (1, 7, 9):
        add(cart, product_id)
    partners.reset()
    sell(partners, 1)
    for _ in range(2):
        response = take(cart, "o-1")
        assert (response.status_code, response.json) == (
            409,
            {
                "detail": "Product 7 is no longer sold; Product 9 is no longer sold",
                "unavailable": [7, 9],
            },
        )
        assert lines(cart) == {1: 1, 7: 1, 9: 1}
    cart.delete("/cart/u/items/7")
    cart.delete("/cart/u/items/9")
    assert items(take(cart, "o-1")) == {1: 1}, "a refusal burns no id"


def test_unverified_lines_are_checked_first(cart: Api, partners: responses.RequestsMock) -> None:
    silence(partners)
    add(cart, 1)
    add(cart, 2)
    partners.reset()
    sell(partners, 1, 2)
    assert items(take(cart, "o-1")) == {1: 1, 2: 1}
    assert [call.request.url for call in partners.calls] == [f"{PRODUCTS}?ids=1%2C2"]
    restore(cart, "o-1")
    assert not any("unverified" in line for line in cart.get("/cart/u").json["cart"])


def test_what_cannot_be_checked_goes_along(cart: Api, partners: responses.RequestsMock) -> None:
    """And comes back as unverified as it went."""
    silence(partners)
    add(cart, 1, 2)
    assert items(take(cart, "o-1")) == {1: 2}
    restore(cart, "o-1")
    assert cart.get("/cart/u").json["cart"] == [
        {"product_id": 1, "quantity": 2, "unverified": True}
    ]


def test_a_cart_grown_by_restores_is_not_more_than_an_order(
    cart: Api, partners: responses.RequestsMock
) -> None:
    sell(partners, *range(1, 102))
    for product_id in range(1, 101):
        add(cart, product_id)
    take(cart, "o-1")
    add(cart, 101)
    restore(cart, "o-1")
    response = take(cart, "o-2")
    assert response.json == {"detail": "An order has at most 100 different products"}
    cart.delete("/cart/u/items/50")
    assert len(items(take(cart, "o-2"))) == 100


def test_half_a_take_is_none(full_cart: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails on the way: the lines are in the cart alone."""

    def fail(*_: object) -> None:
        raise BusyError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "save_lines", fail)
        assert take(full_cart, "o-1").status_code == 503
    assert unsettled(full_cart) == []
    assert items(take(full_cart, "o-2")) == {1: 5, 2: 1}


@pytest.mark.parametrize("order_id", ["", "x" * 65, "a\x00", 7, None])
def test_what_is_no_id_is_refused(full_cart: Api, order_id: object) -> None:
    response = full_cart.post("/cart/u/checkouts", json={"order_id": order_id})
    assert response.status_code == 422
    assert response.json["detail"].startswith("order_id: ")
    assert full_cart.post("/cart/u/checkouts").status_code == 422


def test_a_key_takes_once_and_is_replayed(full_cart: Api) -> None:
    key = {"headers": {"Idempotency-Key": "k"}}
    first = take(full_cart, "o-1", **key)
    add(full_cart, 3)
    again = take(full_cart, "o-1", **key)
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"
    assert take(full_cart, "o-2", **key).status_code == 422
    assert lines(full_cart) == {3: 1}


def test_a_refusal_burns_no_key(cart: Api, partners: responses.RequestsMock) -> None:
    sell(partners, 1)
    key = {"headers": {"Idempotency-Key": "k"}}
    assert take(cart, "o-1", **key).status_code == 409
    add(cart, 1)
    assert items(take(cart, "o-1", **key)) == {1: 1}


def test_unverified_lines_are_checked_under_a_key_too(
    cart: Api, partners: responses.RequestsMock
) -> None:
    silence(partners)
    add(cart, 1)
    partners.reset()
    sell(partners, 1)
    key = {"headers": {"Idempotency-Key": "k"}}
    assert items(take(cart, "o-1", **key)) == {1: 1}
    assert items(take(cart, "o-1", **key)) == {1: 1}


def test_of_two_at_once_one_gets_the_lines(full_cart: Api) -> None:
    """Two clicks on "Check out": two ids, one cart."""
    for number in range(20):
        answers = []
        at_once(
            lambda: answers.append(take(full_cart, f"a-{number}")),  # noqa: B023 - runs at once
            lambda: answers.append(take(full_cart, f"b-{number}")),  # noqa: B023 - runs at once
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        taken = next(answer for answer in answers if answer.status_code == 200)
        assert items(taken) == {1: 5, 2: 1}
        restore(full_cart, taken.json["order_id"])
        assert lines(full_cart) == {1: 5, 2: 1}


def test_the_same_id_many_times_at_once_takes_once(full_cart: Api) -> None:
    answers = []
    at_once(*[lambda: answers.append(take(full_cart, "o-1").data)] * 8)
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert unsettled(full_cart) == ["o-1"]


def test_the_check_marks_only_the_line_as_it_was_read(
    cart: Api, partners: responses.RequestsMock
) -> None:
    """What comes into the cart while the catalogue is asked goes along unchecked."""
    silence(partners)
    add(cart, 1)
    partners.reset()

    def add_another(tx: Transaction) -> None:
        lines = store.get_lines(tx, "u", service._not_before(cart.context))
        store.save_lines(tx, "u", (*lines, store.Line(9, 1, True)), "9")

    def answer(_: object) -> tuple[int, dict[str, str], str]:
        cart.context.db.write(add_another)
        return 200, {}, '[{"id": 1}]'

    partners.add_callback(responses.GET, PRODUCTS, answer, content_type="application/json")
    assert items(take(cart, "o-1")) == {1: 1, 9: 1}
