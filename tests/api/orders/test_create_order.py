"""POST /orders."""

import io
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses

from apps.orders import creation
from shop_common import idempotency
from shop_common.errors import BusyError, UnknownOutcomeError
from tests.api.harness import KEY, Api
from tests.api.orders.conftest import Catalog

RESERVATIONS = "http://localhost:8002/reservations"


@pytest.mark.usefixtures("catalog_app")
def test_an_order_is_taken(orders: Api) -> None:
    """The seed's body gives the seed's members, in its order."""
    response = orders.post(
        "/orders?user_id=user1", json=[{"product_id": 1, "quantity": 1, "price": 999.99}]
    )
    assert response.status_code == 200
    body = response.json
    assert list(body)[:5] == ["order_id", "status", "user_id", "items", "total_amount"]
    assert uuid.UUID(body["order_id"]).version == 7
    assert body["status"] == "CREATED"
    assert body["user_id"] == "user1"
    assert body["items"] == [{"product_id": 1, "quantity": 1, "price": 999.99}]
    assert body["total_amount"] == 999.99
    assert body["unverified"] is False
    assert orders.get(f"/orders/{body['order_id']}").json == body
    [made] = orders.get(f"/orders/{body['order_id']}/history").json
    assert made.pop("at") == body["created_at"]
    assert made == {"by": "client", "from": None, "to": "CREATED", "reason": None}


@pytest.mark.usefixtures("catalog_app")
def test_the_catalogues_price_is_taken_where_none_is_sent(orders: Api) -> None:
    response = orders.post(
        "/orders?user_id=u",
        json=[{"product_id": 1, "quantity": 999}, {"product_id": 2, "quantity": 2, "price": 29.99}],
    )
    assert response.json["total_amount"] == 999049.99
    assert '"total_amount":999049.99' in response.text


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (
            409,
            {
                "detail": "The price of product 1 is 9.5",
                "prices": [{"product_id": 1, "price": 9.5}],
            },
            None,
        ),
        (
            409,
            {"detail": "Only 2 left", "short": [{"product_id": 2, "wanted": 4, "stock": 2}]},
            None,
        ),
        (
            404,
            {"detail": "Product 999 not found in catalog", "unknown": [999]},
            {"detail": "Product 999 not found in catalog"},
        ),
    ],
)
def test_a_refusal_is_passed_on_and_leaves_nothing(
    orders: Api, catalog_app: Catalog, status: int, answer: dict[str, Any], expected: Any
) -> None:
    catalog_app.refusal = (status, answer)
    response = orders.post("/orders?user_id=u", json=[{"product_id": 1, "quantity": 1}])
    assert response.status_code == status
    assert response.json == (expected or answer)
    assert orders.get("/orders").json == []
    with orders.context.db.read() as tx:
        assert tx.all("SELECT * FROM orders") == [], "an answered no has taken nothing"


def test_a_try_that_slept_until_it_was_given_up(orders: Api, catalog_app: Catalog) -> None:
    """What was reserved under its id was given back: no rule forbids the order, so try again."""
    catalog_app.refusal = (409, {"detail": "Reservation 7 was released", "released": True})
    response = orders.post("/orders?user_id=u", json=[{"product_id": 1, "quantity": 1}])
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert orders.get("/orders").json == []


def test_a_catalogue_that_is_busy_is_not_silent(orders: Api, catalog_app: Catalog) -> None:
    catalog_app.refusal = (503, {"detail": "The database is busy."})
    body = [{"product_id": 1, "quantity": 1, "price": 1}]
    assert orders.post("/orders?user_id=u", json=body).status_code == 503
    assert orders.get("/orders").json == []


def test_a_full_house_is_not_the_catalogues_silence(
    make_api: Callable[..., Api], partners: responses.RequestsMock
) -> None:
    """The catalogue is well: an order that finds no place to ask it is not taken unchecked."""
    orders = make_api("orders", APP_THREADS="2", UPSTREAM_TIMEOUT_S="0.1")
    body = [{"product_id": 1, "quantity": 1, "price": 1}]
    crowded: list[int] = []

    def answer_slowly(_: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        crowded.append(orders.post("/orders?user_id=u", json=body).status_code)
        return 409, {}, "{}"

    json_type = {"content_type": "application/json"}
    partners.add_callback(responses.POST, RESERVATIONS, answer_slowly, **json_type)
    orders.post("/orders?user_id=u", json=body)
    assert crowded == [503]


@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.ConnectionError("refused")},
        {"status": 500},
        {"status": 404, "json": {"detail": "no such route"}},
        {"body": "not json"},
        {"json": {"items": [{"product_id": 1}]}},
        {"json": {"items": [{"product_id": 1, "quantity": 1, "price": "x"}]}},
        {"json": {"items": []}},
        {"json": {"items": [{"product_id": 2, "quantity": 2, "price": 12.5}]}},
        {"json": {"items": [{"product_id": 1, "quantity": 1, "price": 12.5}]}},
        {"json": {"items": [{"product_id": 1, "quantity": 2, "price": 0.01}]}},
        {"status": 409, "json": {"detail": "no", "prices": [None]}},
        {"status": 409, "body": '{"detail": "no", "prices": [{"product_id": 1, "price": 1e999}]}'},
    ],
    ids=str,
)
def test_an_order_is_taken_as_sent_while_the_catalogue_is_silent(
    orders: Api, partners: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    partners.post(RESERVATIONS, **answer)
    response = orders.post(
        "/orders?user_id=u", json=[{"product_id": 1, "quantity": 2, "price": 12.50}]
    )
    assert response.status_code == 200
    assert response.json["unverified"] is True
    assert response.json["total_amount"] == 25


def test_a_price_that_nobody_can_tell_is_503(orders: Api, partners: responses.RequestsMock) -> None:
    partners.post(RESERVATIONS, body=requests.ConnectionError("refused"))
    response = orders.post("/orders?user_id=u", json=[{"product_id": 1, "quantity": 2}])
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert orders.get("/orders").json == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ([], "body: An order has 1 to 100 lines, not 0."),
        ([{"product_id": 1, "quantity": 1}] * 101, "body: An order has 1 to 100 lines, not 101."),
        ({}, "body: Invalid input type."),
        ([1], "0: Invalid input type."),
        ([{}], "0.product_id: Missing data for required field.; 0.quantity: "),
        ([{"product_id": "1", "quantity": 1}], "0.product_id: Must be a whole number."),
        ([{"product_id": 1.0, "quantity": 1}], "0.product_id: Must be a whole number."),
        ([{"product_id": True, "quantity": 1}], "0.product_id: Must be a whole number."),
        ([{"product_id": 1, "quantity": 0}], "0.quantity: "),
        ([{"product_id": 1, "quantity": -1}], "0.quantity: "),
        ([{"product_id": 1, "quantity": 1000}], "0.quantity: "),
        ([{"product_id": 1, "quantity": 1, "price": -1}], "0.price: Must not be negative."),
        ([{"product_id": 1, "quantity": 1, "price": 0.005}], "0.price: Must have at most two"),
        ([{"product_id": 1, "quantity": 1, "price": "9.99"}], "0.price: Must be a number."),
        ([{"product_id": 1, "quantity": 1, "price": 1e300}], "0.price: Must be at most"),
        ([{"product_id": 1, "quantity": 1, "colour": "red"}], "0.colour: Unknown field."),
    ],
)
def test_bad_bodies_are_named(orders: Api, body: Any, detail: str) -> None:
    response = orders.post("/orders?user_id=u", json=body)
    assert response.status_code == 422
    assert response.json["detail"].startswith(detail)
    assert next(iter(response.json["errors"])) == detail.partition(":")[0]


@pytest.mark.parametrize(
    "data",
    [
        "{",
        "[NaN]",
        '[{"product_id": Infinity}]',
        "[" * 100_000,
        b"\xff",
        '[{"product_id": 1, "quantity": 1}]'.encode("utf-16"),
        "[" + "9" * 5000 + "]",
    ],
    ids=["cut", "nan", "infinity", "deep", "bytes", "utf-16", "digits"],
)
def test_what_is_no_json_is_refused(orders: Api, data: str | bytes) -> None:
    response = orders.post("/orders?user_id=u", data=data, content_type="application/json")
    assert response.status_code == 422
    assert response.json["errors"].keys() == {"body"}


def test_a_name_that_is_given_twice_is_refused(orders: Api) -> None:
    """Else one of two prices would go unseen."""
    data = '[{"product_id": 1, "quantity": 1, "price": 1, "price": 2}]'
    response = orders.post("/orders?user_id=u", data=data, content_type="application/json")
    assert response.status_code == 422
    assert response.json["errors"] == {"price": ["Given more than once."]}


def test_a_byte_order_mark_is_passed_over(orders: Api) -> None:
    data = "[]".encode("utf-8-sig")
    response = orders.post("/orders?user_id=u", data=data, content_type="application/json")
    assert response.json["detail"] == "body: An order has 1 to 100 lines, not 0."


def test_a_client_that_has_gone_is_no_fault(orders: Api) -> None:
    class Gone(io.RawIOBase):
        def readall(self) -> bytes:
            raise ConnectionResetError

    response = orders.client.post(
        "/orders?user_id=u",
        headers={"X-API-Key": KEY},
        content_type="application/json",
        environ_overrides={"wsgi.input": Gone(), "CONTENT_LENGTH": "9"},
    )
    assert response.status_code == 400


def test_other_media_are_refused(orders: Api) -> None:
    response = orders.post("/orders?user_id=u", data="a=b", content_type="text/plain")
    assert response.status_code == 415


def test_what_is_too_large_is_refused(orders: Api) -> None:
    data = json.dumps([{"product_id": 1, "quantity": 1, "note": "x" * 1_100_000}])
    response = orders.post("/orders?user_id=u", data=data, content_type="application/json")
    assert response.status_code == 413
    assert response.json == {"detail": "The body is larger than 1 MiB."}


def test_no_user_is_refused(orders: Api) -> None:
    response = orders.post("/orders", json=[{"product_id": 1, "quantity": 1}])
    assert response.json["detail"] == "user_id: Missing data for required field."


def test_a_key_makes_one_order(orders: Api, catalog_app: Catalog) -> None:
    key = {"Idempotency-Key": "k1"}
    body = [{"product_id": 1, "quantity": 1}]
    first = orders.post("/orders?user_id=u", json=body, headers=key)
    again = orders.post("/orders?user_id=u", json=body, headers=key)
    assert (again.status_code, again.data) == (200, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(orders.get("/orders").json) == len(catalog_app.held) == 1
    other = orders.post("/orders?user_id=u", json=body * 2, headers=key)
    assert other.status_code == 422


def test_a_refused_try_burns_no_key(orders: Api, catalog_app: Catalog) -> None:
    key = {"Idempotency-Key": "k1"}
    body = [{"product_id": 1, "quantity": 1}]
    catalog_app.refusal = (409, {"detail": "short", "short": []})
    assert orders.post("/orders?user_id=u", json=body, headers=key).status_code == 409
    catalog_app.refusal = None
    assert orders.post("/orders?user_id=u", json=body, headers=key).status_code == 200


def test_a_key_that_is_freed_while_it_is_asked_for(
    orders: Api, catalog_app: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another try had it when this one wanted it, and had failed when this one looked at it."""
    insert = idempotency._insert
    tries: list[bool] = []

    def met_another(*args: Any) -> bool:
        tries.append(len(tries) > 0 and insert(*args))
        return tries[-1]

    monkeypatch.setattr(idempotency, "_insert", met_another)
    body = [{"product_id": 1, "quantity": 1}]
    answer = orders.post("/orders?user_id=u", json=body, headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 200
    assert tries[:2] == [False, True]
    assert len(catalog_app.held) == 1


def reserve_by(partners: responses.RequestsMock, answer: Callable[..., Any]) -> None:
    """The catalogue's answer to a reservation, in the place of its own."""
    partners.remove(responses.POST, RESERVATIONS)
    partners.add_callback(responses.POST, RESERVATIONS, answer, content_type="application/json")


def test_a_key_that_is_in_use_is_409_and_its_lease_runs_out(
    orders: Api, catalog_app: Catalog, partners: responses.RequestsMock
) -> None:
    """A try that is overtaken while it sleeps takes no effect when it wakes."""
    key = {"Idempotency-Key": "k1"}
    body = [{"product_id": 1, "quantity": 1}]
    meanwhile: list[int] = []
    reserve = catalog_app.reserve

    def sleep_and_be_overtaken(request: requests.PreparedRequest) -> Any:
        answer = reserve(request)
        if not meanwhile:
            meanwhile.append(0)
            orders.clock.turn(seconds=5)
            early = orders.post("/orders?user_id=u", json=body, headers=key)
            orders.clock.turn(seconds=6)
            late = orders.post("/orders?user_id=u", json=body, headers=key)
            meanwhile[:] = [early.status_code, late.status_code]
        return answer

    reserve_by(partners, sleep_and_be_overtaken)
    woken = orders.post("/orders?user_id=u", json=body, headers=key)
    assert meanwhile == [409, 200]
    assert woken.status_code == 200
    assert woken.headers["Idempotent-Replayed"] == "true"
    [order] = orders.get("/orders").json
    assert woken.json["order_id"] == order["order_id"]
    assert list(catalog_app.held) == [order["order_id"]], "the overtaken try gave its stock back"


@pytest.mark.parametrize(
    "fate", ["UPDATE idempotency SET token = 'of another'", "DELETE FROM idempotency"]
)
def test_a_try_that_lost_its_key_takes_no_effect(
    orders: Api, catalog_app: Catalog, partners: responses.RequestsMock, fate: str
) -> None:
    """Whether the one who took it over is still at it or has failed; and it frees nobody's key."""

    def sleep_and_lose_it(request: requests.PreparedRequest) -> Any:
        orders.context.db.write(lambda tx: tx.execute(fate))
        return catalog_app.reserve(request)

    reserve_by(partners, sleep_and_lose_it)
    body = [{"product_id": 1, "quantity": 1}]
    woken = orders.post("/orders?user_id=u", json=body, headers={"Idempotency-Key": "k1"})
    assert woken.status_code == 409
    assert orders.get("/orders").json == []
    assert catalog_app.held == {}
    with orders.context.db.read() as tx:
        assert len(tx.all("SELECT key FROM idempotency")) == fate.startswith("UPDATE")


def test_a_lease_from_before_the_clock_stepped_back_has_expired(
    orders: Api, catalog_app: Catalog, partners: responses.RequestsMock
) -> None:
    """Else the key of a try that died would be in use for as long as the clock was wrong."""
    key = {"Idempotency-Key": "k1"}
    body = [{"product_id": 1, "quantity": 1}]
    meanwhile: list[int] = []

    def sleep(request: requests.PreparedRequest) -> Any:
        if not meanwhile:
            meanwhile.append(0)
            orders.clock.turn(days=-400)
            again = orders.post("/orders?user_id=u", json=body, headers=key)
            meanwhile[:] = [again.status_code]
        return catalog_app.reserve(request)

    reserve_by(partners, sleep)
    orders.clock.turn(days=400)
    orders.post("/orders?user_id=u", json=body, headers=key)
    assert meanwhile == [200]


def test_a_list_without_end_is_refused_at_once(orders: Api) -> None:
    response = orders.post("/orders?user_id=u", json=[1] * 200_000)
    assert response.status_code == 422
    text = "Must have at most 1000 entries."
    assert response.json == {"detail": f"body: {text}", "errors": {"body": [text]}}


def test_no_more_errors_are_named_than_anyone_reads(orders: Api) -> None:
    response = orders.post("/orders?user_id=u", json=[{"a": 1}] * 1000)
    assert response.status_code == 422
    assert len(response.json["errors"]) == 20


@pytest.mark.parametrize("exponent", ["1E-999999999999999999999", "1E+999999999999999999999"])
def test_numbers_beyond_all_bounds_are_refused(orders: Api, exponent: str) -> None:
    data = f'[{{"product_id": 1, "quantity": 1, "price": {exponent}}}]'
    response = orders.post("/orders?user_id=u", data=data, content_type="application/json")
    assert response.status_code == 422


def test_a_body_without_a_length_is_refused(orders: Api) -> None:
    response = orders.post("/orders?user_id=u", headers={"Transfer-Encoding": "chunked"})
    assert response.status_code == 411


@pytest.mark.parametrize("sent", ["%FF", "a%ED%A0%80", "\xff"])
def test_a_query_that_is_no_utf_8_is_refused(orders: Api, sent: str) -> None:
    response = orders.post("/orders", environ_overrides={"QUERY_STRING": f"user_id={sent}"})
    assert response.status_code == 422
    assert response.json["detail"] == "user_id: Must be valid UTF-8."


def test_a_user_that_no_cart_can_have_is_refused(orders: Api) -> None:
    for user_id in ("a%2Fb", ".", ".."):
        response = orders.post(f"/orders?user_id={user_id}", json=[])
        assert response.json["detail"].startswith("user_id: ")


def test_more_than_can_be_paid_is_refused(orders: Api, catalog_app: Catalog) -> None:
    """And the stock that it would have taken goes back."""
    catalog_app.prices[1] = 99999999.99
    most = orders.post("/orders?user_id=u", json=[{"product_id": 1, "quantity": 1}]).json
    assert most["total_amount"] == 99999999.99
    catalog_app.held.clear()
    response = orders.post("/orders?user_id=u", json=[{"product_id": 1, "quantity": 2}])
    assert response.status_code == 409
    assert response.json == {"detail": "The total is more than 99999999.99"}
    assert catalog_app.held == {}
    assert orders.get("/admin/outbox").json == [], "no cart is told of what it did not give"


@pytest.mark.usefixtures("catalog_app")
def test_an_order_whose_commit_is_not_answered(
    orders: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is tried afterwards makes "nothing was done" of it."""

    def lose(*_: object) -> None:
        raise UnknownOutcomeError

    def refuse(*_: object) -> None:
        raise BusyError("The database is unavailable.")

    monkeypatch.setattr(creation, "_insert", lose)
    monkeypatch.setattr(creation, "claim", refuse)
    answer = orders.post("/orders?user_id=u", json=[{"product_id": 1, "quantity": 1}])
    assert answer.status_code == 504
    assert "it is not known whether this was done" in answer.json["detail"]


@pytest.mark.parametrize("is_back", [True, False])
def test_a_key_whose_commit_was_not_answered_is_kept_by_its_order(
    orders: Api, catalog_app: Catalog, monkeypatch: pytest.MonkeyPatch, is_back: bool
) -> None:
    """Who sends it again, as the 504 says, gets the order that was made, and no other."""
    insert = creation._insert

    def refuse(_: object) -> None:
        raise BusyError("The database is unavailable.")

    key = {"Idempotency-Key": "k1"}
    body = [{"product_id": 1, "quantity": 1}]
    with monkeypatch.context() as patched:

        def lose(*args: Any) -> None:
            insert(*args)
            if not is_back:
                patched.setattr(orders.context.db, "write", refuse)
            raise UnknownOutcomeError

        patched.setattr(creation, "_insert", lose)
        assert orders.post("/orders?user_id=u", json=body, headers=key).status_code == 504
    again = orders.post("/orders?user_id=u", json=body, headers=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert list(catalog_app.held) == [again.json["order_id"]]
