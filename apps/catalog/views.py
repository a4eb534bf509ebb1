"""The catalogue's routes: parse, one service call, dump."""

import hashlib
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from apps.catalog import schemas, service
from apps.catalog.export import write_products
from apps.catalog.model import Line, ProductData, dump_product, version_tag
from apps.catalog.shopify import read_products
from shop_common import idempotency, json_text
from shop_common.context import ctx
from shop_common.db import Row
from shop_common.download import csv_download
from shop_common.errors import UnsupportedMediaError
from shop_common.operations import operation
from shop_common.paging import DEFAULT_LIMIT, MAX_LIMIT, Page, read_page

blueprint = Blueprint("catalog", __name__)

MAX_FILE_BYTES = 64 * 1024 * 1024


@blueprint.get("/products")
@operation(
    "Products for sale, by id",
    query=schemas.ProductQuerySchema(),
    answers={200: schemas.ProductSchema(many=True), 304: None},
)
def list_products(query: dict[str, Any]) -> Response:
    query.setdefault("limit", MAX_LIMIT if "ids" in query else DEFAULT_LIMIT)
    load = partial(service.list_products, ctx())
    products, link = read_page(load, query, "id", dump_product)
    body = json_text.dump(products)
    etag = hashlib.blake2b(body.encode(), digest_size=12).hexdigest()
    return _answer(body, etag, link)


@blueprint.get("/products/<int:product_id>")
@operation(
    "One product",
    answers={200: schemas.ProductSchema(), 304: None},
    errors={404: "no such product"},
)
def get_product(product_id: int) -> Response:
    return _answer_product(service.get_product(ctx(), product_id))


@blueprint.post("/products")
@operation("Add a product", body=schemas.NewProductSchema(), answers={201: schemas.ProductSchema()})
def create_product(body: dict[str, Any]) -> Any:
    stock = body.pop("stock")
    return service.create_product(ctx(), ProductData(**body), stock)


@blueprint.patch("/products/<int:product_id>")
@operation(
    "Change a product; with `If-Match` only the version that was read",
    body=schemas.ProductChangesSchema(),
    answers={200: schemas.ProductSchema()},
    errors={404: "no such product", 412: "it was changed meanwhile"},
)
def update_product(product_id: int, body: dict[str, Any]) -> Response:
    return _answer_product(service.update_product(ctx(), product_id, body, _expected_editions()))


@blueprint.delete("/products/<int:product_id>")
@operation(
    "Archive a product: it is no longer for sale, its history stays",
    answers={204: None},
    errors={404: "no such product", 412: "it was changed meanwhile"},
)
def archive_product(product_id: int) -> tuple[str, int]:
    service.archive_product(ctx(), product_id, _expected_editions())
    return "", 204


@blueprint.post("/products/<int:product_id>/stock")
@operation(
    "Add to the stock, or take from it",
    body=schemas.StockChangeSchema(),
    answers={200: schemas.ProductSchema()},
    errors={404: "no such product", 409: "the stock would be below zero"},
)
def change_stock(product_id: int, body: dict[str, Any]) -> Any:
    return service.change_stock(ctx(), product_id, **body)


@blueprint.get("/products/<int:product_id>/stock/history")
@operation(
    "How the stock came to be, newest first; of archived products too",
    query=schemas.HistoryQuerySchema(),
    answers={200: schemas.StockMovementSchema(many=True)},
    errors={404: "no such product"},
)
def get_stock_history(product_id: int, query: dict[str, Any]) -> Page:
    return read_page(partial(service.get_stock_history, ctx(), product_id), query, "id")


@blueprint.get("/categories")
@operation(
    "The categories of the products for sale",
    query=schemas.CategoryQuerySchema(),
    answers={200: schemas.CategorySchema(many=True)},
)
def list_categories(query: dict[str, Any]) -> Page:
    return read_page(partial(service.list_categories, ctx()), query, "category")


@blueprint.post("/products/import")
@operation(
    "Import a Shopify product export, sent as text/csv: all of it, or with any bad row nothing",
    query=schemas.ImportQuerySchema(),
    raw_body="text/csv",
    reads_key=True,
    answers={200: schemas.ImportResultSchema()},
    errors={413: "more than 64 MiB", 415: "not text/csv", 422: "`errors` names each bad row"},
)
def import_products(query: dict[str, Any]) -> Any:
    if request.mimetype != "text/csv":
        raise UnsupportedMediaError("The file must be sent as text/csv.")
    # Before the key is looked at, which reads the whole file.
    request.max_content_length = MAX_FILE_BYTES

    def answer() -> Any:
        return service.import_products(ctx(), read_products(request.get_data(cache=False)), **query)

    return idempotency.run(ctx().db, ctx().clock, answer)


@blueprint.get("/products/export")
@operation("All products in Shopify's columns", answers={200: "text/csv"})
def export_products() -> Response:
    return csv_download(write_products(service.export_products(ctx())), "products.csv")


@blueprint.post("/reservations")
@operation(
    "For orders: take the stock of all lines, or of none; asked again, the same answer",
    body=schemas.NewReservationSchema(),
    answers={200: schemas.ReservationSchema()},
    errors={404: "`unknown` names the products", 409: "`prices`, `short` or `released` says why"},
)
def create_reservation(body: dict[str, Any]) -> Any:
    lines = [Line(**item) for item in body["items"]]
    return service.create_reservation(ctx(), body["order_id"], lines)


@blueprint.post("/reservations/<order_id>/release")
@operation(
    "For orders: give back once what is held; an order that holds nothing yet never will",
    path=schemas.ReservationPath(),
    body=schemas.ReleaseSchema(),
    body_required=False,
    answers={200: schemas.ReservationSchema()},
)
def release_reservation(order_id: str, body: dict[str, Any] | None) -> Any:
    return service.release_reservation(ctx(), order_id, (body and body["reason"]) or "release")


service.RESERVATIONS.add_routes(
    blueprint,
    listed="what is held for orders that it has not confirmed",
    settled="these orders are there",
)


@blueprint.get("/changes")
@operation(
    "For cart: which products have come for sale or have gone, in the order of that",
    polled=True,
    query=schemas.ChangesQuerySchema(),
    answers={200: schemas.ChangesSchema()},
)
def list_changes(query: dict[str, Any]) -> Any:
    return service.list_changes(ctx(), **query)


def _answer_product(row: Row) -> Response:
    return _answer(json_text.dump(dump_product(row)), version_tag(row), {})


def _answer(body: str, etag: str, headers: dict[str, str]) -> Response:
    """The JSON body with its ETag; 304 where a GET's `If-None-Match` has it already."""
    headers = {"ETag": f'"{etag}"', **headers}
    if request.method in ("GET", "HEAD") and request.if_none_match.contains_weak(etag):
        return Response(status=304, headers=headers)
    return Response(body, content_type="application/json", headers=headers)


def _expected_editions() -> set[str] | None:
    """The editions that `If-Match` names; None where it names none or any.

    Nginx makes a tag weak when it compresses, which says nothing about the edition: taken alike.
    """
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    tags = request.if_match.as_set(include_weak=True)
    # An empty tag, `""`, is read as None.
    return {tag.partition(".")[0] for tag in tags if tag}
