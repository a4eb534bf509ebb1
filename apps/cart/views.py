"""The routes of the cart app."""

from typing import Any

from flask import Blueprint

from apps.cart import schemas, service
from apps.cart.model import dump_change, dump_lines
from shop_common.context import ctx
from shop_common.fields import UserPath
from shop_common.operations import operation

blueprint = Blueprint("cart", __name__)

_UNKNOWN = "the catalogue does not sell this product"
_FULL = "more than a line or a cart can hold"


@blueprint.get("/cart/<user_id>")
@operation(
    "A user's cart, empty for a stranger", path=UserPath(), answers={200: schemas.CartSchema()}
)
def get_cart(user_id: str) -> dict[str, Any]:
    return {"user_id": user_id, "cart": dump_lines(service.get_cart(ctx(), user_id))}


@blueprint.post("/cart/<user_id>/add")
@operation(
    "Put a product into the cart, adding to what is there",
    path=UserPath(),
    query=schemas.AddToCartSchema(),
    answers={200: schemas.CartChangeSchema()},
    errors={404: _UNKNOWN, 409: _FULL},
)
def add_to_cart(user_id: str, query: dict[str, Any]) -> dict[str, Any]:
    lines = service.add_to_cart(ctx(), user_id, query["product_id"], query["quantity"])
    return dump_change("Item added", lines)


@blueprint.put("/cart/<user_id>/items/<int:product_id>")
@operation(
    "Set the quantity of a product",
    path=schemas.ItemPath(),
    query=schemas.SetItemSchema(),
    answers={200: schemas.CartChangeSchema()},
    errors={404: _UNKNOWN, 409: _FULL},
)
def set_item(user_id: str, product_id: int, query: dict[str, Any]) -> dict[str, Any]:
    lines = service.set_item(ctx(), user_id, product_id, query["quantity"])
    return dump_change("Item updated", lines)


@blueprint.delete("/cart/<user_id>/items/<int:product_id>")
@operation(
    "Take a product out of the cart",
    path=schemas.ItemPath(),
    answers={200: schemas.CartChangeSchema()},
)
def remove_item(user_id: str, product_id: int) -> dict[str, Any]:
    return dump_change("Item removed", service.remove_item(ctx(), user_id, product_id))


@blueprint.delete("/cart/<user_id>/clear")
@operation("Empty the cart", path=UserPath(), answers={200: schemas.CartClearedSchema()})
def clear_cart(user_id: str) -> dict[str, str]:
    service.clear_cart(ctx(), user_id)
    return {"message": "Cart cleared"}


@blueprint.get("/cart/<user_id>/quote")
@operation("The cart at today's prices", path=UserPath(), answers={200: schemas.QuoteSchema()})
def get_quote(user_id: str) -> dict[str, Any]:
    return service.get_quote(ctx(), user_id)


@blueprint.post("/cart/<user_id>/checkouts")
@operation(
    "For orders: move the lines out of the cart, under an order's id; again: the same lines",
    path=UserPath(),
    body=schemas.TakeCartSchema(),
    answers={200: schemas.TakenCartSchema()},
    errors={409: "an empty cart, a product that is no longer sold, or an id that was restored"},
)
def take_cart(user_id: str, body: dict[str, Any]) -> dict[str, Any]:
    return service.take_cart(ctx(), user_id, body["order_id"])


@blueprint.post("/cart/<user_id>/checkouts/<order_id>/restore")
@operation(
    "For orders: put the lines back, once; an id that is not known yet can be taken no more",
    path=schemas.RestorePath(),
    answers={200: schemas.RestoredCartSchema()},
    errors={409: "the check-out is another user's"},
)
def restore_cart(user_id: str, order_id: str) -> dict[str, str]:
    return service.restore_cart(ctx(), user_id, order_id)


service.CHECKOUTS.add_routes(
    blueprint, listed="what was taken and is not settled", settled="these ids have their order"
)
