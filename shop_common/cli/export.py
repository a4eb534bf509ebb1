"""`shop export`: the catalogue as a CSV file that `shop import` takes."""

import http.client
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from shop_common.cli.client import refuse, send
from shop_common.cli.state import data_dir_option, find_key, load_running, replacing


@click.command("export")
@data_dir_option
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="-")
def command(data_dir: Path, file: str) -> None:
    """Write all products to FILE; to the standard output if there is none, or for "-"."""
    shop = load_running(data_dir)
    url = f"{shop.app_address('catalog')}/products/export"
    answer = send("GET", url, find_key(shop), timeout_s=60)
    refuse(answer)
    try:
        with _output(file) as target:
            shutil.copyfileobj(answer.response, target)
    except (http.client.HTTPException, ConnectionResetError, TimeoutError) as error:
        raise click.ClickException(f"the export broke off: {error!r}") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    if file != "-":
        click.echo(f"Written to {file}", err=True)


@contextmanager
def _output(file: str) -> Iterator[BinaryIO]:
    """Where to write; a file is replaced as a whole, at the end, and keeps its mode."""
    path = Path(file)
    if file == "-":
        yield sys.stdout.buffer
    elif path.exists() and not path.is_file():  # a device or a pipe
        with path.open("wb") as device:
            yield device
    else:
        path = path.resolve()  # a link stays one
        with replacing(path) as new:
            if path.exists():
                os.fchmod(new.fileno(), stat.S_IMODE(path.stat().st_mode))
            yield new
