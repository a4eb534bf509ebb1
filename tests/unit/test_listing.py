"""What the cart knows of the catalogue without asking."""

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from apps.cart.clients import list_changes, validate_product
from apps.cart.listing import MAX_AGE_S, MAX_LISTED_ID, Listing
from shop_common.breaker import Breaker
from shop_common.context import Context
from shop_common.exchange import Answer, BadAnswerError, PartnerSilentError
from shop_common.http_client import HttpClient
from tests.network import mock_network

EVERYTHING = re.compile(r"http://localhost:8002/.*")


class Catalogue:
    """Answers `GET /changes` with what it was given, once each."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.partners = {"catalog": self}

    def call(self, _method: str, _path: str, *, params: dict[str, str]) -> Answer:
        self.asked.append(params["after"])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = answer()
        return Answer("catalog", 200, answer)


def changes(sold: Any = (), gone: Any = (), cursor: str = "c", **flags: bool) -> dict[str, Any]:
    flags = {"is_continued": True, "is_complete": True} | flags
    return {"sold": sold, "gone": gone, "next": cursor, **flags}


class Now:
    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def now() -> Now:
    return Now()


def refresh(listing: Listing, *answers: Any) -> Catalogue:
    catalogue = Catalogue(*answers)
    listing.refresh(cast("Context", catalogue))
    assert catalogue.answers == []
    return catalogue


def sold(listing: Listing, among: range = range(-9, 100)) -> list[int]:
    return [number for number in among if listing.sells(number)]


def test_it_knows_nothing_at_first(now: Now) -> None:
    assert sold(Listing(now)) == []


def test_it_follows_the_changes(now: Now) -> None:
    """Page by page, and from where it stopped."""
    listing = Listing(now)
    catalogue = refresh(
        listing,
        changes([[1, 3], [8, 9]], cursor="a", is_continued=False, is_complete=False),
        changes([[20, 20]], [[2, 2]], cursor="b"),
    )
    assert catalogue.asked == ["", "a"]
    assert sold(listing) == [1, 3, 8, 9, 20]
    assert refresh(listing, changes([[2, 2]], [[20, 20]])).asked == ["b"]
    assert sold(listing) == [1, 2, 3, 8, 9]


def test_it_forgets_another_catalogue(now: Now) -> None:
    listing = Listing(now)
    refresh(listing, changes([[1, 50]]))
    refresh(listing, changes([[7, 7]], is_continued=False))
    assert sold(listing) == [7]


def test_what_is_old_is_not_relied_on(now: Now) -> None:
    """Its age counts from when the question was asked."""

    def answer_slowly() -> dict[str, Any]:
        now.s += 1
        return changes([[1, 1]])

    listing = Listing(now)
    refresh(listing, answer_slowly)
    now.s += MAX_AGE_S - 1
    assert listing.sells(1)
    now.s += 0.01
    assert not listing.sells(1)
    refresh(listing, changes())
    assert listing.sells(1)


def test_a_silent_catalogue_makes_it_unreliable_at_once(
    now: Now, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so once, and goes on from where it was when the catalogue is back."""
    listing = Listing(now)
    refresh(listing, changes([[1, 1]], cursor="a"))
    for _ in range(2):
        refresh(listing, PartnerSilentError("catalog", "did not answer in time"))
        assert not listing.sells(1)
    assert [record.getMessage() for record in caplog.records] == [
        "every add asks the catalogue: catalog did not answer in time"
    ]
    assert refresh(listing, changes()).asked == ["a"]
    assert listing.sells(1)


def test_no_add_finds_out_whether_a_silent_catalogue_is_back(now: Now) -> None:
    """Once it is known as silent only the refresh asks it, which nobody waits for."""
    client = HttpClient("catalog", "http://localhost:8002", "key", breaker=Breaker(clock=now))
    context = cast("Context", SimpleNamespace(partners={"catalog": client}))
    listing = Listing(now)
    with mock_network() as catalogue:
        silence = catalogue.get(EVERYTHING, body=TimeoutError("silent"))
        for _ in range(2):
            assert validate_product(context, 1) is None
        rounds_with_a_question = 0
        for _ in range(10):
            now.s += 0.9
            asked = silence.call_count
            assert validate_product(context, 1) is None
            assert silence.call_count == asked
            listing.refresh(context)
            rounds_with_a_question += silence.call_count > asked
        assert rounds_with_a_question == 3, "the breaker lets one through after two seconds"
        catalogue.remove(silence)
        catalogue.get(EVERYTHING, json=changes())
        now.s += 10
        listing.refresh(context)
        assert client.status()["state"] == "closed"


def test_huge_ids_cost_no_memory(now: Now) -> None:
    listing = Listing(now)
    refresh(listing, changes([[1, 1], [MAX_LISTED_ID - 1, 2**31 - 1]]))
    assert listing.sells(MAX_LISTED_ID)
    assert not listing.sells(MAX_LISTED_ID + 1)
    assert not listing.sells(2**60)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        changes() | {"sold": [[1]]},
        changes() | {"gone": "x"},
        changes() | {"sold": None},
        changes(cursor="where it was", is_complete=False),
    ],
)
def test_nonsense_is_no_answer(body: Any) -> None:
    with pytest.raises(BadAnswerError):
        list_changes(cast("Context", Catalogue(body)), "where it was")
