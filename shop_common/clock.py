"""The time, and how it is written down; passed in where a test must turn it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time in UTC, aware."""
    return datetime.now(UTC)


def to_iso(moment: datetime) -> str:
    """`2026-11-23T07:40:00.123456Z`: always this width, so that text sorts as time does."""
    # Three times as fast as strftime, and every request writes some.
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def from_iso(text: str) -> datetime:
    """What `to_iso` wrote, aware."""
    return datetime.fromisoformat(text)


def too_far_ahead(now: datetime, lease_s: float) -> str:
    """No lease of so long ends later: a stamp that does is from before the clock stepped back."""
    return to_iso(now + timedelta(seconds=2 * lease_s))
