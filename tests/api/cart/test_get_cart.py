"""GET /cart/<user_id>: what it holds, and the check of what was let in unchecked."""

from collections.abc import Callable

import pytest
import requests
import responses

from shop_common.errors import BusyError
from tests.api.harness import Api
from tests.unit.faulty_server import FaultyServer

PRODUCTS = "http://localhost:8002/products"


def add_unchecked(cart: Api, partners: responses.RequestsMock, *product_ids: int) -> None:
    refusal = partners.get(PRODUCTS, body=requests.ConnectionError("refused"))
    for product_id in product_ids:
        assert cart.post(f"/cart/u/add?product_id={product_id}&quantity=2").status_code == 200
    partners.remove(refusal)


def test_a_stranger_has_an_empty_cart(cart: Api) -> None:
    assert cart.get("/cart/nobody").text == '{"user_id":"nobody","cart":[]}\n'


def test_one_read_settles_every_line_once_the_catalogue_is_back(
    cart: Api, partners: responses.RequestsMock
) -> None:
    """Known products lose their mark, unknown ones stay and are marked unavailable."""
    add_unchecked(cart, partners, 1, 2, 999)
    partners.get(PRODUCTS, json=[{"id": 1}, {"id": 2}])
    expected = [
        {"product_id": 1, "quantity": 2},
        {"product_id": 2, "quantity": 2},
        {"product_id": 999, "quantity": 2, "unavailable": True},
    ]
    assert cart.get("/cart/u").json["cart"] == expected
    calls = len(partners.calls)
    assert cart.get("/cart/u").json["cart"] == expected
    assert len(partners.calls) == calls, "what is settled is not asked for again"


def test_the_check_goes_through_an_open_breaker(
    cart: Api, partners: responses.RequestsMock
) -> None:
    add_unchecked(cart, partners, 1, 2, 3)
    assert cart.get("/admin/status").json["partners"]["catalog"]["state"] == "open"
    partners.get(PRODUCTS, json=[{"id": 1}, {"id": 2}, {"id": 3}])
    assert not any("unverified" in line for line in cart.get("/cart/u").json["cart"])
    assert cart.context.partners["catalog"].status()["state"] == "closed"


def test_lines_stay_unverified_while_the_catalogue_is_silent(
    cart: Api, partners: responses.RequestsMock
) -> None:
    add_unchecked(cart, partners, 1)
    partners.get(PRODUCTS, body=requests.ConnectionError("refused"))
    assert cart.get("/cart/u").json["cart"] == [
        {"product_id": 1, "quantity": 2, "unverified": True}
    ]


def test_a_slow_catalogue_is_not_waited_for(make_api: Callable[..., Api]) -> None:
    """It would be in time for any other call; but a cart must stay quick to read."""
    with FaultyServer("refuse", body=[{"id": 1}]) as server:
        cart = make_api("cart", CATALOG_URL=server.url, UPSTREAM_FIRST_BYTE_S="2")
        cart.post("/cart/u/add?product_id=1")
        server.set_fault("slow_first_byte")
        [line] = cart.get("/cart/u").json["cart"]
    assert line == {"product_id": 1, "quantity": 1, "unverified": True}


def test_a_read_does_not_fail_for_a_writer(
    cart: Api, partners: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the catalogue says is known already; the next read writes it down."""
    add_unchecked(cart, partners, 1)
    partners.get(PRODUCTS, json=[{"id": 1}])

    def busy(_: object) -> None:
        raise BusyError("The database is busy.")

    settled = [{"product_id": 1, "quantity": 2}]
    with monkeypatch.context() as patched:
        patched.setattr(cart.context.db, "write", busy)
        assert cart.get("/cart/u").json["cart"] == settled
    assert cart.get("/cart/u").json["cart"] == settled
    calls = len(partners.calls)
    assert cart.get("/cart/u").json["cart"] == settled
    assert len(partners.calls) == calls


def test_a_catalogue_that_is_busy_does_not_fail_a_read(
    cart: Api, partners: responses.RequestsMock
) -> None:
    add_unchecked(cart, partners, 1)
    partners.get(PRODUCTS, status=503, json={"detail": "The database is busy."})
    assert cart.get("/cart/u").status_code == 200


@pytest.mark.parametrize("path", ["/cart/u", "/cart/u/quote"])
def test_a_read_that_finds_no_place_to_ask_does_not_fail(
    make_api: Callable[..., Api], partners: responses.RequestsMock, path: str
) -> None:
    """As many ask at once as may wait for the catalogue."""
    cart = make_api("cart", APP_THREADS="2", UPSTREAM_TIMEOUT_S="0.1")
    add_unchecked(cart, partners, 1)
    crowded: list[int] = []

    def answer_slowly(_: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        crowded.append(cart.get(path).status_code)
        return 200, {}, "[]"

    partners.add_callback(responses.GET, PRODUCTS, answer_slowly)
    cart.get(path)
    assert crowded == [200]


def test_what_is_sold_again_can_be_added_again(cart: Api, partners: responses.RequestsMock) -> None:
    add_unchecked(cart, partners, 1)
    gone = partners.get(PRODUCTS, json=[])
    assert cart.get("/cart/u").json["cart"][0]["unavailable"]
    partners.remove(gone)
    partners.get(PRODUCTS, json=[{"id": 1}])
    added = cart.post("/cart/u/add?product_id=1").json["cart"]
    assert added == [{"product_id": 1, "quantity": 3}]


def test_the_check_writes_only_to_the_line_as_it_was_read(
    cart: Api, partners: responses.RequestsMock
) -> None:
    """A line that is changed while the catalogue is asked keeps its new quantity and mark."""
    add_unchecked(cart, partners, 1)

    def answer(_: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        cart.context.db.write(
            lambda tx: tx.execute(
                "UPDATE carts SET items = ? WHERE user_id = 'u'",
                ('[{"product_id": 1, "quantity": 7, "unverified": true}]',),
            )
        )
        return 200, {}, "[]"

    partners.add_callback(responses.GET, PRODUCTS, answer, content_type="application/json")
    assert cart.get("/cart/u").json["cart"] == [
        {"product_id": 1, "quantity": 7, "unverified": True}
    ]


def test_an_idle_cart_is_gone_after_its_time(cart: Api, partners: responses.RequestsMock) -> None:
    """CART_TTL_DAYS: it reads as empty at once, and a day later the sweep deletes the row."""
    partners.get(PRODUCTS, json=[{"id": 1}])
    cart.post("/cart/old/add?product_id=1")
    cart.post("/cart/used/add?product_id=1")
    cart.clock.turn(days=29)
    cart.post("/cart/young/add?product_id=1")
    cart.post("/cart/used/add?product_id=1")
    cart.run_jobs()
    assert len(cart.get("/cart/old").json["cart"]) == 1
    cart.clock.turn(days=1, seconds=1)
    assert cart.get("/cart/old").json["cart"] == []
    cart.clock.turn(days=1)
    cart.run_jobs()
    with cart.context.db.read() as tx:
        rows = tx.all("SELECT user_id, updated_at, changed_on FROM carts ORDER BY user_id")
    assert [row["user_id"] for row in rows] == ["used", "young"]
    # The sweep looks for the day; one that is left behind would stand in its way for ever.
    assert all(row["updated_at"].startswith(row["changed_on"]) for row in rows)


def test_an_add_to_an_idle_cart_starts_anew(cart: Api, partners: responses.RequestsMock) -> None:
    partners.get(PRODUCTS, json=[{"id": 1}, {"id": 2}])
    cart.post("/cart/u/add?product_id=1")
    cart.clock.turn(days=31)
    cart.post("/cart/u/add?product_id=2")
    assert cart.get("/cart/u").json["cart"] == [{"product_id": 2, "quantity": 1}]
