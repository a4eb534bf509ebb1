"""Every setting, in one typed place: read from the environment once, checked, never changed."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

APPS = ("cart", "catalog", "orders", "payments")
DEFAULT_API_KEY = "secret-key-123"
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
_SECRET = ("_KEY", "_DATABASE_URL")


class ConfigError(Exception):
    """A setting that cannot be used; the message names it."""


class Setting(NamedTuple):
    name: str
    default: str
    parse: Callable[[str], Any]


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        digits = text.removeprefix("-")
        number = int(text) if digits.isascii() and digits.isdigit() else None
        if number is None or not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return number

    return parse


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ValueError(f"must be a number of seconds from {low} to {high}")
        return number

    return parse


def _switch(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def _matching(pattern: str, what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {what}")
        return text

    return parse


_key = _matching("[!-~]{8,256}", "8 to 256 visible ASCII characters without a space")
_host = _matching("[A-Za-z0-9.:-]+", "an address such as 127.0.0.1 (in --host too)")
_currency = _matching("[A-Z]{3}", "a three-letter code such as USD")
_provider = _matching("simulated", "simulated")
_log_level = _matching("DEBUG|INFO|WARNING|ERROR", "DEBUG, INFO, WARNING or ERROR")

# Shares of the calls, from 0 to 1; but `decline_above` is an amount.
FAULTS = ("decline", "decline_above", "pending", "timeout", "lost_answer", "refund_failure")


def _faults(text: str) -> Mapping[str, float]:
    """`decline=0.25,timeout=1` by name."""
    try:
        pairs = [pair.split("=") for pair in text.split(",") if pair]
        faults = {name: float(number) for name, number in pairs}
    except ValueError:
        faults = {"": 0.0}
    for name, number in faults.items():
        if name not in FAULTS or not 0 <= number <= (1e8 if name == "decline_above" else 1):
            raise ValueError("must be such as decline=0.25,timeout=1, of " + ", ".join(FAULTS))
    return faults


_ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?")


def _origins(text: str) -> tuple[str, ...]:
    """Origins as browsers write them: small letters, no path, no port that goes without saying."""
    origins = tuple(origin.strip() for origin in text.split(",")) if text else ()
    for origin in origins:
        default_port = ":443" if origin.startswith("https:") else ":80"
        match = _ORIGIN.fullmatch(origin)
        if not match or origin.endswith(default_port) or int(match[1] or 1) > 65535:
            raise ValueError("must be origins such as https://shop.example,http://localhost:5173")
    return origins


def _app_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_complete = parts.scheme in ("http", "https") and parts.hostname and not parts.query
        is_address = is_complete and parts.port != 0 and not re.search(r"[\0-\x20]", text)
    except ValueError:  # a bracket that is not closed, a port that is none
        is_address = False
    if text and not is_address:
        raise ValueError("must be an address such as http://localhost:8002")
    return text.rstrip("/")


def _database_url(text: str) -> str:
    if text and not text.startswith(("sqlite:////", "postgresql://")):
        raise ValueError("must begin with sqlite://// (an absolute path) or postgresql://")
    if text.startswith("postgresql://") and not _is_postgres_url(text):
        raise ValueError(
            "must be an address of PostgreSQL, with %40 for @ and the like in user and password"
        )
    return text


def _is_postgres_url(text: str) -> bool:
    import psycopg

    try:
        parts = psycopg.conninfo.conninfo_to_dict(text)
    except psycopg.ProgrammingError:
        return False
    # All after the first @ is taken for the host: with one in a password, a part of that.
    return "@" not in str(parts.get("host", ""))


def _folder(text: str) -> Path:
    path = Path(text).absolute()
    # SQLite takes files of at most 504.
    if not text or len(os.fsencode(path)) > 480:
        raise ValueError("must be a folder (in --data-dir too) whose path has at most 480 bytes")
    return path


# What each is for: docs/configuration.md.
SETTINGS = (
    Setting("API_KEY", DEFAULT_API_KEY, _key),
    Setting("SHOP_HOST", "127.0.0.1", _host),
    Setting("CORS_ORIGINS", "", _origins),
    Setting("SHOP_DATA_DIR", "var", _folder),
    Setting("SHOP_PORT_BASE", "8001", _whole(1, 65532)),
    Setting("CART_URL", "", _app_url),
    Setting("CATALOG_URL", "", _app_url),
    Setting("ORDERS_URL", "", _app_url),
    Setting("PAYMENTS_URL", "", _app_url),
    Setting("CART_DATABASE_URL", "", _database_url),
    Setting("CATALOG_DATABASE_URL", "", _database_url),
    Setting("ORDERS_DATABASE_URL", "", _database_url),
    Setting("PAYMENTS_DATABASE_URL", "", _database_url),
    Setting("APP_WORKERS", "", lambda text: _whole(1, 64)(text) if text else None),
    Setting("APP_THREADS", "8", _whole(1, 64)),
    Setting("UPSTREAM_TIMEOUT_S", "5", _seconds(0.1, 60)),
    Setting("UPSTREAM_FIRST_BYTE_S", "0.5", _seconds(0.05, 60)),
    Setting("CART_TTL_DAYS", "30", _whole(1, 3650)),
    Setting("ORDER_TTL_S", "1800", _seconds(1, 31_536_000)),
    Setting("SWEEP_AFTER_S", "30", _seconds(0.1, 3600)),
    Setting("DOCTOR_EVERY_S", "300", _seconds(0, 86_400)),
    Setting("PAYMENT_PROVIDER", "simulated", _provider),
    Setting("SIMULATED_FAULTS", "", _faults),
    Setting("CATALOG_EMPTY", "0", _switch),
    Setting("CURRENCY", "USD", _currency),
    Setting("CRASH_POINTS", "0", _switch),
    Setting("LOG_LEVEL", "INFO", _log_level),
)

# One process each does orders and payments, which are called in turn by a purchase, with less
# processor time than two do. Who looks around asks the others only, and more often.
DEFAULT_WORKERS = {"cart": 2, "catalog": 1, "orders": 1, "payments": 1}

DATABASE_FILES = {
    "cart": "carts.db",
    "catalog": "products.db",
    "orders": "orders.db",
    "payments": "payments.db",
}


@dataclass(frozen=True, slots=True)
class Config:
    app: str
    api_key: str
    host: str
    cors_origins: tuple[str, ...]
    data_dir: Path
    port_base: int
    partner_urls: Mapping[str, str]
    database_url: str
    workers: int
    threads: int
    upstream_timeout_s: float
    first_byte_timeout_s: float
    cart_ttl_days: int
    order_ttl_s: float
    sweep_after_s: float
    doctor_every_s: float
    payment_provider: str
    simulated_faults: Mapping[str, float]
    catalog_empty: bool
    currency: str
    crash_points: bool
    log_level: str

    @property
    def port(self) -> int:
        return self.port_base + APPS.index(self.app)


def load_config(app: str, environ: Mapping[str, str] = os.environ) -> Config:
    """The settings of `app`. Raises ConfigError naming the setting that cannot be used."""
    value: dict[str, Any] = {}
    for setting in SETTINGS:
        text = environ.get(setting.name, setting.default)
        try:
            value[setting.name] = setting.parse(text)
        except ValueError as error:
            # What may hold a secret is not repeated.
            said = "" if setting.name.endswith(_SECRET) else f", not {text!r}"
            raise ConfigError(f"{setting.name} {error}{said}") from None
    if value["API_KEY"] == DEFAULT_API_KEY and value["SHOP_HOST"] not in LOOPBACK_HOSTS:
        raise ConfigError(
            "API_KEY must be set to a key of your own when SHOP_HOST (--host) is "
            f"{value['SHOP_HOST']}: the built-in key is public"
        )
    if value["CRASH_POINTS"] and value["SHOP_HOST"] not in LOOPBACK_HOSTS:
        raise ConfigError("CRASH_POINTS must be 0 when SHOP_HOST is no address of loopback")
    port_base = value["SHOP_PORT_BASE"]
    data_dir = value["SHOP_DATA_DIR"]
    names = [field.name for field in fields(Config)]
    return Config(
        # A field is the setting of its name, but for those below.
        **{name: value[name.upper()] for name in names if name.upper() in value},
        app=app,
        host=value["SHOP_HOST"],
        data_dir=data_dir,
        port_base=port_base,
        partner_urls={
            name: value[f"{name.upper()}_URL"] or f"http://localhost:{port_base + number}"
            for number, name in enumerate(APPS)
        },
        database_url=value[f"{app.upper()}_DATABASE_URL"]
        or f"sqlite:///{data_dir / DATABASE_FILES[app]}",
        workers=value["APP_WORKERS"] or DEFAULT_WORKERS[app],
        threads=value["APP_THREADS"],
        first_byte_timeout_s=value["UPSTREAM_FIRST_BYTE_S"],
    )
