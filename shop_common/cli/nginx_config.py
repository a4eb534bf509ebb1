"""`shop nginx-config`: write Nginx's configuration for a server that runs the apps by itself."""

from pathlib import Path

import click

from shop_common.cli.nginx import write_config
from shop_common.cli.state import DEFAULT_PORT, Shop, data_dir_option
from shop_common.config import load_config


@click.command("nginx-config")
@data_dir_option
@click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True)
def command(data_dir: Path, port: int) -> None:
    """Write the configuration of Nginx for the settings of the environment; print its path."""
    config = load_config("cart")
    shop = Shop(data_dir, config.host, port, config.port_base)
    shop.logs.mkdir(parents=True, exist_ok=True)
    click.echo(write_config(shop, config))
