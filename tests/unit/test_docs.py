"""The figures in the docs are those that the program works with."""

from pathlib import Path

import pytest

from apps.cart import listing
from apps.cart.clients import CHECK_TIMEOUT_S
from apps.catalog.views import MAX_FILE_BYTES
from shop_common import idempotency, outbox
from shop_common.app import MAX_BODY_BYTES
from shop_common.cli.doctor import PATIENCE_S
from shop_common.cli.logs import NAMES
from shop_common.config import DEFAULT_WORKERS, load_config
from shop_common.db import LOCK_WAIT_S, SHORT_FOR_S

ROOT = Path(__file__).parents[2]
DEFAULTS = load_config("cart", {})
WORKERS, THREADS = sum(DEFAULT_WORKERS.values()), DEFAULTS.threads
WORDS = {0.5: "twice", 1.0: "a second", 5: "five", 50: "fifty", 48: "two days"}

SENTENCES = [
    ("README.md", f"the four apps, {', '.join(NAMES[4:-1])} and {NAMES[-1]};"),
    ("docs/api.md", f"for {WORDS[idempotency.KEPT_HOURS]}: a try that failed"),
    (
        "docs/api.md",
        f"(more than {MAX_BODY_BYTES >> 20} MiB, an import {MAX_FILE_BYTES >> 20} MiB)",
    ),
    ("docs/api.md", f"heard of the catalogue in the last {listing.MAX_AGE_S:g} s"),
    ("docs/architecture.md", f"cannot be had within {LOCK_WAIT_S:g} s is 503"),
    ("docs/architecture.md", f"wait only a moment, for {WORDS[SHORT_FOR_S]}"),
    ("docs/architecture.md", f"headers and body ({DEFAULTS.upstream_timeout_s:g} s)"),
    ("docs/architecture.md", f"much sooner ({DEFAULTS.first_byte_timeout_s:g} s)"),
    ("docs/architecture.md", f"waits {LOCK_WAIT_S:g} s longer"),
    ("docs/architecture.md", f"{WORDS[listing.REFRESH_EVERY_S]} a second) and relies on it"),
    ("docs/architecture.md", f"relies on it for {listing.MAX_AGE_S:g} s"),
    ("docs/architecture.md", f"holds a lease on the key for {idempotency.LEASE_S:g} s"),
    ("docs/architecture.md", f"leased to its sender for {outbox.LEASE_S:g} s"),
    ("docs/architecture.md", f"at most {outbox.RETRY_MAX_S:g} s apart"),
    ("docs/architecture.md", f"{WORDS[outbox.REFUSALS_BEFORE_PARKING]} the message is parked"),
    ("docs/architecture.md", f"{WORDS[outbox.RELAYED_AT_ONCE]} messages a run at most"),
    ("docs/configuration.md", f"a write for the database's lock | {LOCK_WAIT_S:g} s, then 503"),
    ("docs/configuration.md", f"before money moves | {LOCK_WAIT_S:g} s longer"),
    ("docs/configuration.md", f"the check of unverified lines | {CHECK_TIMEOUT_S:g} s |"),
    ("docs/configuration.md", f"at most 0.5 s, doubling up to {outbox.RETRY_MAX_S:g} s"),
    ("docs/configuration.md", f"that were delivered | {outbox.KEPT_DAYS} days"),
    ("docs/configuration.md", f"`Idempotency-Key` | {idempotency.KEPT_HOURS // 24} days"),
    ("docs/configuration.md", f"at most {WORKERS} worker processes"),
    ("docs/configuration.md", f"x ({THREADS} threads + 1), which is {WORKERS * (THREADS + 1)};"),
    ("docs/operations.md", f"after {PATIENCE_S:g} s (`--patience`)"),
]


@pytest.mark.parametrize(("document", "sentence"), SENTENCES)
def test_a_figure_is_that_of_the_program(document: str, sentence: str) -> None:
    assert sentence in " ".join((ROOT / document).read_text("utf-8").split())
