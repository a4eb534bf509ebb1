"""Which differences the doctor counts; what it finds in books: tests/system/test_doctor.py."""

import itertools

import pytest

from shop_common import clock, doctor
from shop_common.doctor import Finding


def test_only_what_stays_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes or goes meanwhile is work in progress."""
    goes, stays, comes = (Finding("orphan_hold", name, "held") for name in "abc")
    looks = iter([[goes, stays], [stays, comes], [stays, comes]])
    monkeypatch.setattr(doctor, "examine", lambda *_: next(looks))
    monkeypatch.setattr(doctor, "LOOK_AGAIN_S", 0)
    monkeypatch.setattr("time.monotonic", itertools.count().__next__)
    assert doctor.diagnose({}, clock.now, 30, 2.5) == [stays]
