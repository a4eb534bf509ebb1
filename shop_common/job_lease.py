"""A lease on a job, so that one worker of an app at a time runs it; it runs out with its holder."""

import functools
import os
import uuid
from datetime import timedelta

from shop_common.clock import Clock, to_iso, too_far_ahead
from shop_common.db import Database


@functools.cache
def _holder(process_id: int) -> str:
    """This process's name in the table; another one after a fork."""
    return f"{uuid.uuid4().hex}/{process_id}"


def hold(database: Database, name: str, time_source: Clock, seconds: float) -> bool:
    """Take or renew the lease for so long; False while another process has it."""
    now = time_source()
    values = (_holder(os.getpid()), to_iso(now + timedelta(seconds=seconds)), to_iso(now))
    return database.write(
        lambda tx: tx.any(
            "INSERT INTO job_leases (name, token, leased_until, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET token = excluded.token,"
            " leased_until = excluded.leased_until, updated_at = excluded.updated_at"
            " WHERE job_leases.token = excluded.token OR job_leases.leased_until <= ?"
            " OR job_leases.leased_until > ? RETURNING name",
            (name, *values, to_iso(now), to_iso(now), too_far_ahead(now, seconds)),
        )
    )
