"""The cart app: what each user means to buy."""

from functools import partial

from flask import Flask

from apps.cart import service, views
from apps.cart.listing import REFRESH_EVERY_S, Listing
from shop_common.app import build_app
from shop_common.background import Job
from shop_common.clock import Clock, now
from shop_common.config import Config
from shop_common.context import make_context

SWEEP_EVERY_S = 600.0


def create_app(config: Config | None = None, time_source: Clock = now) -> Flask:
    context = make_context(__name__, config, partners={"catalog": None}, time_source=time_source)
    context.memory["listing"] = listing = Listing()
    jobs = [
        Job("refresh_listing", REFRESH_EVERY_S, partial(listing.refresh, context)),
        Job("sweep", SWEEP_EVERY_S, partial(service.sweep, context)),
    ]
    return build_app(context, views.blueprint, jobs)
