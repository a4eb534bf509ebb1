"""`shop up`: check everything, then become, or leave behind, the supervisor of the shop."""

import errno
import ipaddress
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from shop_common.cli import nginx, processes
from shop_common.cli.children import LogError, end_with, redirect
from shop_common.cli.programs import Program, make_app, make_front
from shop_common.cli.state import (
    DATABASE_URLS,
    DEFAULT_HOST,
    DEFAULT_PORT,
    DEFAULT_PORT_BASE,
    REMEMBERED,
    Shop,
    data_dir_option,
    load_settings,
    load_shop,
    recall_settings,
    sign_lock,
    take_lock,
)
from shop_common.cli.supervisor import BACKLOG, StartError, Supervisor
from shop_common.config import APPS, DEFAULT_API_KEY, SETTINGS, Config, load_config
from shop_common.db import open_database
from shop_common.errors import BusyError

OTHER_START_S = 40.0
DEATH_S = 1.0  # what the kernel may take for a process that has let its lock go already


@click.command("up")
@data_dir_option
@click.option(
    "--port", type=click.IntRange(1, 65535), help=f"Nginx's port.  [default: {DEFAULT_PORT}]"
)
@click.option(
    "--port-base",
    type=click.IntRange(1, 65532),
    envvar="SHOP_PORT_BASE",
    help=f"The first of the four apps' ports.  [default: {DEFAULT_PORT_BASE}]",
)
@click.option(
    "--host", envvar="SHOP_HOST", help=f"The address Nginx listens on.  [default: {DEFAULT_HOST}]"
)
@click.option("--detach", is_flag=True, help="Return when the shop is ready; it goes on running.")
@click.option("--empty", is_flag=True, help="A new catalogue starts without any product.")
def command(
    data_dir: Path, port: int | None, port_base: int | None, host: str | None, **flags: bool
) -> None:
    """Start the shop: four apps and Nginx, watched over, until Ctrl-C or `down`."""
    os.environ |= {
        "SHOP_DATA_DIR": str(data_dir),
        "SHOP_PORT_BASE": str(port_base or DEFAULT_PORT_BASE),
        "SHOP_HOST": host or DEFAULT_HOST,
    }
    if flags["empty"]:
        os.environ["CATALOG_EMPTY"] = "1"
    # What this environment does not say is as it was: else a start after an upgrade would open the
    # shop to the demonstration's key, or find it empty on other databases.
    recall_settings(Shop(data_dir), ("API_KEY", *DATABASE_URLS))
    config = _check_settings()
    # Orders and carts are nobody else's business on a machine with other users.
    os.umask(0o077)
    for folder in (data_dir / "logs", data_dir / "run" / "metrics"):
        folder.mkdir(parents=True, exist_ok=True)
    lock = take_lock(Shop(data_dir))
    if lock is None:
        asked = {"port": port, "port_base": port_base, "host": host}
        _is_running_already(data_dir, asked)
        return
    _clean_up(load_shop(data_dir))
    shop = Shop(data_dir, _number(config.host), port or DEFAULT_PORT, config.port_base)
    if shop.port in range(shop.port_base, shop.port_base + len(APPS)):
        raise click.ClickException(f"--port {shop.port} is one of the apps' ports too")
    # From here on `down` ends this start, however long it takes.
    shop.supervisor = processes.find_process(os.getpid())
    shop.save()
    listeners = {name: _listen(shop, name) for name in (*APPS, "nginx")}
    nginx_program = nginx.get_nginx()
    nginx.write_config(shop, config)
    programs = [make_app(name, listeners[name]) for name in APPS]
    programs.append(make_front(shop, nginx_program, listeners["nginx"]))
    click.echo(f"Starting the shop in {data_dir}")
    page = f"{shop.address}/{_key_fragment(config.api_key)}"
    if flags["detach"]:
        _leave_behind(shop, programs, lock, page)
    else:
        _supervise(shop, programs, lambda _: _announce(page, "Ctrl-C stops it"))


def _check_settings() -> Config:
    """The settings that all apps share.

    Raises ConfigError naming the setting that cannot be used, and ClickException with the reason of
    a database's server that cannot be reached.
    """
    configs = [load_config(app) for app in APPS]
    # The error says the reason; a log that goes nowhere else would show it a second time.
    logging.getLogger("shop.db").addHandler(logging.NullHandler())
    for config in configs:
        if config.database_url.startswith("postgresql"):
            try:
                with open_database(config).read():
                    pass
            except BusyError as error:
                reason = " ".join(str(error.__cause__).split())
                raise click.ClickException(f"{config.app.upper()}_DATABASE_URL: {reason}") from None
    return configs[0]


def _is_running_already(data_dir: Path, asked: dict[str, Any]) -> None:
    """Say so; wait for a start that is under way. An error if it runs, but not as asked."""
    deadline = time.monotonic() + OTHER_START_S
    shop = load_shop(data_dir)
    while not (shop.ready and shop.is_running()):
        if time.monotonic() > deadline:
            raise click.ClickException(f"another ./shop up is busy in {data_dir}")
        time.sleep(0.05)
        lock = take_lock(shop)
        if lock is not None:
            os.close(lock)
            raise click.ClickException(f"another ./shop up in {data_dir} has just failed or ended")
        shop = load_shop(data_dir)
    asked["host"] = asked["host"] and _number(asked["host"])
    for option, wanted in asked.items():
        if wanted is not None and wanted != getattr(shop, option):
            raise click.ClickException(
                f"the shop in {data_dir} is running with --{option.replace('_', '-')} "
                f"{getattr(shop, option)}, not {wanted}; stop it with ./shop down"
            )
    running = load_settings(shop)
    for name, default, parse in SETTINGS:
        if name not in ("API_KEY", *REMEMBERED) or name not in os.environ:
            continue
        if parse(os.environ[name]) != parse(running.get(name, default)):
            raise click.ClickException(
                f"the shop in {data_dir} is running with another {name}; stop it with ./shop down"
            )
    click.echo(f"The shop is already running: {shop.address}/")


def _clean_up(shop: Shop) -> None:
    """End what a supervisor that was killed has left behind."""
    if shop.supervisor and not processes.wait_until_gone([shop.supervisor], DEATH_S):
        raise click.ClickException(
            f"the shop in {shop.data_dir} is running, though somebody has removed its lock; "
            "stop it with ./shop down"
        )
    if left := shop.left_over():
        click.echo(f"Ending {len(left)} processes of a shop whose supervisor has died")
        processes.kill_and_wait(left)


def _number(host: str) -> str:
    """The host as an IP address, so that Nginx and we mean the same one."""
    try:
        address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
        return str(ipaddress.ip_address(address))
    except (OSError, ValueError):
        raise click.ClickException(f"--host {host} is no address of this machine") from None


def _listen(shop: Shop, name: str) -> socket.socket:
    """The listening socket of a program, which is handed down to it."""
    host, port = shop.host if name == "nginx" else DEFAULT_HOST, shop.port_of(name)
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            owner = processes.find_listener(port)
            reason = f"is taken by {owner}" if owner else "is taken"
        else:
            reason = f"cannot be used on {host}: {error.strerror}"
        raise click.ClickException(f"port {port} (for {name}) {reason}") from None
    return listener


def _supervise(shop: Shop, programs: list[Program], on_ready: Callable[[Supervisor], None]) -> None:
    shop.supervisor = processes.find_process(os.getpid())
    sign_lock(shop)
    try:
        Supervisor(shop, programs, on_ready, load_config("orders").doctor_every_s).run()
    except (LogError, StartError) as error:
        raise click.ClickException(str(error)) from None


def _key_fragment(api_key: str) -> str:
    """What opens the page with the key filled in; a browser sends no fragment to the server.

    A key of one's own is shown on a terminal only: what is written elsewhere may be a log.
    """
    if api_key == DEFAULT_API_KEY or sys.stdout.isatty():
        return f"#key={quote(api_key, safe='')}"
    return ""


def _announce(page: str, how_to_stop: str) -> None:
    click.echo(f"Dashboard: {page}   ({how_to_stop})")


def _leave_behind(shop: Shop, programs: list[Program], lock: int, page: str) -> None:
    """Start the supervisor as a process of its own, and return when it is ready.

    Nothing of the caller's stays open in it, so that `x=$(./shop up --detach)` ends.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    # Python forgets a KeyboardInterrupt that comes up while it forks: Ctrl-C waits until then.
    signal.pthread_sigmask(signal.SIG_BLOCK, processes.INTERRUPTIONS)
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        end_with(partial(_be_left_behind, shop, programs, keep={lock, writing}, tell=writing))
    os.close(writing)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, processes.INTERRUPTIONS)
        is_ready = os.read(reading, 1) == b"1"
    except KeyboardInterrupt:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        raise
    if is_ready:
        _announce(page, "./shop down stops it")
        return
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) or 1)


def _be_left_behind(shop: Shop, programs: list[Program], keep: set[int], tell: int) -> None:
    """The supervisor of a detached shop: in its own session, silent as soon as it is ready."""

    def let_go(supervisor: Supervisor) -> None:
        supervisor.speaks = False
        redirect(shop, "shop")
        os.write(tell, b"1")
        os.close(tell)

    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, processes.INTERRUPTIONS)
    keep |= {program.listener.fileno() for program in programs} | {0, 1, 2}
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor not in keep:
            with suppress(OSError):
                os.close(descriptor)
    try:
        _supervise(shop, programs, let_go)
    except click.ClickException as error:
        click.echo(f"shop: {error.format_message()}", err=True)
        sys.exit(1)
