"""POST /orders without a body: the cart's lines become an order, or come back."""

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import responses

from shop_common.errors import PartnerError
from tests.api.harness import Api
from tests.api.orders.conftest import Cart, Catalog, lease_elsewhere
from tests.network import mock_network

LINES = [{"product_id": 1, "quantity": 2}]


def test_a_cart_becomes_an_order(orders: Api, catalog_app: Catalog, cart_app: Cart) -> None:
    response = orders.post("/orders?user_id=u")
    assert response.status_code == 200
    assert response.json["items"] == [{"product_id": 1, "quantity": 2, "price": 999.99}]
    assert response.json["total_amount"] == 1999.98
    assert cart_app.lines == []
    assert orders.post("/orders?user_id=u").json["detail"] == "The cart is empty"
    assert len(catalog_app.held) == 1
    assert cart_app.restored == []


@pytest.mark.parametrize(
    "refusal",
    [
        (409, {"detail": "Only 1 left", "short": [{"product_id": 1}]}),
        (404, {"detail": "Product 1 not found in catalog", "unknown": [1]}),
        (503, {"detail": "The database is busy."}),
        (500, {}),
    ],
    ids=str,
)
def test_what_is_not_ordered_comes_back(
    orders: Api, catalog_app: Catalog, cart_app: Cart, refusal: tuple[int, dict[str, object]]
) -> None:
    """A refusal, a busy and a silent catalogue: the cart has no prices to fall back on."""
    catalog_app.refusal = refusal
    response = orders.post("/orders?user_id=u")
    assert response.status_code == (503 if refusal[0] == 500 else refusal[0])
    assert cart_app.lines == LINES
    assert orders.get("/orders").json == []
    catalog_app.refusal = None
    assert orders.post("/orders?user_id=u").status_code == 200


@pytest.mark.parametrize("items", [[], [{"product_id": 1, "quantity": 0}]], ids=str)
def test_a_cart_that_talks_nonsense_makes_no_order(
    orders: Api,
    catalog_app: Catalog,
    partners: responses.RequestsMock,
    items: list[dict[str, int]],
) -> None:
    partners.post("http://localhost:8001/cart/u/checkouts", json={"items": items})
    assert orders.post("/orders?user_id=u").status_code == 503
    assert (orders.get("/orders").json, catalog_app.held) == ([], {})


def test_a_cart_that_cannot_be_ordered_says_why(
    orders: Api, partners: responses.RequestsMock
) -> None:
    said = {"detail": "Product 1 is no longer sold", "unavailable": [1]}
    partners.post("http://localhost:8001/cart/u/checkouts", status=409, json=said)
    response = orders.post("/orders?user_id=u")
    assert (response.status_code, response.json) == (409, said)


def test_a_lost_answer_of_the_cart_costs_no_cart(
    orders: Api, catalog_app: Catalog, cart_app: Cart
) -> None:
    cart_app.lost_answers = 2
    assert orders.post("/orders?user_id=u").status_code == 503
    orders.clock.turn(seconds=10)
    orders.context.partners["cart"].call("GET", "/checkouts", probe=True)
    orders.run_jobs()
    assert cart_app.lines == LINES
    assert catalog_app.held == {}


@pytest.mark.usefixtures("cart_app")
def test_the_sweeper_finds_the_catalogue_back(orders: Api, catalog_app: Catalog) -> None:
    """No check-out waits until the breaker would let one try: after a hang that is 20 s."""
    from apps.orders import jobs

    client = orders.context.partners["catalog"]
    for _ in range(2):
        with pytest.raises(PartnerError):
            client.call("GET", "/refused")
    assert client.status()["state"] == "open"
    jobs.sweep(orders.context, "catalog")
    assert orders.post("/orders?user_id=u").status_code == 200
    assert len(catalog_app.held) == 1


@pytest.mark.usefixtures("cart_app")
def test_the_sweeper_settles_what_has_an_order_and_claims_the_rest(
    make_api: Callable[..., Api],
    catalog_app: Catalog,
    cart_app: Cart,
    partners: responses.RequestsMock,
) -> None:
    """A try that died after each step: its stock and its lines come back, once."""
    orders = make_api("orders", SWEEP_AFTER_S="7")
    ordered = orders.post("/orders?user_id=u").json["order_id"]
    dead = str(uuid.uuid4())
    cart_app.taken[dead] = LINES
    catalog_app.held[dead] = LINES
    at = "2026-01-01T00:00:00.000000Z"
    catalog_app.unsettled = [{"order_id": i, "created_at": at} for i in (ordered, dead)]
    cart_app.unsettled = [entry | {"user_id": "u"} for entry in catalog_app.unsettled]
    orders.run_jobs()
    catalog_app.unsettled = cart_app.unsettled = []
    orders.run_jobs()  # the relay, at once
    assert catalog_app.settled == cart_app.settled == [ordered]
    # A younger try may be under way.
    asked = {str(call.request.url) for call in partners.calls if call.request.method == "GET"}
    assert {urlsplit(url).query for url in asked} == {"unsettled_for=7.0&limit=100"}
    assert cart_app.lines == LINES
    assert list(catalog_app.held) == [ordered]
    assert orders.get(f"/orders/{dead}").status_code == 404
    assert orders.get(f"/orders?after={dead}").status_code == 422
    assert [order["order_id"] for order in orders.get("/orders").json] == [ordered]


@pytest.mark.parametrize("said", [[[1], 2], [{"id": 1}], ["order_id"], [{"order_id": []}, None]])
def test_a_catalogue_that_lists_nonsense_holds_up_no_cart(
    orders: Api,
    catalog_app: Catalog,
    cart_app: Cart,
    said: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nor does one that is silent."""
    cart_app.taken["dead"] = LINES
    cart_app.unsettled = [{"order_id": "dead", "user_id": "u"}]
    catalog_app.unsettled = said
    orders.run_jobs()
    cart_app.unsettled = []
    orders.run_jobs()
    assert cart_app.restored == ["dead"]
    assert "ERROR" not in {record.levelname for record in caplog.records}


@pytest.mark.usefixtures("cart_app")
def test_the_sweeper_keeps_up_with_a_busy_shop(
    orders: Api, catalog_app: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits behind many orders and a dead try is reached in the same run."""
    from apps.orders import jobs

    monkeypatch.setattr(jobs, "AT_ONCE", 4)
    body = [{"product_id": 1, "quantity": 1}]
    ordered = [orders.post("/orders?user_id=u", json=body).json["order_id"] for _ in range(10)]
    dead = [str(uuid.uuid4()) for _ in range(2)]
    entries = [{"order_id": i, "created_at": "2026"} for i in (dead[0], *ordered, dead[1])]
    catalog_app.unsettled = entries
    jobs.sweep(orders.context, "catalog")
    assert sorted(catalog_app.settled) == sorted(ordered)
    orders.clock.turn(seconds=10)
    orders.context.outbox.relay()
    assert sorted(catalog_app.released) == sorted(dead)


@pytest.mark.usefixtures("cart_app")
def test_the_sweeper_claims_a_dead_try_once_in_a_run(
    orders: Api, catalog_app: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: the partner lists them until they are given back."""
    from apps.orders import creation, jobs

    claimed: list[str] = []
    monkeypatch.setattr(jobs, "AT_ONCE", 2)
    monkeypatch.setattr(creation, "claim", lambda _, order_id, *__, **___: claimed.append(order_id))
    catalog_app.unsettled = [{"order_id": i, "created_at": "2026"} for i in "abc"]
    jobs.sweep(orders.context, "catalog")
    assert sorted(claimed) == ["a", "b"]


@pytest.mark.usefixtures("cart_app")
def test_what_is_not_given_back_yet_is_told_of_once(orders: Api, catalog_app: Catalog) -> None:
    """The partner lists it until it has heard: each run would else add a message."""
    from apps.orders import jobs

    catalog_app.unsettled = [{"order_id": "dead", "created_at": "2026"}]
    for _ in range(3):
        jobs.sweep(orders.context, "catalog")
    assert [row["topic"] for row in orders.get("/admin/outbox").json] == ["release"]


@pytest.mark.usefixtures("cart_app")
def test_one_worker_at_a_time_sweeps(orders: Api, catalog_app: Catalog) -> None:
    """All of them would ask the partners for the same lists, and wait for each other's claims."""
    from apps.orders import jobs

    catalog_app.unsettled = [{"order_id": "dead", "created_at": "2026"}]
    lease_elsewhere(orders, "sweep_catalog")
    orders.run_jobs()
    assert orders.get("/admin/outbox").json == []
    orders.clock.turn(seconds=jobs.LEASE_S)
    orders.run_jobs()
    assert len(orders.get("/admin/outbox").json) == 1, "one that died holds it up for so long only"


@pytest.mark.usefixtures("cart_app")
def test_a_sweep_from_before_the_clock_stepped_back_holds_up_nobody(
    orders: Api, catalog_app: Catalog
) -> None:
    catalog_app.unsettled = [{"order_id": "dead", "created_at": "2026"}]
    orders.clock.turn(days=400)
    lease_elsewhere(orders, "sweep_catalog")
    orders.clock.turn(days=-400)
    orders.run_jobs()
    assert len(orders.get("/admin/outbox").json) == 1


@pytest.mark.usefixtures("catalog_app")
def test_nobody_gives_back_what_belongs_to_an_order(orders: Api) -> None:
    """The sweeper looked for the order's row just before it was written, and claims the id after.

    Its stock would be sold a second time.
    """
    from apps.orders import creation

    body = [{"product_id": 1, "quantity": 1}]
    order_id = orders.post("/orders?user_id=u", json=body).json["order_id"]
    creation.claim(orders.context, order_id, "u")
    assert orders.get("/admin/outbox").json == []


def test_a_try_that_was_given_up_makes_no_order(orders: Api, catalog_app: Catalog) -> None:
    """The sweeper claims the id while the try sleeps between the reservation and its insert."""
    from apps.orders import creation

    reserve = catalog_app.reserve

    def sleep(request: requests.PreparedRequest) -> object:
        answer = reserve(request)
        creation.claim(orders.context, next(iter(catalog_app.held)), None)
        return answer

    with mock_network(assert_all_requests_are_fired=False) as mock:
        url = "http://localhost:8002/reservations"
        mock.add_callback(responses.POST, url, sleep, content_type="application/json")
        body = [{"product_id": 1, "quantity": 1}]
        assert orders.post("/orders?user_id=u", json=body).status_code == 503
    assert orders.get("/orders").json == []
    orders.clock.turn(seconds=10)
    orders.run_jobs()
    assert catalog_app.held == {}
