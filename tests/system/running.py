"""A shop of real processes on free ports, as the tests see it; how it is checked is elsewhere."""

import contextlib
import fcntl
import functools
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from shop_common.config import APPS, DEFAULT_WORKERS

CHECKOUT = Path(__file__).resolve().parents[2]
KEY = "secret-key-123"


PORTS_EACH = 500
# What was given out last and may not be in use yet.
_given: deque[int] = deque(maxlen=10)


def free_ports() -> tuple[int, int]:
    """A port for Nginx and the first of four in a row for the apps, free at this moment.

    Drawn at random from a range that is this process's alone: a port is not taken at once, and
    other processes run tests at the same time.
    """
    first = _own_range()
    while True:
        base = random.randrange(first, first + PORTS_EACH - 5)
        is_given = any(abs(base - other) < 5 for other in _given)
        if not is_given and all(_is_free(port) for port in range(base, base + 5)):
            _given.append(base)
            return base + 4, base


@functools.cache
def _own_range() -> int:
    """The first of PORTS_EACH ports below those that the kernel gives to clients.

    They are held by a locked file, of which nobody lets go before this process ends.
    """
    for first in range(20000, 32000, PORTS_EACH):
        name = Path(tempfile.gettempdir()) / f"cornershop-test-ports-{first}"
        with contextlib.suppress(PermissionError):  # another user's
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # another process's
                os.close(descriptor)
            else:
                return first
    raise AssertionError("too many processes run tests")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_for(condition: Callable[[], Any], timeout_s: float = 60.0, every_s: float = 0.03) -> float:
    """Seconds until the condition held; how busy the machine is must not decide whether it does."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout_s, f"not within {timeout_s} s"
        time.sleep(every_s)
    return time.monotonic() - began


class RunningShop:
    """The `shop` command for one data folder, and HTTP to what it started."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.port, self.port_base = free_ports()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = environment.get("API_KEY", KEY)
        # Nothing of the machine's own settings, and no proxy, may reach the shop.
        kept = ("PATH", "HOME", "LANG", "TMPDIR")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.environment |= {"PYTHONPATH": str(CHECKOUT), **environment}
        self.session = requests.Session()
        self.session.trust_env = False

    def command(self, name: str, *arguments: str) -> list[str]:
        data_dir = ("--data-dir", str(self.data_dir))
        return [sys.executable, "-m", "shop_common.cli", name, *data_dir, *arguments]

    def run(
        self,
        name: str,
        *arguments: str,
        timeout_s: float | None = 120,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a subcommand to its end; only `up` is told where the databases are."""
        environment = {
            setting: value
            for setting, value in self.environment.items()
            if name == "up" or not setting.endswith("_DATABASE_URL")
        }
        return subprocess.run(
            self.command(name, *arguments),
            env=environment | (env or {}),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    @property
    def ports(self) -> tuple[str, ...]:
        return ("--port", str(self.port), "--port-base", str(self.port_base))

    def up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = self.run("up", *self.ports, "--detach", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        # Ready is a shop whose every app answers, be it by the first of its workers; a test that
        # stops or kills them wants to know them all.
        wait_for(lambda: all(len(self.pids()[app]) == 1 + DEFAULT_WORKERS[app] for app in APPS))
        return done

    def down(self) -> None:
        done = self.run("down")
        assert done.returncode == 0, done.stdout + done.stderr

    def state(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.data_dir / "shop.json").read_text())
        return content

    def pids(self) -> dict[str, list[int]]:
        """The supervisor, and each program's master followed by its workers."""
        state = self.state()
        found = {"supervisor": [state["supervisor"][0]]}
        for name, (pid, _) in state["programs"].items():
            found[name] = [pid, *children(pid)]
        return found

    def app_url(self, app: str) -> str:
        return f"http://127.0.0.1:{self.port_base + APPS.index(app)}"

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request through Nginx with the key; `path` may be a whole address."""
        url = path if path.startswith("http") else self.url + path
        options["headers"] = {"X-API-Key": self.key, **options.get("headers", {})}
        options.setdefault("timeout", 20)
        return self.session.request(method, url, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.request("POST", path, **options)

    def answers(self, path: str = "/api/health/cart") -> bool:
        try:
            return self.get(path).status_code == 200
        except requests.RequestException:
            return False

    def talk(self, raw: bytes, timeout_s: float = 10.0) -> bytes:
        """Send bytes to Nginx as they are, and return one answer as it comes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s) as client:
            client.sendall(raw)
            answer = client.recv(65536)
            head, _, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            while length and len(body) < int(length[1]):
                piece = client.recv(65536)
                assert piece, "the answer is cut off"
                answer, body = answer + piece, body + piece
        return answer


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
