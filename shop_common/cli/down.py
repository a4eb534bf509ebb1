"""`shop down`: end a running shop, or what is left of one, and wait until it is gone."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import click

from shop_common.cli import processes
from shop_common.cli.state import data_dir_option, load_shop

STOP_TIMEOUT_S = 20.0


@click.command("down")
@data_dir_option
def command(data_dir: Path) -> None:
    """Stop the shop and wait until all of it is gone."""
    shop = load_shop(data_dir)
    if shop.supervisor and shop.is_running():
        with suppress(ProcessLookupError):
            os.kill(shop.supervisor.pid, signal.SIGTERM)
        if processes.wait_until_gone([shop.supervisor], STOP_TIMEOUT_S):
            click.echo("The shop is stopped")
            return
        processes.kill_and_wait([shop.supervisor])
    left = shop.left_over()
    if left:
        processes.kill_and_wait(left)
        click.echo(f"Nobody was looking after this shop any more; {len(left)} processes ended")
    else:
        click.echo(f"No shop is running in {data_dir}")
