"""Settings: each has a meaning in the docs, and a wrong value is named."""

import re
from pathlib import Path

import pytest

from shop_common.config import APPS, SETTINGS, ConfigError, Setting, load_config

ROOT = Path(__file__).parents[2]


def test_the_defaults_are_a_shop_on_this_machine() -> None:
    config = load_config("cart", {})
    assert config.api_key == "secret-key-123"
    assert config.partner_urls["catalog"] == "http://localhost:8002"
    assert config.database_url.endswith("var/carts.db")
    configs = [load_config(app, {}) for app in APPS]
    assert [config.port for config in configs] == [8001, 8002, 8003, 8004]
    assert [config.workers for config in configs] == [2, 1, 1, 1]


def test_partners_follow_the_port_base_unless_they_are_set() -> None:
    config = load_config("cart", {"SHOP_PORT_BASE": "9001", "ORDERS_URL": "http://other:1/"})
    assert config.partner_urls["catalog"] == "http://localhost:9002"
    assert config.partner_urls["orders"] == "http://other:1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEY", ""),
        ("API_KEY", "k" * 7),
        ("API_KEY", "k" * 257),
        ("API_KEY", "with space in it"),
        ("API_KEY", "schlüssel-1"),
        ("API_KEY", "line\nbreak-in-it"),
        ("SHOP_PORT_BASE", "0"),
        ("SHOP_PORT_BASE", "65533"),
        ("SHOP_PORT_BASE", "8001.0"),
        ("SHOP_HOST", ""),
        ("SHOP_HOST", "a;b"),
        ("SHOP_HOST", "*"),
        ("SHOP_DATA_DIR", ""),
        ("SHOP_DATA_DIR", f"/{'é' * 240}"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "null"),
        ("CORS_ORIGINS", "shop.example"),
        ("CORS_ORIGINS", "https://shop.example/"),
        ("CORS_ORIGINS", "https://shop.example/page"),
        ("CORS_ORIGINS", "https://Shop.example"),
        ("CORS_ORIGINS", "https://shop.example:443"),
        ("CORS_ORIGINS", "http://shop.example:80"),
        ("CORS_ORIGINS", "http://localhost:0"),
        ("CORS_ORIGINS", "http://localhost:08080"),
        ("CORS_ORIGINS", "http://localhost:65536"),
        ("CORS_ORIGINS", "https://*.shop.example"),
        ("CORS_ORIGINS", "https://user@shop.example"),
        ("CORS_ORIGINS", "https://a.example https://b.example"),
        ("CORS_ORIGINS", "https://a.example,"),
        ("CORS_ORIGINS", 'https://a.example";'),
        ("CATALOG_URL", "localhost:8002"),
        ("CATALOG_URL", "ftp://x"),
        ("CATALOG_URL", "http://"),
        ("CATALOG_URL", "/products"),
        ("CATALOG_URL", "http://localhost:99999"),
        ("CATALOG_URL", "http://localhost:abc"),
        ("CATALOG_URL", "http://localhost:0"),
        ("CATALOG_URL", "http://[::1"),
        ("CATALOG_URL", "http://a b/"),
        ("CATALOG_URL", "http://localhost:8002\n"),
        ("CART_DATABASE_URL", "mysql://x"),
        ("CART_DATABASE_URL", "sqlite:///relative.db"),
        ("CART_DATABASE_URL", "sqlite://"),
        ("CART_DATABASE_URL", "postgresql:x"),
        ("CART_DATABASE_URL", "postgresql://shop:top%zz@host/shop"),
        ("CART_DATABASE_URL", "postgresql://shop:top secret@host/shop"),
        ("CART_DATABASE_URL", "postgresql://shop:to@p@host/shop"),
        ("CART_DATABASE_URL", "postgresql://[::1/shop"),
        ("CART_DATABASE_URL", "postgresql://host/shop?colour=red"),
        ("APP_WORKERS", "0"),
        ("APP_THREADS", "many"),
        ("APP_THREADS", "--5"),
        ("UPSTREAM_TIMEOUT_S", "0"),
        ("UPSTREAM_TIMEOUT_S", "nan"),
        ("UPSTREAM_FIRST_BYTE_S", "x"),
        ("CART_TTL_DAYS", "0"),
        ("CATALOG_EMPTY", "yes"),
        ("CURRENCY", "usd"),
        ("CURRENCY", "A1B"),
        ("LOG_LEVEL", "LOUD"),
        ("SIMULATED_FAULTS", "decline=2"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must "):
        load_config("cart", {name: value})


@pytest.mark.parametrize(
    ("name", "value", "is_repeated"),
    [
        ("API_KEY", "a secret of mine", False),
        ("CART_DATABASE_URL", "mysql://shop:secret@host/shop", False),
        ("LOG_LEVEL", "LOUD", True),
    ],
)
def test_a_wrong_value_is_repeated_if_it_is_no_secret(name: str, value: str, is_repeated: bool):
    with pytest.raises(ConfigError) as caught:
        load_config("cart", {name: value})
    assert (value in str(caught.value)) == is_repeated


def test_crash_points_are_for_loopback_only() -> None:
    environ = {"SHOP_HOST": "0.0.0.0", "API_KEY": "a-key-of-my-own", "CRASH_POINTS": "1"}
    with pytest.raises(ConfigError, match="^CRASH_POINTS must be 0"):
        load_config("cart", environ)


def test_origins_are_taken_as_browsers_write_them() -> None:
    assert load_config("cart", {}).cors_origins == ()
    text = "https://shop.example, http://localhost:65535,http://[::1]:8080"
    config = load_config("cart", {"CORS_ORIGINS": text})
    assert config.cors_origins == (
        "https://shop.example", "http://localhost:65535", "http://[::1]:8080",
    )  # fmt: skip


def test_the_built_in_key_is_for_loopback_only() -> None:
    with pytest.raises(ConfigError, match="^API_KEY must be set"):
        load_config("cart", {"SHOP_HOST": "0.0.0.0"})
    for key in ("k" * 8, "k" * 256):
        assert load_config("cart", {"SHOP_HOST": "0.0.0.0", "API_KEY": key}).api_key == key


def test_every_setting_is_in_the_docs_with_its_default_and_what_it_means() -> None:
    """And no other; a number with its bounds, which are those that it may have."""
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| (?:`(.+)`)? \| ([^|]+) \|$", text, re.M)
    assert [row[:2] for row in rows] == [setting[:2] for setting in SETTINGS]
    for setting, row in zip(SETTINGS, rows, strict=True):
        if bounds := find_bounds(setting):
            assert re.search(rf" {bounds[1]} to {bounds[2]}\b", row[2]), setting.name
            assert setting.parse(bounds[1]) < setting.parse(bounds[2])


def find_bounds(setting: Setting) -> re.Match[str] | None:
    """As the setting names them to whom it refuses a number."""
    try:
        setting.parse("-1")
    except ValueError as error:
        return re.search(r"from (\S+) to (\S+)", str(error))
    return None
