"""Facts about processes: never mistaken for another, found by session, by port."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from shop_common.cli.nginx import pattern_of
from shop_common.cli.processes import (
    Process,
    find_listener,
    find_process,
    is_alive,
    kill_and_wait,
    left_over,
)


def test_a_process_is_known_by_its_start() -> None:
    """The same number with another start is another process, which is left alone."""
    with subprocess.Popen(["sleep", "10"], start_new_session=True, stderr=subprocess.DEVNULL) as it:
        found, me = find_process(it.pid), find_process(os.getpid())
        assert found
        assert me
        boot, _, start = found.started.partition("/")
        assert me.started.startswith(f"{boot}/")
        assert me.started != found.started
        assert left_over([found], Path("/nowhere")) == [found]
        for another in (Process(it.pid, f"another-boot/{start}"), Process(it.pid, me.started)):
            assert not is_alive(another)
            assert left_over([another], Path("/nowhere")) == []
            kill_and_wait([another])
        assert is_alive(found)
        kill_and_wait([found])


def test_who_has_lost_its_parent_already_ends_at_once() -> None:
    """The signal for that would never come."""
    code = "from shop_common.cli.processes import die_with_parent; die_with_parent({})"
    for parent, status in ((os.getpid(), 0), (1, 1)):
        command = [sys.executable, "-c", code.format(parent)]
        assert subprocess.run(command, check=False).returncode == status


def test_one_that_has_ended_is_gone_before_it_is_waited_for() -> None:
    """A zombie is not alive."""
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert find_process(child.pid) is None


def test_left_over_are_the_sessions_processes_with_our_logs(tmp_path: Path) -> None:
    """Of two in the session of a leader that has gone, only ours is found and ended."""
    logs = tmp_path / "logs"
    logs.mkdir()
    script = (
        "import subprocess, sys;"
        "ours = subprocess.Popen(['sleep', '60'], stderr=open(sys.argv[1] + '/x.log', 'w'));"
        "other = subprocess.Popen(['sleep', '60'], stderr=open(sys.argv[1] + '-old', 'w'));"
        "print(ours.pid, other.pid)"
    )
    leader = subprocess.Popen(
        [sys.executable, "-c", script, str(logs)],
        start_new_session=True, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert leader.stdout
    ours, other = (find_process(int(pid)) for pid in leader.stdout.readline().split())
    leader.stdout.close()
    leader.wait(5)
    recorded = [Process(leader.pid, "this-boot/1")]
    assert ours
    assert left_over(recorded, logs) == [ours]
    kill_and_wait([ours])
    assert left_over(recorded, logs) == []
    assert other
    assert is_alive(other)
    kill_and_wait([other])


def test_who_has_a_port() -> None:
    """This process, by number and name; nobody on one that is free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert find_listener(port).startswith(f"process {os.getpid()} (")
    assert find_listener(port) == ""


@pytest.mark.parametrize("key", ["secret-key-123", 'a"b$c\\d;e{f}g', "(.*)+", "^$|#'`"])
def test_a_key_is_a_pattern_of_itself_only(key: str) -> None:
    """No character that means anything to Nginx is left in it."""
    pattern = pattern_of(key)
    assert re.fullmatch(r"(?:[A-Za-z0-9]|\\x[0-9a-f]{2})+", pattern)
    assert re.fullmatch(pattern, key)
    assert not re.fullmatch(pattern, key.swapcase()) or key == key.swapcase()
