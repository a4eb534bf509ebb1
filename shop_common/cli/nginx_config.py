"""`shop nginx-config`: write Nginx's configuration for a server that runs the apps by itself."""

import os
from pathlib import Path

import click

from shop_common.cli.nginx import write_config
from shop_common.cli.state import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    DEFAULT_PORT_BASE,
    Shop,
    data_dir_option,
)
from shop_common.config import load_config


@click.command("nginx-config")
@data_dir_option
@click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True)
@click.option(
    "--port-base",
    type=click.IntRange(1, 65532),
    envvar="SHOP_PORT_BASE",
    default=DEFAULT_PORT_BASE,
    show_default=True,
)
@click.option("--host", envvar="SHOP_HOST", default=DEFAULT_HOST, show_default=True)
def command(data_dir: Path, port: int, port_base: int, host: str) -> None:
    """Write the configuration of Nginx for the settings of the environment; print its path."""
    os.environ |= {"SHOP_HOST": host, "SHOP_DATA_DIR": str(data_dir)}
    config = load_config("cart")
    shop = Shop(data_dir, host, port, port_base)
    shop.logs.mkdir(parents=True, exist_ok=True)
    click.echo(write_config(shop, config))
