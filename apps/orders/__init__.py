"""The orders app: what was ordered, at which prices, and what became of it."""

from flask import Flask

from apps.orders import jobs, views
from shop_common.app import build_app
from shop_common.clock import Clock, now
from shop_common.config import Config
from shop_common.context import make_context


def create_app(config: Config | None = None, time_source: Clock = now) -> Flask:
    context = make_context(
        __name__,
        config,
        # Payments waits for orders; one thread at a time at most waits the other way round, so
        # that the two can never hold all of each other's threads.
        partners={"catalog": None, "cart": None, "payments": 1},
        time_source=time_source,
    )
    return build_app(context, views.blueprint, jobs.all_jobs(context))
