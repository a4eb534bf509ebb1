"""What is measured: the shop and its yardsticks, processes that die with the benchmark."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from shop_common.cli import nginx
from shop_common.cli.client import ask
from shop_common.cli.processes import INTERRUPTIONS, die_with_parent, run_in_batches
from shop_common.cli.state import Shop
from shop_common.config import APPS, SETTINGS, load_config
from tests.bench.catalogue import (
    MOST_IMPORTED,
    Amounts,
    load_peer,
    load_shop,
    sku_of,
    write_csv,
)
from tests.system.running import CHECKOUT, KEY, RunningShop, children, free_ports

HERE = Path(__file__).parent
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
# Nothing that would run by itself in the middle of a measurement.
QUIET = {"DOCTOR_EVERY_S": "0", "ORDER_TTL_S": "86400"}


class System:
    """Something that answers at `url`; `pids` are its processes by program."""

    name = ""
    url = ""

    def __init__(self, folder: Path, amounts: Amounts) -> None:
        self.folder = folder
        self.amounts = amounts
        folder.mkdir()
        self.start_up_s: list[float] = []

    def start(self) -> None:
        """Start it as new and wait until it is ready; the time goes to `start_up_s`."""
        raise NotImplementedError

    def load(self) -> None:
        """Fill it, and be ready again."""

    def stop(self) -> None:
        raise NotImplementedError

    def pids(self) -> dict[str, list[int]]:
        raise NotImplementedError


class ShopSystem(System):
    """The shop, as `./shop up` starts it, with the settings of the environment."""

    def __init__(
        self, folder: Path, amounts: Amounts, name: str = "shop", **environment: str
    ) -> None:
        super().__init__(folder, amounts)
        self.name = name
        self.shop = RunningShop(folder / "var", **passed_settings(), **environment)
        self.url = self.shop.url
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        began = time.monotonic()
        # As it would be called by hand, and not detached: so it ends when the benchmark does.
        self._process = _spawn(
            self.shop.command("up", *self.shop.ports, "--empty"),
            self.shop.environment,
            death_signal=signal.SIGTERM,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout
        said = ""
        for line in self._process.stdout:
            said += line
            if line.startswith("Dashboard: "):
                break
        else:
            raise click.ClickException(f"the shop did not start:\n{said}")
        self.start_up_s.append(time.monotonic() - began)
        # Ready is each app's first worker; all of them are to be measured.
        workers = {app: load_config(app, self.shop.environment).workers for app in APPS}
        wait_until(lambda: all(len(self.pids()[a]) == 1 + n for a, n in workers.items()), self.name)
        # Whatever it may still say must not fill the pipe.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def load(self) -> None:
        products = self.amounts.products
        if products <= MOST_IMPORTED:
            file = self.folder / "products.csv"
            write_csv(file, products)
            went_well, said = self.call("import", str(file))
            if not went_well:
                raise click.ClickException(f"the products could not be imported:\n{said}")
        self.stop()
        load_shop(self.shop.data_dir, self.amounts)
        self.start()
        last = self.shop.get(f"/api/catalog/products/{products}").json()
        if last.get("sku") != sku_of(products):
            raise click.ClickException(f"the catalogue was not loaded as it should be: {last}")

    def stop(self) -> None:
        if self._process:
            _end([self._process])
            self._process = None

    def pids(self) -> dict[str, list[int]]:
        return self.shop.pids()

    def call(self, name: str, *arguments: str) -> tuple[bool, str]:
        """Whether a subcommand went well, and what it said."""
        done = self.shop.run(name, *arguments, timeout_s=None)
        return done.returncode == 0, (done.stdout + done.stderr).strip()


class _Plain(System):
    """Servers behind an Nginx, without anyone who looks after them."""

    in_batches = False

    def __init__(self, folder: Path, amounts: Amounts) -> None:
        super().__init__(folder, amounts)
        self.port, self.port_base = free_ports()
        self.url = f"http://127.0.0.1:{self.port}"
        self._running: dict[str, subprocess.Popen[Any]] = {}

    def start(self) -> None:
        began = time.monotonic()
        with open(self.folder / "output.log", "a") as log:
            for name, (command, environment, where) in self.commands().items():
                self._running[name] = _spawn(
                    command, environment, cwd=where, stdout=log, stderr=subprocess.STDOUT,
                    death_signal=signal.SIGTERM if name == "nginx" else signal.SIGKILL,
                    in_batches=self.in_batches,
                )  # fmt: skip
        wait_until(lambda: all(ask(url, KEY)[0] == 200 for url in self.asked()), self.name)
        self.start_up_s.append(time.monotonic() - began)

    def commands(self) -> dict[str, tuple[Sequence[str], dict[str, str], Path]]:
        """The command, environment and folder of each program."""
        raise NotImplementedError

    def asked(self) -> list[str]:
        """The addresses that answer with 200 when it is ready."""
        raise NotImplementedError

    def stop(self) -> None:
        _end(list(self._running.values()))
        self._running.clear()

    def pids(self) -> dict[str, list[int]]:
        return {name: [one.pid, *children(one.pid)] for name, one in self._running.items()}


class Limit(_Plain):
    """Flask's hello world on the apps' gunicorn settings behind the shop's own Nginx rules."""

    name = "limit"
    in_batches = True
    worker: tuple[str, ...] = ()

    def commands(self) -> dict[str, tuple[Sequence[str], dict[str, str], Path]]:
        shop = Shop(self.folder, port=self.port, port_base=self.port_base)
        shop.logs.mkdir(exist_ok=True)
        nginx.write_config(shop, load_config("cart", {"API_KEY": KEY}))
        environment = {
            **_base_environment(),
            **passed_settings(),
            "PYTHONPATH": str(CHECKOUT),
            "SHOP_APP": "cart",
            "SHOP_DATA_DIR": str(self.folder),
            "SHOP_PORT_BASE": str(self.port_base),
        }
        config = str(CHECKOUT / "deploy" / "gunicorn.conf.py")
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", config, *self.worker]
        gunicorn.append("tests.bench.hello:app")
        front = nginx.command_line(nginx.get_nginx(), shop)
        return {
            "hello": (gunicorn, environment, CHECKOUT),
            "nginx": (front, _base_environment(), self.folder),
        }

    def asked(self) -> list[str]:
        return [f"{self.url}/api/health/cart"]


class StockLimit(Limit):
    """The same on gunicorn's own threads: what Flask does without a worker like ours."""

    name = "gthread"
    worker = ("--worker-class", "gthread")


class Peer(_Plain):
    """The same shop as one writes it with FastAPI: one uvicorn an app behind a plain Nginx."""

    name = "peer"

    def __init__(self, folder: Path, amounts: Amounts, python: Path) -> None:
        super().__init__(folder, amounts)
        self.python = python

    def commands(self) -> dict[str, tuple[Sequence[str], dict[str, str], Path]]:
        folder = self.folder / "nginx"
        (folder / "temp").mkdir(parents=True, exist_ok=True)
        values = {"port": str(self.port), "key": KEY}
        values |= {f"{app}_port": str(self.port_base + n) for n, app in enumerate(APPS)}
        text = nginx.render(HERE / "peer" / "nginx.conf.template", values)
        (folder / "nginx.conf").write_text(text)
        environment = {
            **_base_environment(),
            "API_KEY": KEY,
            "PORT_BASE": str(self.port_base),
            "DATA_DIR": str(self.folder),
        }
        uvicorn = [str(self.python), "-m", "uvicorn", "--no-access-log", "--log-level", "warning"]
        found: dict[str, tuple[Sequence[str], dict[str, str], Path]] = {
            app: (
                [*uvicorn, "--port", str(self.port_base + number), f"{app}:app"],
                environment,
                HERE / "peer",
            )
            for number, app in enumerate(APPS)
        }
        front = [nginx.get_nginx(), "-p", str(folder), "-e", "error.log", "-c", "nginx.conf"]
        return {**found, "nginx": (front, _base_environment(), folder)}

    def asked(self) -> list[str]:
        apps = [f"http://127.0.0.1:{self.port_base + number}/health" for number in range(len(APPS))]
        return [*apps, f"{self.url}/api/cart/nobody"]

    def load(self) -> None:
        load_peer(self.folder, self.amounts)


def stand_in(how: str, stack: ExitStack) -> str:
    """The address of a catalogue that is `hung` (accepts, never answers) or `refusing`."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    if how == "hung":
        listener.listen(4096)
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    # A bound port on which nobody listens refuses, and nobody else can get it.
    stack.callback(listener.close)
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _accept(listener: socket.socket) -> None:
    kept = []
    while True:
        try:
            kept.append(listener.accept()[0])
        except OSError:  # closed at the end
            return


def passed_settings() -> dict[str, str]:
    """The shop's settings in this environment, but for those that say what it is and where."""
    found = {
        setting.name: os.environ[setting.name]
        for setting in SETTINGS
        if setting.name in os.environ
        and not setting.name.startswith("SHOP_")
        and not setting.name.endswith(("_URL", "_KEY"))
    }
    return {**found, **QUIET}


def _base_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def _spawn(
    command: Sequence[str],
    environment: dict[str, str],
    death_signal: int,
    *,
    in_batches: bool = False,
    **options: Any,
) -> subprocess.Popen[Any]:
    parent = os.getpid()

    def begin() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTIONS)
        die_with_parent(parent, death_signal)
        if in_batches:
            run_in_batches()

    # Python forgets a KeyboardInterrupt that comes up while it forks: it waits until then.
    signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTIONS)
    try:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            preexec_fn=begin,  # noqa: PLW1509 - a few calls
            # Ctrl-C is for the benchmark, which then stops them in its own order.
            start_new_session=True,
            **options,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTIONS)


def _end(running: Sequence[subprocess.Popen[Any]]) -> None:
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while not condition():
        if time.monotonic() > end:
            raise click.ClickException(f"{what}: not ready after {START_TIMEOUT_S:.0f} s")
        time.sleep(0.01)
