"""The routes of the orders app."""

from functools import partial
from typing import Any

from flask import Blueprint, Response

from apps.orders import creation, reports, schemas, service
from apps.orders.export import write_orders
from apps.orders.model import CANCELLED, DELIVERED, SHIPPED, RefundReport, WantedLine, dump_order
from shop_common.context import ctx
from shop_common.download import csv_download
from shop_common.operations import operation
from shop_common.paging import Page, read_page

blueprint = Blueprint("orders", __name__)

_UNKNOWN = "no such order"
_move_operation = partial(
    operation,
    body=schemas.ReasonSchema(),
    body_required=False,
    answers={200: schemas.OrderSchema()},
    errors={404: _UNKNOWN, 409: "the order is in a state that this does not start from"},
)


@blueprint.post("/orders")
@operation(
    "Order these products, or without a body check out the user's cart",
    query=schemas.CreateOrderQuerySchema(),
    body=schemas.WantedLineSchema(many=True),
    body_required=False,
    answers={200: schemas.OrderSchema()},
    errors={
        404: "the catalogue does not sell a product",
        409: "a price is not the catalogue's, too little is left, or the cart is empty; says which",
        503: "the catalogue is silent and a price is missing, or the cart does not answer",
    },
)
def create_order(query: dict[str, Any], body: list[WantedLine] | None) -> dict[str, Any]:
    return dump_order(creation.create_order(ctx(), query["user_id"], body))


@blueprint.get("/orders")
@operation(
    "Orders, newest first",
    query=schemas.OrderQuerySchema(),
    answers={200: schemas.OrderSchema(many=True)},
)
def list_orders(query: dict[str, Any]) -> Page:
    return read_page(partial(service.list_orders, ctx()), query, "order_id", dump_order)


@blueprint.get("/orders/stats")
@operation(
    "What was sold in the last days, and what has become of the orders made in them",
    query=schemas.StatsQuerySchema(),
    answers={200: schemas.StatsSchema()},
)
def get_stats(query: dict[str, Any]) -> dict[str, Any]:
    return reports.get_stats(ctx(), query["days"])


@blueprint.get("/orders/export")
@operation(
    "Orders as a file, newest first, one row each",
    query=schemas.ExportQuerySchema(),
    answers={200: "text/csv"},
)
def export_orders(query: dict[str, Any]) -> Response:
    orders = reports.export_orders(ctx(), **query)
    return csv_download(write_orders(orders, ctx().config.currency), "orders.csv")


@blueprint.get("/orders/<order_id>")
@operation("One order", answers={200: schemas.OrderSchema()}, errors={404: _UNKNOWN})
def get_order(order_id: str) -> dict[str, Any]:
    return dump_order(service.get_order(ctx(), order_id))


@blueprint.post("/orders/<order_id>/payment")
@operation(
    "For payments only: this payment has paid the order; without a body, payments is asked",
    body=schemas.PaymentReportSchema(),
    body_required=False,
    answers={200: schemas.OrderMovedSchema()},
    errors={404: _UNKNOWN, 409: "no payment, or none that the order can take"},
)
def order_payment(order_id: str, body: dict[str, Any] | None) -> dict[str, Any]:
    reported = (body["payment_id"], body["amount"]) if body else None
    return service.order_payment(ctx(), order_id, reported)


@blueprint.post("/orders/<order_id>/refund")
@operation(
    "For payments only: so much of this payment was given back",
    body=schemas.RefundReportSchema(),
    answers={200: schemas.OrderMovedSchema()},
    errors={404: _UNKNOWN},
)
def order_refund(order_id: str, body: dict[str, Any]) -> dict[str, Any]:
    return service.record_refund(ctx(), order_id, RefundReport(**body))


@blueprint.get("/orders/<order_id>/history")
@operation(
    "What an order has been through, newest first",
    answers={200: schemas.HistorySchema(many=True)},
    errors={404: _UNKNOWN},
)
def get_history(order_id: str) -> list[dict[str, Any]]:
    return service.get_history(ctx(), order_id)


@blueprint.post("/orders/<order_id>/cancel")
@_move_operation(
    "Cancel an order that is not shipped: its stock goes back, and its money if it is paid"
)
def cancel_order(order_id: str, body: dict[str, Any] | None) -> dict[str, Any]:
    return _move(order_id, CANCELLED, body)


@blueprint.post("/orders/<order_id>/ship")
@_move_operation("Say that a paid order is on its way")
def ship_order(order_id: str, body: dict[str, Any] | None) -> dict[str, Any]:
    return _move(order_id, SHIPPED, body)


@blueprint.post("/orders/<order_id>/deliver")
@_move_operation("Say that a shipped order has arrived")
def deliver_order(order_id: str, body: dict[str, Any] | None) -> dict[str, Any]:
    return _move(order_id, DELIVERED, body)


@blueprint.get("/admin/doctor")
@operation(
    "The last report of ./shop doctor",
    answers={200: schemas.DoctorReportSchema()},
    errors={404: "it has not run yet"},
)
def get_doctor_report() -> dict[str, Any]:
    return service.get_doctor_report(ctx())


def _move(order_id: str, to_status: str, body: dict[str, Any] | None) -> dict[str, Any]:
    return dump_order(service.move_order(ctx(), order_id, to_status, (body or {}).get("reason")))
