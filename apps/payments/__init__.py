"""The payments app: who paid what, what goes back, and that orders hears of both."""

from functools import partial

from flask import Flask

from apps.payments import service, views
from apps.payments.providers import make_provider
from shop_common.app import build_app
from shop_common.background import Job
from shop_common.clock import Clock, now
from shop_common.config import Config
from shop_common.context import make_context

SWEEP_EVERY_S = 1.0


def create_app(config: Config | None = None, time_source: Clock = now) -> Flask:
    context = make_context(
        __name__,
        config,
        partners={"orders": None},
        on_refusal={"paid": partial(service.refuse_payment, time_source)},
        time_source=time_source,
    )
    context.memory["provider"] = make_provider(context.config, context.db, time_source)
    sweep = Job("sweep", SWEEP_EVERY_S, partial(service.sweep, context))
    return build_app(context, views.blueprint, [sweep])
