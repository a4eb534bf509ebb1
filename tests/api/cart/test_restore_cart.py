"""POST /cart/<user_id>/checkouts/<order_id>/restore: what was not ordered comes back, once."""

import pytest
import responses

from tests.api.cart.taking import (
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
def taken_cart(cart: Api, partners: responses.RequestsMock) -> Api:
    """Five of product 1 and one of product 2 are taken as o-1."""
    sell(partners, *range(1, 201))
    add(cart, 1, 5)
    add(cart, 2)
    take(cart, "o-1")
    return cart


def test_the_lines_come_back_once(taken_cart: Api) -> None:
    for _ in range(3):
        response = restore(taken_cart, "o-1")
        assert response.status_code == 200
        assert response.json == {"order_id": "o-1", "status": "RESTORED"}
        assert lines(taken_cart) == {1: 5, 2: 1}


def test_again_gives_nothing_after_the_lines_were_taken_anew(taken_cart: Api) -> None:
    restore(taken_cart, "o-1")
    assert items(take(taken_cart, "o-2")) == {1: 5, 2: 1}
    restore(taken_cart, "o-1")
    assert lines(taken_cart) == {}


def test_they_come_to_what_is_there_now(taken_cart: Api) -> None:
    add(taken_cart, 3, 2)
    add(taken_cart, 1, 4)
    restore(taken_cart, "o-1")
    assert lines(taken_cart) == {3: 2, 1: 9, 2: 1}


def test_what_was_let_in_unchecked_stays_marked(
    taken_cart: Api, partners: responses.RequestsMock
) -> None:
    silence(partners)
    add(taken_cart, 1, 4)
    restore(taken_cart, "o-1")
    line = {"product_id": 1, "quantity": 9, "unverified": True}
    assert taken_cart.get("/cart/u").json["cart"][0] == line


def test_a_line_is_filled_up_to_its_bound(taken_cart: Api) -> None:
    add(taken_cart, 1, 998)
    restore(taken_cart, "o-1")
    assert lines(taken_cart) == {1: 999, 2: 1}


def test_a_full_cart_takes_them_all_the_same(taken_cart: Api) -> None:
    for product_id in range(101, 201):
        add(taken_cart, product_id)
    assert restore(taken_cart, "o-1").status_code == 200
    assert len(lines(taken_cart)) == 102


def test_a_restore_before_the_take_refuses_it(cart: Api, partners: responses.RequestsMock) -> None:
    """A take that comes late finds that its order was given up."""
    sell(partners, 1)
    add(cart, 1)
    for _ in range(2):
        assert restore(cart, "o-1").json == {"order_id": "o-1", "status": "RESTORED"}
        response = take(cart, "o-1")
        assert (response.status_code, response.json) == (
            409,
            {"detail": "Check-out o-1 was restored"},
        )
    assert lines(cart) == {1: 1}
    assert unsettled(cart) == []


def test_another_users_is_not_given_away(taken_cart: Api) -> None:
    assert restore(taken_cart, "o-1", user_id="v").status_code == 409
    assert taken_cart.get("/cart/v").json["cart"] == []
    assert restore(taken_cart, "o-1").status_code == 200
    assert lines(taken_cart) == {1: 5, 2: 1}


def test_what_is_settled_can_still_come_back(taken_cart: Api) -> None:
    """An order that was given up has a row too, so its id may be settled before it is restored."""
    taken_cart.post("/checkouts/settle", json={"order_ids": ["o-1"]})
    restore(taken_cart, "o-1")
    assert lines(taken_cart) == {1: 5, 2: 1}


def test_a_restored_cart_is_young_again(taken_cart: Api) -> None:
    taken_cart.clock.turn(days=40)
    taken_cart.run_jobs()
    restore(taken_cart, "o-1")
    taken_cart.run_jobs()
    assert lines(taken_cart) == {1: 5, 2: 1}


def test_a_key_is_replayed(taken_cart: Api) -> None:
    key = {"headers": {"Idempotency-Key": "k"}}
    first = restore(taken_cart, "o-1", **key)
    again = restore(taken_cart, "o-1", **key)
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"
    assert restore(taken_cart, "o-2", **key).status_code == 422
    assert lines(taken_cart) == {1: 5, 2: 1}


def test_many_at_once_restore_once(taken_cart: Api) -> None:
    answers = []
    at_once(*[lambda: answers.append(restore(taken_cart, "o-1").status_code)] * 8)
    assert answers == [200] * 8
    assert lines(taken_cart) == {1: 5, 2: 1}


def test_a_take_and_its_restore_at_once_leave_the_lines_in_the_cart(taken_cart: Api) -> None:
    """Whichever comes first: taken and given back, or never taken."""
    restore(taken_cart, "o-1")
    for number in range(20):
        at_once(
            lambda: take(taken_cart, f"o-2-{number}"),  # noqa: B023 - runs at once
            lambda: restore(taken_cart, f"o-2-{number}"),  # noqa: B023 - runs at once
        )
        assert lines(taken_cart) == {1: 5, 2: 1}
        assert unsettled(taken_cart) == []
