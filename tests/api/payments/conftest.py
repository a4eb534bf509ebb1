"""What tests of payments have besides: a bank that fails as told, and orders with its rules."""

from collections.abc import Callable
from typing import Any

import pytest
import responses

import apps.payments
from tests.api.harness import Api
from tests.api.payments.bank import Bank, Orders


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def orders_app(partners: responses.RequestsMock) -> Orders:
    return Orders(partners)


@pytest.fixture
def banked(
    make_api: Callable[..., Api], bank: Bank, orders_app: Orders, monkeypatch: pytest.MonkeyPatch
) -> Api:
    """The payments app with the bank as its provider and orders beside it."""
    monkeypatch.setattr(apps.payments, "make_provider", lambda *_: bank)
    return make_api("payments")


@pytest.fixture
def settle(turned_clock: Any) -> Callable[[Api], None]:
    """Let the background do all that it has to, as it does within a minute or so."""

    def run(api: Api) -> None:
        for _ in range(4):
            turned_clock.turn(seconds=31)
            api.context.partners["orders"].call("GET", "/orders/any", probe=True)
            api.run_jobs()

    return run
