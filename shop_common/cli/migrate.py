"""`shop migrate`: bring the databases up to date without starting anything."""

import logging
import os
import sys
from importlib import import_module
from pathlib import Path

import click

from shop_common.cli.state import CHECKOUT, Shop, data_dir_option, recall_settings
from shop_common.config import APPS
from shop_common.errors import BusyError
from shop_common.migrations import MigrationError


@click.command("migrate")
@data_dir_option
@click.argument("app", type=click.Choice(APPS), required=False)
def command(data_dir: Path, app: str | None) -> None:
    """Apply the migrations that are missing, of one app or of all; `up` does the same."""
    os.umask(0o077)  # who bought what is nobody else's business
    os.environ["SHOP_DATA_DIR"] = str(data_dir)
    recall_settings(Shop(data_dir))
    data_dir.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(CHECKOUT))  # the apps run from the checkout
    logging.basicConfig(level=logging.INFO, format="  %(message)s", stream=sys.stdout)
    for each in [app] if app else APPS:
        click.echo(each)
        try:
            import_module(f"apps.{each}").create_app()
        except (MigrationError, BusyError) as error:
            raise click.ClickException(f"{each}: {error}") from None
    click.echo("Up to date")
