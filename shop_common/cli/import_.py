"""`shop import`: hand a product file to the catalog and show what it says of each row."""

import select
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click

from shop_common.cli.client import Answer, refuse, send
from shop_common.cli.state import data_dir_option, find_key, load_running

CHUNK_BYTES = 64 * 1024
TIMEOUT_S = 300.0
TICK_S = 0.1


@click.command("import")
@data_dir_option
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--set-stock", is_flag=True, help="Take the file's stock for known products too.")
def command(data_dir: Path, file: BinaryIO, *, dry_run: bool, set_stock: bool) -> None:
    """Import products from FILE, a Shopify product export (CSV); all of it or nothing."""
    shop = load_running(data_dir)
    content = file.read()
    query = f"dry_run={int(dry_run)}&set_stock={int(set_stock)}"
    try:
        answer = send(
            "POST",
            # The app itself and not Nginx, which has limits of its own.
            f"{shop.app_address('catalog')}/products/import?{query}",
            find_key(shop),
            body=_upload(content),
            length=len(content),
            content_type="text/csv",
            timeout_s=TIMEOUT_S,
            on_sent=_wait,
        )
    except KeyboardInterrupt:
        if not dry_run:
            click.echo(
                "shop: interrupted, but the catalog may have imported the file all the same: "
                f"./shop import --dry-run {file.name} says what is missing",
                err=True,
            )
        raise
    _report(answer, dry_run=dry_run)


def _upload(content: bytes) -> Iterator[bytes]:
    """The file in pieces, with a progress bar."""
    with click.progressbar(length=len(content), label="Uploading", file=sys.stderr) as bar:
        for start in range(0, len(content), CHUNK_BYTES):
            piece = content[start : start + CHUNK_BYTES]
            yield piece
            bar.update(len(piece))


def _wait(answer: socket.socket) -> None:
    """A bar that moves while the catalog works; how far it is only the catalog knows."""

    def ticks() -> Iterator[None]:
        while not select.select([answer], [], [], TICK_S)[0]:
            yield

    with click.progressbar(ticks(), label="Importing", file=sys.stderr) as bar:
        for _ in bar:
            pass


def _report(answer: Answer, *, dry_run: bool) -> None:
    if answer.status == 422:
        problem: dict[str, Any] = answer.json()
        for error in problem.get("errors", []):
            click.echo(f"line {error['line']}: {error['reason']}", err=True)
        raise click.ClickException(f"{problem.get('detail')}; nothing was imported")
    refuse(answer)
    result: dict[str, Any] = answer.json()
    for notice in result.pop("notices", []):
        click.echo(f"line {notice['line']}: {notice['reason']}")
    counts = ", ".join(f"{value} {name}" for name, value in result.items() if type(value) is int)
    click.echo(("Would be: " if dry_run else "Imported: ") + counts)
