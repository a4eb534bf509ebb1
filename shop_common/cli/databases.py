"""The databases of a shop for a command that reads them itself, whether or not the shop runs."""

import os
from pathlib import Path

import click

from shop_common.cli.state import Shop, recall_settings
from shop_common.config import APPS, load_config
from shop_common.db import Database, open_database


def open_databases(data_dir: Path) -> dict[str, Database]:
    """The database of each app, where the last `up` said that it is.

    The settings of the apps are those of `data_dir` from here on. Raises ConfigError for one that
    cannot be used, and ClickException if there is no file where one should be.
    """
    os.environ["SHOP_DATA_DIR"] = str(data_dir)
    recall_settings(Shop(data_dir))
    databases = {app: open_database(load_config(app)) for app in APPS}
    for database in databases.values():
        path = getattr(database, "path", None)
        if path is not None and not Path(path).exists():
            raise click.ClickException(f"no shop has run in {data_dir}: {path} does not exist")
    return databases
