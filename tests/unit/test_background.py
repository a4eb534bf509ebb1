"""The jobs of a worker."""

import threading

import pytest

from shop_common.background import Background, Job
from shop_common.errors import BusyError


@pytest.mark.parametrize(
    ("error", "level"), [(BusyError("The disk is full."), "WARNING"), (LookupError(), "ERROR")]
)
def test_a_job_that_fails_ends_no_other(
    error: Exception, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise error

    Job("sweep", 1.0, fail).take_turn()
    assert [record.levelname for record in caplog.records] == [level]


def test_jobs_run_until_they_are_stopped() -> None:
    twice = threading.Semaphore(0)
    background = Background([Job("sweep", 0.001, twice.release)])
    background.start()
    assert twice.acquire(timeout=10)
    assert twice.acquire(timeout=10)
    background.stop()
    assert "background" not in {thread.name for thread in threading.enumerate()}
