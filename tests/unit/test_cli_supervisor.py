"""When the supervisor starts again what has died, and what it does to what does not stop."""

import os
import selectors
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shop_common.cli.check import Check
from shop_common.cli.processes import find_process
from shop_common.cli.programs import Program
from shop_common.cli.state import Shop, write_private
from shop_common.cli.supervisor import StartError, Supervisor


@pytest.fixture
def program() -> Iterator[Program]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Program("cart", lambda: None, listener, "/", signal.SIGTERM, signal.SIGKILL)


@pytest.fixture
def supervisor(tmp_path: Path, program: Program) -> Iterator[Supervisor]:
    supervisor = Supervisor(Shop(tmp_path, ready=True), [program], lambda _: None, 0)
    with supervisor.selector, supervisor.wake_up, supervisor._signalled:
        yield supervisor


def test_what_dies_again_and_again_is_started_ever_more_rarely(
    supervisor: Supervisor, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, then every 5 s at last; and at once again if it has lived as long meanwhile."""
    monkeypatch.setattr("time.monotonic", lambda: 100.0)

    def wait_s(lived_s: float) -> float:
        program.started_at = 100.0 - lived_s
        supervisor._bury(program, 1)
        assert program.start_at
        return round(program.start_at - 100.0, 1)

    assert [wait_s(1) for _ in range(8)] == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert [wait_s(1), wait_s(6), wait_s(1)] == [5.0, 0.0, 0.1]


@pytest.mark.parametrize(("said", "wait_s"), [(b"HTTP/1.1 503 ", 1.0), (b"", 0.05)])
def test_what_is_not_ready_is_asked_more_rarely_than_what_is_silent(
    supervisor: Supervisor,
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    said: bytes,
    wait_s: float,
) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    program.probe, theirs = socket.socketpair()
    supervisor.selector.register(program.probe, selectors.EVENT_READ)
    with theirs:
        theirs.sendall(said)
    program.read_probe(supervisor.selector)
    assert (program.is_ready, program.probe_at) == (False, 100.0 + wait_s)


def test_apps_that_cannot_start_at_the_same_time(supervisor: Supervisor, program: Program) -> None:
    """The first ends it all, with its reason; the others are no error of their own."""
    supervisor.shop.ready = False
    supervisor.programs.append(replace(program, name="orders"))
    for each in supervisor.programs:
        each.pid = os.spawnlp(os.P_NOWAIT, "false", "false")
        os.waitid(os.P_PID, each.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(StartError, match="could not start"):
        supervisor._reap()
    supervisor._stop(at_once=True)
    assert not any(each.pid for each in supervisor.programs)


def test_only_a_start_that_got_ready_is_remembered(
    supervisor: Supervisor, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it was broken off, the next one begins with what was good before."""
    shop = supervisor.shop
    shop.ready = False
    shop.run.mkdir()
    shop.logs.mkdir()
    write_private(shop.key_file, "the-key-before")
    monkeypatch.setenv("API_KEY", "another-key")
    supervisor._check_start()
    assert shop.key_file.read_text() == "the-key-before"
    program.is_ready = True
    supervisor._check_start()
    assert shop.key_file.read_text() == "another-key"


def test_what_cannot_be_remembered_is_no_start(supervisor: Supervisor, program: Program) -> None:
    """On a full disk, as a rule: the next one would open the shop to the built-in key."""
    supervisor.shop.ready = False
    program.is_ready = True
    with pytest.raises(StartError, match="run cannot be written"):
        supervisor._check_start()


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("old\nolder\n", "old\nolder\nnew\n", ":\n  new"),
        ("old\nolder\n", "new\n", ":\n  new"),
        ("old\n", "old\n", ""),
        (
            "",
            "".join(f"{number}\n" for number in range(9)),
            "".join(f"\n  {n}" for n in range(1, 9)),
        ),
    ],
)
def test_a_start_that_fails_shows_what_it_has_written(
    supervisor: Supervisor, program: Program, before: str, after: str, shown: str
) -> None:
    """The end of it, and nothing of earlier starts; a log may be cut meanwhile."""
    supervisor.shop.ready = False
    supervisor.shop.logs.mkdir()
    log = supervisor.shop.logs / "cart.log"
    log.write_text(before)
    supervisor._open_logs()
    log.write_text(after)
    with pytest.raises(StartError) as caught:
        supervisor._bury(program, 1)
    said = str(caught.value)
    assert said.endswith(shown)
    assert (said == "cart could not start (exit code 1)") == (not shown)
    assert "old" not in said


def test_a_second_ctrl_c_means_now(
    supervisor: Supervisor, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_sleep", lambda _: pytest.fail("it waits"))
    command = ["sh", "-c", "trap '' TERM; exec sleep 10"]
    with subprocess.Popen(command, start_new_session=True) as stuck:
        program.pid = stuck.pid
        for _ in range(2):
            supervisor._request_stop()
        supervisor._end_all([program], timeout_s=10)
        assert find_process(stuck.pid) is None


def test_nginx_stops_before_the_apps(
    supervisor: Supervisor, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no request meets an app that is going."""
    ended: list[list[str]] = []
    supervisor.programs.append(replace(program, name="nginx"))
    monkeypatch.setattr(
        supervisor, "_end_all", lambda programs, _: ended.append([p.name for p in programs])
    )
    supervisor._stop(at_once=False)
    assert ended == [["nginx"], ["cart"]]


def test_it_goes_on_when_it_cannot_write(supervisor: Supervisor) -> None:
    """Neither its log nor what it remembers: a folder is gone, or the disk is full."""
    supervisor.shop.logs = supervisor.shop.file = supervisor.shop.data_dir / "gone" / "file"
    supervisor.say("going on")
    supervisor._save()
    assert supervisor.save_at


def test_one_check_of_the_books_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes."""
    monkeypatch.setattr("shop_common.cli.check.fork", lambda *_: pytest.fail("a second one"))
    Check(Shop(tmp_path), 0.1, pid=1).begin_if_due()
