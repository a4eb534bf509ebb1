"""How long calls wait: by settings, and where nothing can be let through as for a lock."""

import types
from collections.abc import Callable
from typing import Any

import pytest

from apps.orders import clients as orders
from apps.orders.model import WantedLine
from apps.payments import clients as payments
from shop_common.config import load_config
from shop_common.errors import PartnerError
from tests.api.harness import Api
from tests.unit.faulty_server import FaultyServer
from tests.unit.partner_calls import client_of

ORDER_ID = "01900000-0000-7000-8000-000000000001"
ORDER = (
    b'{"order_id": "%s", "status": "CREATED", "total_amount": 5, "payment_id": null}'
    % ORDER_ID.encode()
)


@pytest.mark.parametrize(
    ("ask", "partner", "body"),
    [
        (lambda context: payments.get_order(context, ORDER_ID), "orders", ORDER),
        (lambda context: orders.find_completed_payment(context, "o"), "payments", b"[]"),
    ],
)
def test_a_slow_partner_is_waited_for(
    ask: Callable[[Any], object], partner: str, body: bytes
) -> None:
    with FaultyServer() as server:
        server.body, server.slow_s = body, 0.3
        server.set_fault("slow_first_byte")
        client = client_of(server, first_byte_timeout_s=0.1)
        with pytest.raises(PartnerError):
            client.call("GET", "/x")
        ask(types.SimpleNamespace(partners={partner: client}))


def test_a_reservation_may_take_as_long_as_a_call_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for the catalogue's lock behind a crowd: that is not silence, nor let through."""
    body = {"items": [{"product_id": 1, "quantity": 1, "price": 5}]}
    monkeypatch.setattr("shop_common.http_client.LOCK_WAIT_S", 0.0)
    with FaultyServer("slow_first_byte", body=body) as server:
        server.slow_s = 0.3
        client = client_of(server, first_byte_timeout_s=0.1)
        context: Any = types.SimpleNamespace(
            partners={"catalog": client}, config=load_config("orders", {})
        )
        assert orders.reserve(context, "o", [WantedLine(1, 1, None)]) is not None


@pytest.mark.parametrize(("threads", "places"), [("8", 4), ("1", 1)])
def test_settings_reach_the_calls(make_api: Callable[..., Api], threads: str, places: int) -> None:
    """Half of a process's threads may wait for one partner, but one must."""
    times = {"UPSTREAM_TIMEOUT_S": "3", "UPSTREAM_FIRST_BYTE_S": "0.3"}
    client = make_api("cart", APP_THREADS=threads, **times).context.partners["catalog"]
    assert (client._timeout_s, client._first_byte_timeout_s) == (3.0, 0.3)
    for _ in range(places):
        assert client._places.acquire(blocking=False)
    assert not client._places.acquire(blocking=False)
