"""Ids of version 7: valid, in the order of time, and never the same twice."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from shop_common.ids import new_id

NOW = datetime(2026, 11, 23, 7, 40, 0, 123456, tzinfo=UTC)


def test_an_id_is_a_uuid_of_version_7() -> None:
    """Its first 48 bits are the milliseconds since 1970."""
    parsed = UUID(new_id(NOW))
    assert (parsed.version, parsed.variant) == (7, RFC_4122)
    assert parsed.int >> 80 == int(NOW.timestamp() * 1000)


def test_ids_sort_as_they_were_made() -> None:
    """A later millisecond never stands before an earlier one."""
    made = [new_id(NOW + timedelta(milliseconds=number)) for number in range(1000)]
    assert made == sorted(made)


def test_ids_of_one_moment_differ() -> None:
    """74 random bits tell them apart, at their end too, which the dashboard shows."""
    made = [new_id(NOW) for _ in range(1000)]
    assert len(set(made)) == 1000
    assert len({one[-8:] for one in made}) > 990
