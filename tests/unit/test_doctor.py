"""Which differences the doctor counts; what it finds in books: tests/system/test_doctor.py."""

import itertools

import pytest

from shop_common import clock, doctor
from shop_common.doctor import Finding


def test_only_what_stays_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes or goes meanwhile is work in progress."""
    goes, stays, comes = (Finding("held_differs", name, "1 too many") for name in "abc")
    now = Finding("held_differs", "b", "2 too many")
    looks = iter([[goes, stays], [stays, comes], [now, comes]])
    monkeypatch.setattr(doctor, "examine", lambda *_: next(looks))
    monkeypatch.setattr(doctor, "LOOK_AGAIN_S", 0)
    monkeypatch.setattr("time.monotonic", itertools.count().__next__)
    [found] = doctor.diagnose({}, clock.now, 30, 2.5)
    # In a shop that sells, its numbers are others at each look.
    assert (found.id, found.detail) == ("b", "2 too many")
