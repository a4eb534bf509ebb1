"""What is remembered of a shop in its data folder: addresses, process ids, who supervises it."""

import contextlib
import fcntl
import json
import os
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import click

from shop_common.cli import processes
from shop_common.cli.processes import Process
from shop_common.config import APPS, DEFAULT_API_KEY, SETTINGS, load_config

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080
DEFAULT_PORT_BASE = 8001
DATABASE_URLS = tuple(f"{app.upper()}_DATABASE_URL" for app in APPS)
# The key has a file of its own; the others are options, and are in shop.json or said of a new shop.
_NOT_REMEMBERED = ("API_KEY", "SHOP_HOST", "SHOP_DATA_DIR", "SHOP_PORT_BASE", "CATALOG_EMPTY")
REMEMBERED = tuple(s.name for s in SETTINGS if s.name not in _NOT_REMEMBERED)


@dataclass
class Shop:
    """One shop: its data folder, and what `shop.json` in there says of it."""

    data_dir: Path
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    port_base: int = DEFAULT_PORT_BASE
    supervisor: Process | None = None
    ready: bool = False
    programs: dict[str, Process] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.file = self.data_dir / "shop.json"
        self.logs = self.data_dir / "logs"
        self.run = self.data_dir / "run"
        self.nginx = self.run / "nginx"
        self.key_file = self.run / "api-key"
        self.settings_file = self.run / "settings.json"

    @property
    def address(self) -> str:
        return f"http://{in_url(reachable(self.host))}:{self.port}"

    def port_of(self, program: str) -> int:
        return self.port if program == "nginx" else self.port_base + APPS.index(program)

    def app_address(self, app: str) -> str:
        return f"http://127.0.0.1:{self.port_of(app)}"

    def is_running(self) -> bool:
        return self.supervisor is not None and processes.is_alive(self.supervisor)

    def left_over(self) -> list[Process]:
        """Processes of this shop that no supervisor looks after any more."""
        # The kernel knows a file by its real path.
        return processes.left_over(self.programs.values(), self.logs.resolve())

    def save(self) -> None:
        """Write all of it but where it is into `shop.json`."""
        content = asdict(self)
        del content["data_dir"]
        write_private(self.file, json.dumps(content, indent=2) + "\n")


def load_shop(data_dir: Path) -> Shop:
    """The shop in `data_dir`; one with the defaults if nothing is remembered there."""
    shop = Shop(data_dir)
    try:
        content: dict[str, Any] = json.loads(shop.file.read_text())
        shop.host, shop.port = str(content["host"]), int(content["port"])
        shop.port_base, shop.ready = int(content["port_base"]), bool(content["ready"])
        if content["supervisor"]:
            shop.supervisor = Process(*content["supervisor"])
        shop.programs = {name: Process(*found) for name, found in content["programs"].items()}
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        click.echo(f"shop: {shop.file} cannot be read and is made anew: {error!r}", err=True)
        shop = Shop(data_dir)
    if shop.supervisor is None:
        # The lock file says who supervises it, and is there when shop.json is lost.
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
            shop.supervisor = Process(*json.loads((shop.run / "shop.lock").read_text()))
    return shop


def load_running(data_dir: Path) -> Shop:
    """The shop in `data_dir`; an error if it is not running.

    If `up` did not start it, but systemd, the environment has to say where it is.
    """
    shop = load_shop(data_dir)
    if shop.is_running():
        return shop
    if "SHOP_PORT_BASE" not in os.environ:
        raise click.ClickException(
            f"no shop is running in {data_dir}; start it with ./shop up, "
            "or set SHOP_PORT_BASE and API_KEY for one that systemd runs"
        )
    shop.port_base = load_config("catalog").port_base
    return shop


def take_lock(shop: Shop) -> int | None:
    """A descriptor that makes its holder the shop's only supervisor; None if there is one."""
    descriptor = os.open(shop.run / "shop.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def sign_lock(shop: Shop) -> None:
    """Write into the lock file, which this process holds, who that is."""
    (shop.run / "shop.lock").write_text(json.dumps(shop.supervisor))


def find_key(shop: Shop) -> str:
    """The key to speak to the shop with: the environment's, else the one it was started with."""
    if key := os.environ.get("API_KEY"):
        return key
    with contextlib.suppress(FileNotFoundError):
        return _read_key(shop)
    raise click.ClickException("API_KEY is not set, and this shop has not been started yet")


def _read_key(shop: Shop) -> str:
    return shop.key_file.read_text().rstrip("\n")  # as an editor leaves it


def save_settings(shop: Shop) -> None:
    """Remember the key, and what this environment says besides; it may hold passwords."""
    write_private(shop.key_file, os.environ.get("API_KEY", DEFAULT_API_KEY))
    said = {name: os.environ[name] for name in REMEMBERED if name in os.environ}
    write_private(shop.settings_file, json.dumps(said, indent=2) + "\n")


def load_settings(shop: Shop) -> dict[str, str]:
    """What the last `up` remembered: its key, and the settings that it was given.

    Raises ClickException if it cannot be read: the databases might be elsewhere than we think.
    """
    found: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError):
        found["API_KEY"] = _read_key(shop)
    try:
        settings = json.loads(shop.settings_file.read_text())
        return found | {name: str(settings[name]) for name in REMEMBERED if name in settings}
    except FileNotFoundError:
        return found
    except (ValueError, TypeError) as error:
        raise click.ClickException(f"{shop.settings_file} cannot be read: {error}") from None


def recall_settings(shop: Shop, names: Collection[str] = ("API_KEY", *REMEMBERED)) -> None:
    """Put what the last `up` remembered into the environment, where that says nothing."""
    for name, value in load_settings(shop).items():
        if name in names:
            os.environ.setdefault(name, value)


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner may read."""
    with replacing(path, 0o600) as file:
        file.write(text.encode())


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """What is written takes the place of `path` as a whole, at the end of a block that succeeds.

    So no reader and no power cut finds half of it, and two may write it at once.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def reachable(host: str) -> str:
    """The address by which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def in_url(host: str) -> str:
    """The host as an address and a `Host` header have it."""
    return f"[{host}]" if ":" in host else host


def _absolute(_context: click.Context, _parameter: click.Parameter, folder: str) -> Path:
    """Relative to the caller's folder; but nothing, as of a variable that is not set, is none."""
    if not folder:
        raise click.BadParameter("must be a folder, and is empty")
    return Path(folder).absolute()


data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    envvar="SHOP_DATA_DIR",
    default=str(CHECKOUT / "var"),
    callback=_absolute,
    help="Where the shop keeps its data.  [default: var in the checkout]",
)
