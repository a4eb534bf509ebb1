"""How an app is: the routes about itself that every app has."""

import logging
from functools import partial
from typing import Any

from flask import Blueprint, Response, request
from marshmallow import Schema, fields

import shop_common
from shop_common import metrics, outbox
from shop_common.auth import public
from shop_common.context import ctx
from shop_common.errors import BusyError, ForbiddenError
from shop_common.fields import MAX_ID, WholeNumber
from shop_common.migrations import MigrationError, load_migrations, pending
from shop_common.operations import operation
from shop_common.paging import Page, PageSchema, read_page

logger = logging.getLogger("shop.health")
blueprint = Blueprint("health", __name__)


class HealthSchema(Schema):
    status = fields.String(metadata={"example": "cart service is running"})
    database = fields.String(metadata={"example": "connected"})


class LivenessSchema(Schema):
    status = fields.String(metadata={"example": "alive"})


class DatabaseSchema(Schema):
    engine = fields.String(metadata={"example": "sqlite"})
    version = fields.String(metadata={"example": "SQLite 3.53.4"})
    status = fields.String(metadata={"example": "writable"})


class ReadinessSchema(Schema):
    status = fields.String(metadata={"example": "ready"})
    database = fields.Nested(DatabaseSchema)
    migrations = fields.String(metadata={"example": "applied"})


class OutboxDepthSchema(Schema):
    open = fields.Integer()
    parked = fields.Integer()
    oldest_age_s = fields.Float()


class StatusSchema(Schema):
    app = fields.String()
    version = fields.String()
    database = fields.Nested(DatabaseSchema)
    partners = fields.Dict(
        keys=fields.String(), metadata={"description": "the breaker of each partner"}
    )
    outbox = fields.Nested(OutboxDepthSchema)


class OutboxPageSchema(PageSchema):
    after = WholeNumber(1, MAX_ID, load_default=None)


class OutboxRowSchema(Schema):
    id = fields.Integer()
    topic = fields.String()
    aggregate = fields.String()
    partner = fields.String()
    path = fields.String()
    attempts = fields.Integer()
    refusals = fields.Integer()
    last_error = fields.String(allow_none=True)
    created_at = fields.String()
    due_at = fields.String()
    parked_at = fields.String(allow_none=True)


class OutboxRetrySchema(Schema):
    id = fields.Integer()
    status = fields.String()


@blueprint.get("/health")
@public
@operation(
    "Whether the app answers and reaches its database",
    answers={200: HealthSchema(), 503: HealthSchema()},
)
def health() -> tuple[dict[str, str], int]:
    name = ctx().config.app
    reached = _database_answers()
    return {
        "status": f"{name} service is running",
        "database": "connected" if reached else "unavailable",
    }, 200 if reached else 503


@blueprint.get("/livez")
@public
@operation("Whether the process answers", polled=True, answers={200: LivenessSchema()})
def livez() -> dict[str, str]:
    return {"status": "alive"}


@blueprint.get("/readyz")
@public
@operation(
    "Whether the app can do its work: database writable, migrations applied",
    polled=True,
    answers={200: ReadinessSchema(), 503: ReadinessSchema()},
)
def readyz() -> tuple[dict[str, Any], int]:
    context = ctx()
    database = {"engine": context.db.engine}
    try:
        missing = pending(context.db, load_migrations(context.migrations, context.db.engine))
        migrations = "missing" if missing else "applied"
        # Not even BEGIN IMMEDIATE fails where nothing can be written; this does.
        nothing = "DELETE FROM schema_migrations WHERE version < 0"
        context.db.write(lambda tx: tx.execute(nothing))
        database |= {"version": context.db.version(), "status": "writable"}
    except (BusyError, MigrationError) as error:
        # A start that waits for this in vain shows the end of the log.
        logger.warning("not ready: %s", error)
        migrations = "unknown"
        database["status"] = str(error)
    ready = migrations == "applied"
    return {
        "status": "ready" if ready else "not ready",
        "database": database,
        "migrations": migrations,
    }, 200 if ready else 503


@blueprint.get("/metrics")
@public
@operation(
    "Counters for Prometheus; from this machine only",
    answers={200: "text/plain"},
    errors={403: "another machine asks"},
)
def get_metrics() -> Response:
    # Nginx does not route here; an app that is told to listen elsewhere must not tell either.
    if request.remote_addr not in ("127.0.0.1", "::1", None):
        raise ForbiddenError("Metrics are for this machine only.")
    return Response(metrics.exposition(), content_type="text/plain; version=0.0.4")


@blueprint.get("/admin/status")
@operation("The app as its operator sees it", answers={200: StatusSchema()})
def get_status() -> dict[str, Any]:
    context = ctx()
    reached = _database_answers()
    status: dict[str, Any] = {
        "app": context.config.app,
        "version": shop_common.__version__,
        "database": {
            "engine": context.db.engine,
            "version": context.db.version() if reached else "",
            "status": "connected" if reached else "unavailable",
        },
        "partners": {name: client.status() for name, client in context.partners.items()},
    }
    if reached:
        with context.db.read() as tx:
            status["outbox"] = outbox.depth(tx, context.clock())
    return status


@blueprint.get("/admin/outbox")
@operation(
    "Messages to other apps that are not delivered yet, newest first",
    query=OutboxPageSchema(),
    answers={200: OutboxRowSchema(many=True)},
)
def list_outbox(query: dict[str, Any]) -> Page:
    with ctx().db.read() as tx:
        return read_page(partial(outbox.list_open, tx), query, "id")


@blueprint.post(f"/admin/outbox/<int(max={MAX_ID}):row_id>/retry")
@operation(
    "Send a message again soon, also one that was given up",
    answers={200: OutboxRetrySchema()},
    errors={404: "no such row", 409: "delivered already"},
)
def retry_outbox(row_id: int) -> dict[str, Any]:
    context = ctx()
    return outbox.retry(context.db, row_id, context.clock())


def _database_answers() -> bool:
    try:
        with ctx().db.read() as tx:
            return tx.any("SELECT 1 AS one")
    except BusyError:
        return False
