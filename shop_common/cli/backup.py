"""`shop backup`: copies of the databases as they are at one moment, while the shop goes on."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import pysqlite3 as sqlite3

from shop_common.cli.databases import open_databases
from shop_common.cli.state import data_dir_option
from shop_common.config import DATABASE_FILES
from shop_common.db.fair_queue import FairQueue
from shop_common.db.sqlite import SQLiteDatabase
from shop_common.errors import BusyError

QUEUE_S = 10.0
# Three of these, one after the other, are less than a writer waits before he is told "busy".
MOMENT_S = 0.2


@click.command("backup")
@data_dir_option
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def command(data_dir: Path, folder: Path) -> None:
    """Copy the databases into FOLDER, all as they are at one moment; the shop may run."""
    found = _find_files(data_dir)
    if not found:
        raise click.ClickException("nothing is copied: no database of this shop is on SQLite")
    os.umask(0o077)  # who bought what is nobody else's business
    folder.mkdir(parents=True, exist_ok=True)
    # Not by their own names, which two of them may share.
    copies = [folder / DATABASE_FILES[app] for app in found]
    for copy in copies:
        if copy.exists():
            raise click.ClickException(f"{copy} is there already; give another folder")
    parts = [copy.with_name(f"{copy.name}.part") for copy in copies]
    try:
        with _moment(list(found.values())) as sources:
            for source, part in zip(sources, parts, strict=True):
                with sqlite3.connect(part) as target:
                    source.backup(target)
                target.close()
        for part, copy in zip(parts, copies, strict=True):
            part.replace(copy)
    except (BusyError, sqlite3.Error) as error:
        raise click.ClickException(f"the databases cannot be copied: {error}") from None
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    click.echo(f"Copied {', '.join(copy.name for copy in copies)} to {folder}")


def _find_files(data_dir: Path) -> dict[str, Path]:
    """The apps' SQLite files; those of another engine are named, as its own tools do it."""
    paths = {}
    for app, database in open_databases(data_dir).items():
        if isinstance(database, SQLiteDatabase):
            paths[app] = Path(database.path)
        else:
            click.echo(f"{app} is on {database.engine}: not copied, use pg_dump", err=True)
    return paths


@contextmanager
def _moment(paths: list[Path]) -> Iterator[list[sqlite3.Connection]]:
    """Connections that all read what was there at one moment.

    No app writes for as long as it takes to begin reading everywhere. A stop of all apps in the
    middle of whatever they do is what the shop recovers from by itself.
    """
    with ExitStack() as opened:
        connections = []
        with _stop_writers(paths):
            for path in paths:
                connection = sqlite3.connect(path, isolation_level=None)
                opened.callback(connection.close)
                connection.execute("BEGIN")
                connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
                connections.append(connection)
        yield connections


def _stop_writers(paths: list[Path]) -> ExitStack:
    """The write locks of all databases. Raises BusyError after `QUEUE_S` without them."""
    queues = [FairQueue(str(path)) for path in paths]
    deadline = time.monotonic() + QUEUE_S
    while True:
        with ExitStack() as held:
            try:
                for queue in queues:
                    is_first = queue is queues[0]
                    held.callback(queue.close)  # which leaves it
                    queue.enter(deadline - time.monotonic() if is_first else MOMENT_S)
                return held.pop_all()
            except BusyError:
                if time.monotonic() >= deadline:
                    raise
        # Waited for first, while no other is held: one app's long write must not stop the others.
        queues.remove(queue)
        queues.insert(0, queue)
