"""What the cart asks the catalogue, and what happens when it does not answer."""

from collections.abc import Collection
from typing import Any

from apps.cart.model import Changes, Offer
from shop_common import money
from shop_common.context import Context
from shop_common.exchange import Answer, BadAnswerError, listed, whole
from shop_common.http_client import NoPlaceError, fail_open

# A read must stay quick even while the catalogue hangs.
CHECK_TIMEOUT_S = 0.3
MAX_STOCK = 2**53  # what every reader of JSON takes exactly


@fail_open("validate_product")
def validate_product(context: Context, product_id: int) -> bool | None:
    """Whether the catalogue sells the product; None: let through unchecked."""
    # Whether it is back the refresh of the listing finds out, which nobody waits for.
    return product_id in _ask(context, [product_id], tries=False).read_as(_product_ids)


# A cart can be read while many others are: the next read checks what this one could not.
@fail_open("check_products", also=(NoPlaceError,))
def check_products(context: Context, product_ids: Collection[int]) -> set[int] | None:
    """Those of the products that the catalogue sells; None: still not to be known."""
    # `probe`: what was let through in an outage is checked as soon as the outage is over.
    answer = _ask(context, product_ids, timeout_s=CHECK_TIMEOUT_S, probe=True)
    return answer.read_as(_product_ids)


# It changes nothing, and says that it is not complete.
@fail_open("quote_prices", also=(NoPlaceError,))
def quote_prices(context: Context, product_ids: Collection[int]) -> dict[int, Offer] | None:
    """What the catalogue says of those of the products that it sells; None: it is silent."""
    return _ask(context, product_ids).read_as(
        lambda body: {whole(product["id"]): _offer(product) for product in listed(body)}
    )


def _ask(context: Context, product_ids: Collection[int], **how: Any) -> Answer:
    """Which of these the catalogue sells: all of them come in one list."""
    params = {"ids": ",".join(map(str, product_ids))}
    return context.partners["catalog"].call("GET", "/products", params=params, **how)


def list_changes(context: Context, after: str) -> Changes:
    """What the catalogue has begun or ceased to sell since `after`. Raises PartnerError."""
    answer = context.partners["catalog"].call("GET", "/changes", params={"after": after})
    changes = answer.read_as(_changes)
    if not changes.is_complete and changes.next == after:
        raise BadAnswerError("catalog", "would be asked for the same for ever")
    return changes


def _changes(body: Any) -> Changes:
    sold, gone = (
        [(max(0, whole(first)), whole(last)) for first, last in body[name]]
        for name in ("sold", "gone")
    )
    return Changes(
        is_continued=bool(body["is_continued"]),
        sold=sold,
        gone=gone,
        next=str(body["next"]),
        is_complete=bool(body["is_complete"]),
    )


def _offer(product: Any) -> Offer:
    name, stock = str(product["name"]), whole(product["stock"])
    name.encode()  # half a character is no text
    if not 0 <= stock <= MAX_STOCK:
        raise ValueError(f"{stock} is no number of pieces")
    return Offer(name, money.parse_minor(product["price"]), stock)


def _product_ids(body: Any) -> set[int]:
    """The ids in a product list: only a list decides."""
    return {whole(product["id"]) for product in listed(body)}
