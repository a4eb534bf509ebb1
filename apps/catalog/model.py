"""What a product is, what a reservation takes, and which product a file's row means; pure."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from apps.catalog.text import words
from shop_common import json_text, money
from shop_common.errors import ConflictError, NotFoundError, ShopError

MAX_STOCK = 1_000_000_000
MAX_LENGTHS = {"name": 500, "sku": 200, "description": 20_000, "category": 200, "image_url": 2_000}
# What is set of a product, and what is answered of it.
DATA = ("name", "price", "sku", "description", "category", "image_url")
ANSWERED = ("id", "name", "price", "stock", *DATA[2:], "created_at", "updated_at")
HELD = "HELD"
RELEASED = "RELEASED"
# PostgreSQL's unique index takes 2,704 bytes.
MAX_SOURCE_KEY_BYTES = 2_000

Options = tuple[tuple[str, str], ...]

_CURSOR = re.compile(r"([^,]{1,40}),(\d{1,9}),(\d{1,9})", re.ASCII)
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#\"<>\\][^\s\"<>\\]*", re.IGNORECASE)


class ProductNotFoundError(NotFoundError):
    def __init__(self, product_id: int) -> None:
        super().__init__(f"Product {product_id} not found")


class Line(NamedTuple):
    """So many of a product for an order; `price` in minor units, None: what the catalogue says."""

    product_id: int
    quantity: int
    price: int | None = None


class Cursor(NamedTuple):
    """How far someone has read the changes of what is for sale, of which catalogue."""

    catalogue: str
    listing: int
    product_id: int

    @classmethod
    def parse(cls, text: str) -> "Cursor | None":
        """A cursor as `dump` writes it; None for anything else."""
        match = _CURSOR.fullmatch(text)
        return cls(match[1], int(match[2]), int(match[3])) if match else None

    def dump(self) -> str:
        return f"{self.catalogue},{self.listing},{self.product_id}"


@dataclass(frozen=True, slots=True)
class ProductData:
    """What can be set of a product, its stock aside. The price is in minor units."""

    name: str
    price: int
    sku: str = ""
    description: str = ""
    category: str = ""
    image_url: str = ""

    @property
    def search_text(self) -> str:
        return " ".join(words(f"{self.name} {self.sku} {self.description}"))


@dataclass(frozen=True)
class Origin:
    """What files call a product: its handle, with the options of a variant."""

    handle: str
    options: Options = ()

    @cached_property
    def source_key(self) -> str:
        """`handle`, or `handle/Small/Red`. A shop that renames an option keeps its products."""
        parts = (self.handle, *(value for _, value in self.options))
        return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)

    @property
    def name_suffix(self) -> str:
        """What a variant's name has after the title: ` (Size: Small, Color: Red)`."""
        pairs = ", ".join(f"{name}: {value}" for name, value in self.options)
        return f" ({pairs})" if pairs else ""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One product of a file; `stock` is None where the file does not say.

    `stock_fault`: what was wrong with a quantity that was taken all the same.
    """

    line: int
    origin: Origin
    data: ProductData
    stock: int | None
    stock_fault: str = ""


@dataclass(frozen=True, slots=True)
class StoredProduct:
    """A product as the catalogue has it."""

    id: int
    origin: Origin
    data: ProductData
    stock: int
    is_archived: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about the record that begins on this physical line, 1 being the header."""

    line: int
    reason: str


class FileError(ShopError):
    """A file with bad rows; `errors` names each."""

    status = 422

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = len({problem.line for problem in problems})
        super().__init__(
            f"{count} row{'s' * (count != 1)} cannot be imported",
            errors=[asdict(problem) for problem in problems],
        )


@dataclass(slots=True)
class ImportPlan:
    """What an import does. `stock_set` are the products whose stock it sets, with the new stock."""

    created: list[ImportRow] = field(default_factory=list)
    updated: list[tuple[StoredProduct, ImportRow]] = field(default_factory=list)
    stock_set: list[tuple[StoredProduct, int]] = field(default_factory=list)
    unchanged: int = 0
    notices: list[Problem] = field(default_factory=list)


def dump_product(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ANSWERED} | {"price": money.to_number(row["price"])}


def edition(row: Mapping[str, Any]) -> str:
    """What an editor has read of a product: all that PATCH can change.

    The number alone comes again after a backup was put back, for something else.
    """
    data = json_text.dump([row[name] for name in DATA]).encode()
    return f"{row['version']}-{hashlib.blake2b(data, digest_size=6).hexdigest()}"


def version_tag(row: Mapping[str, Any]) -> str:
    """The product's ETag: its edition, and when anything of it has changed.

    Sales move the second alone: they change the answer, but must not fail an editor's If-Match.
    """
    return f"{edition(row)}.{row['updated_at']}"


def sum_lines(lines: Sequence[Line]) -> dict[int, int]:
    """How many of each product, by id: whoever takes several takes them in the same order."""
    totals = Counter[int]()
    for line in lines:
        totals[line.product_id] += line.quantity
    return dict(sorted(totals.items()))


def price_lines(
    lines: Sequence[Line], prices: Mapping[int, int], left: Mapping[int, int]
) -> list[Line]:
    """The lines at the catalogue's `prices`; `left` is the stock of what there is too little of.

    Raises NotFoundError for products without a price, else ConflictError for a line that says
    another price, else for what is left.
    """
    wanted = sum_lines(lines)
    if unknown := sorted(wanted.keys() - prices.keys()):
        raise NotFoundError(f"Product {unknown[0]} not found in catalog", unknown=unknown)
    wrong = {line.product_id for line in lines if line.price not in (None, prices[line.product_id])}
    if wrong:
        right = [{"product_id": id, "price": money.to_number(prices[id])} for id in sorted(wrong)]
        detail = "The price of product {product_id} is {price}".format_map(right[0])
        raise ConflictError(detail, prices=right)
    if left:
        short = [{"product_id": id, "wanted": wanted[id], "stock": left[id]} for id in sorted(left)]
        detail = "Only {stock} of product {product_id} left, not {wanted}".format_map(short[0])
        raise ConflictError(detail, short=short)
    return [line._replace(price=prices[line.product_id]) for line in lines]


def check_repeated(order_id: str, status: str, held: Sequence[Line], lines: Sequence[Line]) -> None:
    """Raise ConflictError unless `lines` ask for what the order holds already."""
    if status == RELEASED:
        raise ConflictError(f"Reservation {order_id} was released", released=True)
    if len(held) != len(lines) or any(
        new not in (old, old._replace(price=None)) for old, new in zip(held, lines, strict=True)
    ):
        raise ConflictError(f"Reservation {order_id} was made with other lines")


def dump_reservation(order_id: str, held: Sequence[Line]) -> dict[str, Any]:
    items = [line._asdict() | {"price": money.to_number(line.price or 0)} for line in held]
    return {"order_id": order_id, "status": HELD, "items": items}


def ranges(ids: Iterable[int]) -> list[list[int]]:
    """Ids as the first and last of those that follow on each other: most of a catalogue do."""
    found: list[list[int]] = []
    for number in ids:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def is_web_address(text: str) -> bool:
    """Whether the text is an address that a page may show an image from."""
    return _WEB_ADDRESS.fullmatch(text) is not None


def plan_import(
    rows: Sequence[ImportRow], stored: Sequence[StoredProduct], *, set_stock: bool
) -> ImportPlan:
    """Match rows to products by source key, else by an SKU that only one of each has.

    `stored` are all products with a key of the rows, or with the SKU of a row whose key is new. A
    matched product takes over what its row says, the source key included; its stock only if
    `set_stock`. One that was archived is for sale again: the file says that the shop sells it.
    """
    plan = ImportPlan()
    by_key = {product.origin.source_key: product for product in stored}
    by_sku = _unambiguous(rows, stored)
    for row in rows:
        product = by_key.get(row.origin.source_key) or by_sku.get(row.data.sku)
        if row.stock_fault and (product is None or set_stock):
            stays = product is not None and row.stock is None
            outcome = "the stock stays as it is" if stays else "taken as 0"
            plan.notices.append(Problem(row.line, f"{row.stock_fault}: {outcome}"))
        if product is None:
            plan.created.append(row)
            continue
        is_same = (product.origin, product.data) == (row.origin, row.data)
        if not is_same or product.is_archived:
            plan.updated.append((product, row))
        if product.is_archived:
            plan.notices.append(Problem(row.line, f"product {product.id} is for sale again"))
        if set_stock and row.stock not in (None, product.stock):
            plan.stock_set.append((product, row.stock or 0))
        elif is_same and not product.is_archived:
            plan.unchanged += 1
    return plan


def _unambiguous(
    rows: Sequence[ImportRow], stored: Sequence[StoredProduct]
) -> dict[str, StoredProduct]:
    """The products that an SKU alone names: it is once in the file and once in the catalogue."""
    keys = {row.origin.source_key for row in rows}
    in_file = Counter(row.data.sku for row in rows if row.data.sku)
    in_catalogue: defaultdict[str, list[StoredProduct]] = defaultdict(list)
    for product in stored:
        in_catalogue[product.data.sku].append(product)
    found = {}
    for sku in (sku for sku, count in in_file.items() if count == 1):
        # Archived products are looked at only where no other has the SKU.
        products = in_catalogue[sku]
        products = [product for product in products if not product.is_archived] or products
        if len(products) == 1 and products[0].origin.source_key not in keys:
            found[sku] = products[0]
    return found
