"""`shop logs`: the end of the log files, all together or one app's."""

import sys
import time
from collections import deque
from pathlib import Path

import click

from shop_common.cli.state import Shop, data_dir_option
from shop_common.config import APPS
from shop_common.control import CONTROL_BUT_LINES

NAMES = (*APPS, "nginx-access", "nginx-error", "shop", "doctor")
LOOK_EVERY_S = 0.2


@click.command("logs")
@data_dir_option
@click.argument("name", type=click.Choice(NAMES), required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("-n", "--lines", default=20, show_default=True, help="How many lines of each.")
def command(data_dir: Path, name: str | None, *, follow: bool, lines: int) -> None:
    """Show the end of the logs: of one app, of Nginx, of the checks of the books, or all."""
    logs = Shop(data_dir).logs
    paths = [logs / f"{each}.log" for each in ([name] if name else NAMES)]
    if not any(path.exists() for path in paths):
        raise click.ClickException(
            f"there is no {name or '*'}.log in {logs}; what systemd runs writes to its journal: "
            "journalctl -u 'cornershop*'"
        )
    offsets = {path: _show_end(path, lines, label=not name) for path in paths}
    while follow:
        time.sleep(LOOK_EVERY_S)
        for path in paths:
            offsets[path] = _show_new(path, offsets[path], label=not name)


def _show_end(path: Path, lines: int, *, label: bool) -> int:
    """Print the last lines; how far the file has been read, in bytes."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        for line in deque(file, maxlen=max(lines, 0)):
            _show(line, path.stem if label else "")
        return file.tell()


def _show_new(path: Path, offset: int, *, label: bool) -> int:
    if not path.exists():
        return 0
    with path.open("rb") as file:
        if file.seek(0, 2) < offset:  # it was emptied or replaced
            offset = 0
        file.seek(offset)
        for line in file:
            if line.endswith(b"\n"):  # half a line waits for its other half
                _show(line, path.stem if label else "")
                offset += len(line)
    return offset


def _show(line: bytes, label: str) -> None:
    prefix = f"{label:<13} " if label else ""
    text = line.decode(errors="replace").rstrip("\n")
    # An address stands in Nginx's logs as it was sent, with commands to the terminal in it too.
    click.echo(prefix + CONTROL_BUT_LINES.sub("\ufffd", text))
    sys.stdout.flush()
