"""Fail-open: a named policy, logged and counted, for one family of errors."""

import json

import pytest
from prometheus_client import REGISTRY

from shop_common.errors import BusyError, PartnerError
from shop_common.exchange import BadAnswerError, PartnerBusyError, PartnerSilentError
from shop_common.http_client import FAIL_OPEN_POLICIES, BreakerOpenError, NoPlaceError, fail_open
from shop_common.log import JsonFormatter, request_id


def fail_open_counted(policy: str) -> float:
    return REGISTRY.get_sample_value("fail_open_total", {"policy": policy}) or 0.0


@pytest.fixture
def policies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policies that a test declares are forgotten after it."""
    monkeypatch.setattr("shop_common.http_client.FAIL_OPEN_POLICIES", {})


@pytest.mark.usefixtures("policies")
@pytest.mark.parametrize(
    "error", [PartnerSilentError, BadAnswerError, BreakerOpenError, PartnerBusyError]
)
def test_fail_open_lets_through_logs_and_counts(
    error: type[PartnerError], caplog: pytest.LogCaptureFixture
):
    @fail_open("is_sold")
    def is_sold(product_id: int) -> bool:
        raise error("catalog", "cannot be reached")

    before = fail_open_counted("is_sold")
    token = request_id.set("req-7")
    try:
        assert is_sold(1) is None
        line = json.loads(JsonFormatter("cart").format(caplog.records[0]))
    finally:
        request_id.reset(token)
    assert fail_open_counted("is_sold") == before + 1
    assert line["level"] == "WARNING"
    assert line["message"] == "fail-open: catalog cannot be reached"
    assert line["policy"] == "is_sold"
    assert line["partner"] == "catalog"
    assert line["error"] == error.__name__
    assert line["request_id"] == "req-7"


@pytest.mark.usefixtures("policies")
@pytest.mark.parametrize("error", [NoPlaceError("catalog"), BusyError("busy"), ValueError("bug")])
def test_fail_open_lets_nothing_else_through(error: Exception):
    @fail_open("is_sold")
    def is_sold() -> bool:
        raise error

    before = fail_open_counted("is_sold")
    with pytest.raises(type(error)):
        is_sold()
    assert fail_open_counted("is_sold") == before


@pytest.mark.usefixtures("policies")
def test_a_policy_may_name_what_else_it_lets_through():
    @fail_open("is_sold", also=(NoPlaceError,))
    def is_sold() -> bool:
        raise NoPlaceError("catalog")

    before = fail_open_counted("is_sold")
    assert is_sold() is None
    assert fail_open_counted("is_sold") == before + 1


@pytest.mark.usefixtures("policies")
def test_a_usable_answer_passes_through_unchanged():
    @fail_open("is_sold")
    def is_sold(product_id: int) -> bool:
        """Whether it is sold."""
        return product_id == 1

    assert [is_sold(1), is_sold(2)] == [True, False]
    assert is_sold.__doc__ == "Whether it is sold."


def test_policies_are_listed_and_a_name_is_declared_once(monkeypatch: pytest.MonkeyPatch):
    declared: dict[str, str] = {}
    monkeypatch.setattr("shop_common.http_client.FAIL_OPEN_POLICIES", declared)

    def first() -> None: ...
    def second() -> None: ...

    fail_open("one")(first)
    fail_open("one")(first)
    assert list(declared) == ["one"]
    assert declared["one"].startswith(__name__)
    with pytest.raises(ValueError, match="declared twice"):
        fail_open("one")(second)
    assert "one" not in FAIL_OPEN_POLICIES
