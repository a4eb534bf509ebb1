"""The outbox by itself: what is sent when, by whom, and in which order."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import requests
import responses

from shop_common import log
from shop_common.db import ConflictRetryError, Row, Transaction
from shop_common.errors import BusyError
from shop_common.outbox import LEASE_S, Message, Outbox
from tests.api.harness import Api, Clock

Answer = tuple[int, dict[str, str], str]


class Partner:
    """Notes what it is told; `answer` says what it answers to the message of that name."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.answer: Callable[[str], int] = lambda _: 200
        self.body = '{"detail": "said", "status": "TOLD"}'

    def hear(self, request: requests.PreparedRequest) -> Answer:
        name = str(request.url).rpartition("/")[2]
        self.heard.append(name)
        status = self.answer(name)
        if status == 0:
            raise requests.ConnectionError("away")
        return status, {}, self.body


@pytest.fixture
def outbox(payments: Api) -> Outbox:
    return payments.context.outbox


@pytest.fixture
def partner(partners: responses.RequestsMock) -> Partner:
    partner = Partner()
    url = re.compile("http://localhost:8003/said/")
    partners.add_callback(responses.POST, url, partner.hear, content_type="application/json")
    return partner


def add(outbox: Outbox, name: str, aggregate: str, *, by_relay: bool = False) -> Row:
    message = Message("said", aggregate, "orders", f"/said/{name}", {"name": name})
    return outbox.database.write(lambda tx: outbox.add(tx, message, by_relay=by_relay))


def test_messages_of_one_aggregate_keep_their_order(
    outbox: Outbox, partner: Partner, turned_clock: Clock
) -> None:
    """What could not be sent holds back what was said later, of the same aggregate only."""
    partner.answer = lambda name: 404 if name == "a1" else 200
    outbox.deliver(add(outbox, "a1", "a"))
    later = add(outbox, "a2", "a")
    assert later["lease"] is None
    assert outbox.deliver(later) is None
    add(outbox, "b1", "b", by_relay=True)
    assert outbox.hurry(later["id"]) is None
    assert outbox.relay() == 1
    assert partner.heard == ["a1", "b1"]

    partner.answer = lambda _: 200
    turned_clock.turn(seconds=6)
    assert outbox.relay() == 1
    assert partner.heard == ["a1", "b1", "a1"]
    assert outbox.relay() == 1
    assert outbox.relay() == 0
    assert partner.heard == ["a1", "b1", "a1", "a2"]


@pytest.mark.parametrize("batch", [2, 1000])
def test_what_was_delivered_a_week_ago_is_removed_however_much_it_is(
    outbox: Outbox, partner: Partner, payments: Api, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """And nothing else: neither what is younger nor what is still to be delivered."""
    monkeypatch.setattr("shop_common.outbox.PRUNED_AT_ONCE", batch)
    partner.answer = lambda name: 404 if name == "open" else 200
    for name in ("open", "old1", "old2", "old3", "old4", "old5"):
        outbox.deliver(add(outbox, name, name))
    payments.clock.turn(days=6)
    outbox.deliver(add(outbox, "young", "young"))
    payments.run_jobs()
    assert len(left(outbox)) == 7
    payments.clock.turn(days=2)
    payments.run_jobs()
    assert left(outbox) == ["open", "young"]


def test_who_removes_them_at_the_same_time_as_another_goes_on(
    outbox: Outbox, partner: Partner, payments: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that delete the same rows can lock each other out, and the engine ends one of them."""
    delete, calls = Transaction.delete_before, []

    def collide(tx: Transaction, *args: Any) -> int:
        calls.append(args[0])
        if len(calls) == 1:
            raise ConflictRetryError
        return delete(tx, *args)

    outbox.deliver(add(outbox, "old", "old"))
    payments.clock.turn(days=8)
    monkeypatch.setattr(Transaction, "delete_before", collide)
    payments.run_jobs()
    assert left(outbox) == []
    assert partner.heard == ["old"]
    assert calls[-1] == "idempotency", "what comes behind it is pruned too"


def left(outbox: Outbox) -> list[str]:
    with outbox.database.read() as tx:
        return [row["aggregate"] for row in tx.all("SELECT aggregate FROM outbox ORDER BY id")]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((200, body) for body in ("", "{}", "null", "[]", '"fine"', '[{"status": "PAID"}]')),
        (202, '{"status": "PAID"}'),
        (204, ""),
    ],
)
def test_a_success_that_says_something_else_delivers_nothing(
    outbox: Outbox, partner: Partner, turned_clock: Clock, status: int, body: str
) -> None:
    """Whatever else listens at that address: a message that it took would be lost."""
    told, partner.body = partner.body, body
    partner.answer = lambda _: status
    assert outbox.deliver(add(outbox, "a1", "a")) is None
    turned_clock.turn(seconds=6)
    assert outbox.relay() == 0
    partner.body, partner.answer = told, lambda _: 200
    turned_clock.turn(seconds=6)
    assert outbox.relay() == 1


def test_what_failed_is_tried_again_soon_and_then_more_rarely(
    outbox: Outbox, partner: Partner, turned_clock: Clock
) -> None:
    """After half of the longest wait at the earliest, so that not all come at one moment."""
    partner.answer = lambda _: 404
    outbox.deliver(add(outbox, "a1", "a"))
    for number, longest_s in enumerate((0.5, 1, 2, 4, 5, 5), 1):
        turned_clock.turn(seconds=longest_s / 2 - 0.01)
        outbox.relay()
        assert len(partner.heard) == number
        turned_clock.turn(seconds=longest_s / 2 + 0.01)
        outbox.relay()
        assert len(partner.heard) == number + 1


@pytest.mark.parametrize("refusal", [409, 422])
def test_a_parked_message_holds_back_those_behind_it(
    outbox: Outbox, partner: Partner, turned_clock: Clock, payments: Api, refusal: int
) -> None:
    """Until a person says that it is to be tried again, which counts from the beginning."""
    partner.answer = lambda name: refusal if name == "a1" else 200
    first = add(outbox, "a1", "a", by_relay=True)
    add(outbox, "a2", "a", by_relay=True)
    for _ in range(8):
        outbox.relay()
        turned_clock.turn(seconds=6)
    assert partner.heard == ["a1"] * 5
    assert payments.get("/admin/status").json["outbox"]["parked"] == 1
    assert 'outbox_sent_total{outcome="parked",topic="said"}' in payments.get("/metrics").text
    assert outbox.hurry(first["id"]) is None

    key = {"Idempotency-Key": "k1"}
    for replayed in (None, "true"):
        response = payments.post(f"/admin/outbox/{first['id']}/retry", headers=key)
        assert response.json == {"id": first["id"], "status": "due"}
        assert response.headers.get("Idempotent-Replayed") == replayed
    outbox.relay()
    partner.answer = lambda _: 200
    turned_clock.turn(seconds=6)
    outbox.relay()
    outbox.relay()
    assert partner.heard[5:] == ["a1", "a1", "a2"]


def test_what_is_parked_takes_no_place_among_what_is_sent(
    outbox: Outbox, partner: Partner, turned_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner.answer = lambda name: 422 if name == "a1" else 200
    add(outbox, "a1", "a", by_relay=True)
    for _ in range(5):
        outbox.relay()
        turned_clock.turn(seconds=6)
    add(outbox, "b1", "b", by_relay=True)
    monkeypatch.setattr("shop_common.outbox.RELAYED_AT_ONCE", 1)
    outbox.relay()
    assert partner.heard[5:] == ["b1"]


def test_what_is_open_is_listed_in_pages(outbox: Outbox, payments: Api) -> None:
    ids = [add(outbox, name, name, by_relay=True)["id"] for name in "abc"]
    page = payments.get("/admin/outbox?limit=2")
    assert [row["id"] for row in page.json] == [ids[2], ids[1]]
    assert page.headers["Link"] == f'<?limit=2&after={ids[1]}>; rel="next"'
    rest = payments.get(f"/admin/outbox?limit=2&after={ids[1]}")
    assert [row["id"] for row in rest.json] == [ids[0]]


def test_what_one_is_sending_nobody_else_sends(outbox: Outbox, partner: Partner) -> None:
    """Neither another relay nor somebody in a hurry, while the lease lasts."""
    row = add(outbox, "a1", "a")
    meanwhile: list[object] = []

    def others_try(_: str) -> int:
        meanwhile.extend([outbox.relay(), outbox.hurry(row["id"])])
        return 200

    partner.answer = others_try
    outbox.deliver(row)
    assert (partner.heard, meanwhile) == (["a1"], [0, None])


def test_what_its_writer_did_not_send_is_taken_over(
    outbox: Outbox, partner: Partner, turned_clock: Clock
) -> None:
    """The writer may have died after its commit; it has as long as its lease lasts."""
    row = add(outbox, "a1", "a")
    turned_clock.turn(seconds=LEASE_S - 1)
    assert outbox.relay() == 0
    turned_clock.turn(seconds=2)
    assert outbox.relay() == 1
    assert partner.heard == ["a1"]
    # If it was but slow, the second message is the receiver's to recognize; the row stays closed.
    outbox.deliver(row)
    turned_clock.turn(seconds=LEASE_S)
    assert outbox.relay() == 0
    assert outbox.hurry(row["id"]) is None
    assert partner.heard == ["a1", "a1"]


def test_a_message_has_the_id_of_the_request_that_wrote_it(
    outbox: Outbox, partner: Partner
) -> None:
    """Whoever sends it, and goes on with what is his own."""
    ids: list[str] = []
    partner.answer = lambda _: ids.append(log.request_id.get()) or 200
    token = log.request_id.set("of-the-writer")
    add(outbox, "a1", "a", by_relay=True)
    log.request_id.reset(token)
    before = log.request_id.get()
    outbox.relay()
    assert ids == ["of-the-writer"]
    assert log.request_id.get() == before


def test_a_lease_from_before_the_clock_stepped_back_has_expired(
    outbox: Outbox, partner: Partner, turned_clock: Clock
) -> None:
    """Else the message would wait for as long as the clock was wrong, which may be years."""
    turned_clock.turn(days=400)
    add(outbox, "a1", "a")
    turned_clock.turn(days=-400)
    assert outbox.relay() == 1
    assert partner.heard == ["a1"]


def test_who_has_lost_the_lease_frees_nothing(
    outbox: Outbox, partner: Partner, turned_clock: Clock
) -> None:
    """The slow writer's fault says nothing of who is sending the message now."""
    row = add(outbox, "a1", "a")
    turned_clock.turn(seconds=LEASE_S + 1)

    def wake_the_writer(_: str) -> int:
        partner.answer = lambda _: 500
        outbox.deliver(row)
        outbox.hurry(row["id"])
        return 200

    partner.answer = wake_the_writer
    assert outbox.relay() == 1
    assert partner.heard == ["a1", "a1"]


def test_a_silent_partner_holds_back_nobody_elses_messages(
    orders: Api, partners: responses.RequestsMock, turned_clock: Clock
) -> None:
    """However many wait for it: one of them asks in a run, and on the next day all are sent."""
    heard = {"catalog": Partner(), "payments": Partner()}
    heard["catalog"].answer = lambda _: 0
    for port, name in ((8002, "catalog"), (8004, "payments")):
        url = re.compile(f"http://localhost:{port}/said/")
        partners.add_callback(responses.POST, url, heard[name].hear)
    outbox = orders.context.outbox
    messages = [
        Message("said", f"c{number}", "catalog", f"/said/c{number}", {}) for number in range(120)
    ]
    for message in [*messages, Message("said", "p", "payments", "/said/p", {})]:
        outbox.database.write(partial(outbox.add, message=message, by_relay=True))
    assert outbox.relay() == 1
    assert heard["payments"].heard == ["p"]
    assert set(heard["catalog"].heard) == {"c0"}

    heard["catalog"].answer = lambda _: 200
    turned_clock.turn(days=1)
    assert [outbox.relay() for _ in range(4)] == [50, 50, 20, 0]


def test_a_message_whose_end_cannot_be_written_down_is_left_to_the_relay(
    outbox: Outbox, partner: Partner, turned_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it tells of is done: whoever did it hears of no error."""
    row = add(outbox, "a1", "a")

    def busy(_: object, **__: bool) -> None:
        raise BusyError("The database is busy.")

    with monkeypatch.context() as patched:
        patched.setattr(outbox.database, "write", busy)
        assert outbox.deliver(row) is None
    turned_clock.turn(seconds=LEASE_S + 1)
    assert outbox.relay() == 1
    assert partner.heard == ["a1", "a1"]


def test_only_what_becomes_of_a_message_may_be_lost_with_the_power(
    outbox: Outbox, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the message itself, and not what a refusal of it sets off."""
    said: list[bool] = []
    write = outbox.database.write

    def heard(work: Any, **how: bool) -> Any:
        said.append(how.get("durable", True))
        return write(work, **how)

    monkeypatch.setattr(outbox.database, "write", heard)
    outbox = replace(outbox, on_refusal={"said": lambda *_: None})
    row = add(outbox, "a1", "a")
    partner.answer = lambda _: 503
    outbox.deliver(row)  # put off
    partner.answer = lambda _: 200
    outbox.hurry(row["id"])  # leased, closed
    assert said == [True, False, False, False]

    partner.answer = lambda _: 409
    outbox.deliver(add(outbox, "a2", "a"))
    assert said[4:] == [True, True]


def test_what_a_refusal_sets_off_it_sets_off_once(outbox: Outbox, partner: Partner) -> None:
    """Though a slow writer hears it too, after the one who took the message over."""
    refused: list[str] = []
    outbox = replace(
        outbox, on_refusal={"said": lambda _tx, row, _answer: refused.append(row["aggregate"])}
    )
    partner.answer = lambda _: 409
    row = add(outbox, "a1", "a")
    outbox.deliver(row)
    outbox.deliver(row)
    assert (partner.heard, refused) == (["a1", "a1"], ["a"])


@pytest.mark.parametrize("status", [0, 401, 403, 404, 405, 415, 500, 503])
def test_only_an_answered_refusal_counts_towards_parking(
    outbox: Outbox, partner: Partner, turned_clock: Clock, payments: Api, status: int
) -> None:
    partner.answer = lambda _: status
    add(outbox, "a1", "a", by_relay=True)
    for _ in range(12):
        outbox.relay()
        turned_clock.turn(seconds=6)
    [row] = payments.get("/admin/outbox").json
    assert row["attempts"] == 13, "they are never further apart"
    depth = payments.get("/admin/status").json["outbox"]
    assert depth.pop("oldest_age_s") >= 12 * 6
    assert depth == {"open": 1, "parked": 0}
