"""What the supervisor runs: how a child of it becomes gunicorn or Nginx, and whether it answers."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from selectors import EVENT_READ, BaseSelector

from shop_common.cli import nginx
from shop_common.cli.state import CHECKOUT, Shop, in_url, reachable

PROBE_AGAIN_S = 0.05
NOT_READY_AGAIN_S = 1.0  # it may be so for hours, and says so in its log each time
PROBE_CONNECT_S = 0.2


@dataclass
class Program:
    """A child that is to run: how it becomes one, and where it answers."""

    name: str
    run: Callable[[], None]  # called in the child; does not return, or exits
    listener: socket.socket
    probe_path: str
    stop_signal: int
    death_signal: int  # what the child gets when this process dies
    pid: int = 0
    started_at: float = 0.0
    start_at: float = 0.0  # when it is due, if it does not run
    back_off_s: float = 0.0
    is_ready: bool = False
    was_ready: bool = False
    probe: socket.socket | None = None
    probe_at: float = 0.0
    log_begins_at: int = 0  # how large the log was before the shop's start

    def send_probe(self, selector: BaseSelector) -> None:
        """Send a request that waits in the listening socket until the program answers it."""
        host = reachable(self.listener.getsockname()[0])
        probe = socket.socket(self.listener.family)
        probe.settimeout(PROBE_CONNECT_S)  # the queue of a listening socket may be full
        try:
            probe.connect((host, self.listener.getsockname()[1]))
            head = f"GET {self.probe_path} HTTP/1.0\r\nHost: {in_url(host)}\r\n\r\n"
            probe.sendall(head.encode())
        except OSError:
            probe.close()
            self.probe_at = time.monotonic() + PROBE_AGAIN_S
            return
        probe.setblocking(False)
        selector.register(probe, EVENT_READ)
        self.probe = probe

    def read_probe(self, selector: BaseSelector) -> None:
        """Look whether it is answered: with 200 the program is ready, else it is asked again."""
        assert self.probe
        try:
            answer = self.probe.recv(64)
        except BlockingIOError:
            return
        except OSError:
            answer = b""
        self.end_probe(selector)
        self.probe_at = time.monotonic() + (NOT_READY_AGAIN_S if answer else PROBE_AGAIN_S)
        if b" 200 " in answer:
            self.is_ready = self.was_ready = True

    def end_probe(self, selector: BaseSelector) -> None:
        if self.probe:
            selector.unregister(self.probe)
            self.probe.close()
            self.probe = None


def make_app(name: str, listener: socket.socket) -> Program:
    return Program(
        name,
        partial(_run_gunicorn, name, listener.fileno()),
        listener,
        probe_path="/readyz",
        stop_signal=signal.SIGTERM,
        # Its workers do the same when it dies.
        death_signal=signal.SIGKILL,
    )


def _run_gunicorn(name: str, descriptor: int) -> None:
    """In a fork of the supervisor: what the command line of this name would do."""
    from gunicorn.app.wsgiapp import WSGIApplication  # type: ignore[import-untyped] # has no types

    os.environ["SHOP_APP"] = name
    config = str(CHECKOUT / "deploy" / "gunicorn.conf.py")
    sys.argv = ["gunicorn", "-c", config, "--bind", f"fd://{descriptor}"]
    sys.argv.append(f"apps.{name}:create_app()")
    WSGIApplication("%(prog)s").run()


def make_front(shop: Shop, program: str, listener: socket.socket) -> Program:
    return Program(
        "nginx",
        partial(_run_nginx, nginx.command_line(program, shop), listener.fileno()),
        listener,
        probe_path="/",
        stop_signal=signal.SIGQUIT,
        # Not SIGKILL: its workers end only if it tells them to.
        death_signal=signal.SIGTERM,
    )


def _run_nginx(command_line: list[str], descriptor: int) -> None:
    # This is how Nginx hands its sockets to its successor when it is upgraded.
    os.execve(command_line[0], command_line, {**os.environ, "NGINX": f"{descriptor};"})
