"""Nginx: where the program is, how it is got, and its configuration for one shop."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import click

from shop_common import cors
from shop_common.cli import packages
from shop_common.cli.state import CHECKOUT, Shop, in_url, write_private
from shop_common.config import APPS, Config

TEMPLATE = CHECKOUT / "deploy" / "nginx" / "nginx.conf.template"

# Where it may be without being on the PATH of everyone.
_FOLDERS = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/local/nginx/sbin"


def find_nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:{_FOLDERS}")


def get_nginx() -> str:
    """The path of the nginx program, installed by the system's package manager if need be."""
    if program := find_nginx():
        return program
    packages.install("nginx", "Nginx", service="nginx.service")
    if program := find_nginx():
        return program
    raise click.ClickException("Nginx was installed, but no nginx program can be found")


def write_config(shop: Shop, config: Config) -> Path:
    """Render the configuration into the data folder; the file's path.

    Every path in it is relative to that folder, so no character of a path can mean anything.
    """
    folder = shop.nginx
    (folder / "temp").mkdir(parents=True, exist_ok=True)
    link = folder / "frontend"
    if not link.is_symlink() or link.readlink() != CHECKOUT / "frontend":
        link.unlink(missing_ok=True)
        link.symlink_to(CHECKOUT / "frontend")
    origins = [f'"~^{pattern_of(origin)}\\z" $http_origin;' for origin in config.cors_origins]
    values = {
        "listen": f"{in_url(shop.host)}:{shop.port}",
        "key_pattern": pattern_of(config.api_key),
        "cors_origins": "\n        ".join(origins),
        "cors_vary": "Origin" if origins else "",
        "cors_methods": cors.METHODS,
        "cors_allow_headers": cors.ALLOW_HEADERS,
        "cors_expose_headers": cors.EXPOSE_HEADERS,
        "cors_max_age": str(cors.MAX_AGE_S),
    }
    values |= {f"{app}_port": str(shop.port_of(app)) for app in APPS}
    path = folder / "nginx.conf"
    write_private(path, render(TEMPLATE, values))
    return path


def render(template: Path, values: Mapping[str, str]) -> str:
    """The template with `values`, and with the line that says as whom Nginx runs, filled in."""
    # Started as root, Nginx would change to another user, who may not be allowed to read the
    # checkout; the apps run as the same user as everything else.
    values = {"user": "user root;" if os.geteuid() == 0 else "", **values}
    return re.sub("@([a-z_]+)@", lambda match: values[match[1]], template.read_text())


def pattern_of(text: str) -> str:
    r"""The text as a regular expression: all but letters and digits as \xHH.

    So no character of it means anything to the expression, or to Nginx's own quoting.
    """
    return "".join(
        chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"\\x{byte:02x}"
        for byte in text.encode()
    )


def command_line(program: str, shop: Shop) -> list[str]:
    return [
        program, "-p", str(shop.nginx), "-e", "../../logs/nginx-error.log", "-c", "nginx.conf",
    ]  # fmt: skip
