"""`shop export`: the catalogue as a CSV file that `shop import` takes."""

import http.client
import shutil
import sys
from pathlib import Path

import click

from shop_common.cli.client import refuse, send
from shop_common.cli.state import data_dir_option, find_key, load_running, replacing


@click.command("export")
@data_dir_option
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
def command(data_dir: Path, file: Path | None) -> None:
    """Write all products to FILE, or to the standard output."""
    shop = load_running(data_dir)
    url = f"{shop.app_address('catalog')}/products/export"
    answer = send("GET", url, find_key(shop), timeout_s=60)
    refuse(answer)
    try:
        if file is None:
            shutil.copyfileobj(answer.response, sys.stdout.buffer)
        else:
            with replacing(file) as target:
                shutil.copyfileobj(answer.response, target)
            click.echo(f"Written to {file}", err=True)
    except http.client.HTTPException as error:
        raise click.ClickException(f"the export broke off: {error!r}") from None
