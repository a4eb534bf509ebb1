"""The catalog app: products, their stock and its history, search, import and export."""

from flask import Flask

from apps.catalog import service, views
from shop_common.app import build_app
from shop_common.clock import Clock, now
from shop_common.config import Config
from shop_common.context import make_context


def create_app(config: Config | None = None, time_source: Clock = now) -> Flask:
    context = make_context(__name__, config, time_source=time_source)
    service.seed_catalog(context)
    return build_app(context, views.blueprint)
