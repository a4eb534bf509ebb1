"""What the operations of an app work with: its settings, database, clock and partners."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from flask import current_app
from flask.helpers import get_root_path

from shop_common import clock, crash
from shop_common.config import Config, load_config
from shop_common.db import Database, open_database
from shop_common.errors import BusyError
from shop_common.http_client import HttpClient
from shop_common.migrations import migrate
from shop_common.outbox import Outbox, RefusalHandler

logger = logging.getLogger("shop.context")

_LIBRARY_SCHEMA = Path(__file__).parent / "schema"


@dataclass(frozen=True, slots=True)
class Context:
    config: Config
    db: Database
    clock: clock.Clock
    partners: Mapping[str, HttpClient]
    outbox: Outbox
    migrations: tuple[Path, ...]
    # What an app keeps in each process, by name; nothing that must not be lost.
    memory: dict[str, Any] = field(default_factory=dict)


def ctx() -> Context:
    """The context of the app that is answering; for views only."""
    return cast(Context, current_app.extensions["cornershop"])


def make_context(
    package: str,
    config: Config | None,
    partners: Mapping[str, int | None] | None = None,
    *,
    on_refusal: Mapping[str, RefusalHandler] | None = None,
    time_source: clock.Clock = clock.now,
) -> Context:
    """The context of the app in `package`, its database brought up to date.

    Without a `config` it is as the environment says. `partners` maps each app that is called to how
    many threads of a process may wait for it; None: half of them. `on_refusal` is the outbox's.

    Raises MigrationError or BusyError where that cannot be done.
    """
    config = config or load_config(package.rpartition(".")[2])
    database = open_database(config)
    clients = {
        name: HttpClient(
            name,
            config.partner_urls[name],
            config.api_key,
            timeout_s=config.upstream_timeout_s,
            first_byte_timeout_s=config.first_byte_timeout_s,
            # So that a partner that hangs never holds all of a process's threads.
            places=places or max(1, config.threads // 2),
        )
        for name, places in (partners or {}).items()
    }
    context = Context(
        config=config,
        db=database,
        clock=time_source,
        partners=clients,
        outbox=Outbox(database, clients, time_source, on_refusal or {}),
        migrations=(Path(get_root_path(package)) / "migrations", _LIBRARY_SCHEMA),
    )
    for name in _migrate(context):
        logger.info("migration %s applied", name)
    if config.crash_points:
        crash.arm(config.app, config.data_dir)
    return context


def _migrate(context: Context) -> list[str]:
    try:
        return migrate(context.db, context.migrations)
    except (BusyError, OSError) as error:
        # Here alone: what an app answers later says nobody where its database is.
        setting = f"{context.config.app.upper()}_DATABASE_URL"
        raise BusyError(f"{getattr(context.db, 'path', setting)}: {error}") from error
