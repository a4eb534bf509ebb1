"""What the rows of a Shopify product export mean; pure. Writing one is export.py."""

import re
from dataclasses import dataclass, field

from apps.catalog.model import (
    MAX_LENGTHS,
    MAX_SOURCE_KEY_BYTES,
    MAX_STOCK,
    ImportRow,
    Options,
    Origin,
    Problem,
    ProductData,
    is_web_address,
)
from apps.catalog.records import Record, read_records
from apps.catalog.text import one_line, plain_text
from shop_common import money

# What a file is read for; the first of the names that the file has is taken. Shopify's own exports
# and its newer template name the same columns differently.
COLUMNS = {
    "handle": ("Handle", "URL handle"),
    "title": ("Title",),
    "body": ("Body (HTML)", "Description"),
    "type": ("Type", "Custom Product Type"),
    "product_category": ("Product Category", "Standardized Product Type"),
    "google_category": ("Google Shopping / Google Product Category",),
    "tags": ("Tags",),
    "published": ("Published", "Published on online store"),
    "option1_name": ("Option1 Name",),
    "option1": ("Option1 Value",),
    "option2_name": ("Option2 Name",),
    "option2": ("Option2 Value",),
    "option3_name": ("Option3 Name",),
    "option3": ("Option3 Value",),
    "sku": ("Variant SKU", "SKU"),
    "quantity": ("Variant Inventory Qty", "Inventory quantity"),
    "price": ("Variant Price", "Price"),
    "image": ("Image Src", "Product image URL"),
    "variant_image": ("Variant Image", "Variant image URL"),
    "status": ("Status",),
    # Ours: the whole name of a variant that was renamed, which title and options cannot say.
    "name": ("Cornershop Name",),
}
REQUIRED = ("handle", "title", "price")
OPTIONS = ("option1", "option2", "option3")
# A file within these is read in memory; Shopify's own exports end at 15 MB.
MAX_PROBLEMS = 10_000
MAX_RECORDS = 250_000
MAX_COLUMNS = 1000

_QUANTITY = re.compile(r"(-?[0-9]{1,12})(?:\.0+)?")
# A spreadsheet's guard against turning digits into a number; those behind it are the text's own.
_GUARDED_DIGITS = re.compile(r"'('*[0-9]+)\Z")


@dataclass(slots=True)
class ProductFile:
    """What a file holds. With errors, `rows` are for no use but to go on looking for more."""

    rows: list[ImportRow] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)

    def error(self, line: int, reason: str) -> None:
        self.errors.append(Problem(line, reason))

    def notice(self, line: int, reason: str) -> None:
        self.notices.append(Problem(line, reason))


def read_products(body: bytes) -> ProductFile:
    """Every product of a Shopify export, and all that is wrong with it, not only the first."""
    result = ProductFile()
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        result.error(1, "the file is UTF-16; save it as UTF-8")
        return result
    records = read_records(body)
    header = next(records, Record(1, [], ["the file is empty"]))
    columns = _find_columns(header, result)
    if result.errors:
        return result
    reader = _RowReader(columns, header.fields, result)
    for count, record in enumerate(records):
        reader.read(record)
        too_many = ""
        if len(result.errors) >= MAX_PROBLEMS:
            too_many = f"{MAX_PROBLEMS} problems"
        elif count >= MAX_RECORDS:
            too_many = f"more than {MAX_RECORDS} rows"
        if too_many:
            result.error(record.line, f"{too_many}; the rest was not read")
            break
    return result


def _find_columns(header: Record, result: ProductFile) -> dict[str, int]:
    """Where each column of COLUMNS that the file has stands; order, case and spaces are free."""
    for fault in header.faults:
        result.error(header.line, fault)
    if len(header.fields) > MAX_COLUMNS:
        # Each row is filled up to as many fields: a million of them would take milliseconds a row.
        result.error(header.line, f"the header has more than {MAX_COLUMNS} columns")
        return {}
    names = [one_line(name).casefold() for name in header.fields]
    columns = {}
    for column, aliases in COLUMNS.items():
        for alias in aliases:
            found = names.count(alias.casefold())
            if found > 1:
                result.error(header.line, f"the column {alias} is there {found} times")
            if found:
                columns[column] = names.index(alias.casefold())
                break
    missing = [COLUMNS[column][0] for column in REQUIRED if column not in columns]
    if missing and not header.faults:
        hint = "; are the fields separated by commas?" if len(names) == 1 else ""
        result.error(header.line, f"the header has no {', '.join(missing)}{hint}")
    elif "quantity" not in columns:
        result.notice(
            header.line, f"no column {COLUMNS['quantity'][0]}: new products have no stock"
        )
    return columns


@dataclass(frozen=True, slots=True)
class _Head:
    """The first row of a handle: what its further rows leave blank."""

    title: str
    option_names: tuple[str, ...]
    description: str
    category: str
    image_url: str
    status: str


class _RowReader:
    """Reads one record after the other; the first of each handle speaks for those after it."""

    def __init__(self, columns: dict[str, int], header: list[str], result: ProductFile) -> None:
        self.columns = columns
        self.labels = {column: one_line(header[at]) for column, at in columns.items()}
        self.width = len(header)
        self.result = result
        self.heads: dict[str, _Head] = {}
        self.lines: dict[str, int] = {}
        self.said: set[tuple[str, str]] = set()

    def read(self, record: Record) -> None:
        line, fields = record.line, record.fields
        for fault in record.faults:
            self.result.error(line, fault)
        if not any(fields):
            return
        if len(fields) != self.width:
            self.result.error(line, f"has {len(fields)} fields, the header has {self.width}")
            fields = fields + [""] * self.width
        cell = dict.fromkeys(COLUMNS, "")
        cell |= {column: fields[at].strip() for column, at in self.columns.items()}
        handle = one_line(cell["handle"])
        if not handle:
            self.result.error(line, f"{self.labels['handle']} is missing")
            return
        first = handle not in self.heads
        if first:
            self.heads[handle] = self._read_head(line, cell)
        head = self.heads[handle]
        values = [cell[option] for option in OPTIONS]
        if not first and not any((cell["price"], cell["sku"], cell["quantity"], *values)):
            if not cell["image"] and not cell["variant_image"]:
                self.result.notice(line, "neither a product nor an image: skipped")
            return
        status = (cell["status"] or head.status).lower()
        if status in ("draft", "archived"):
            self.result.notice(line, f"the product is {status} in Shopify: skipped")
            return
        if first and not head.title:
            self.result.error(line, f"{self.labels['title']} is missing")
        self._read_variant(line, handle, head, cell)

    def _read_head(self, line: int, cell: dict[str, str]) -> _Head:
        if cell["published"].lower() == "false" and cell["status"].lower() in ("", "active"):
            self.result.notice(line, "not published in Shopify's own shop: imported all the same")
        return _Head(
            title=one_line(cell["title"]),
            option_names=tuple(one_line(cell[f"{option}_name"]) for option in OPTIONS),
            description=plain_text(cell["body"]),
            category=_category(cell),
            image_url=cell["image"],
            status=cell["status"],
        )

    def _read_variant(self, line: int, handle: str, head: _Head, cell: dict[str, str]) -> None:
        origin = Origin(handle, self._options(head, cell))
        key = origin.source_key
        if key in self.lines:
            self.result.error(line, f"the same handle and options as line {self.lines[key]}")
        elif len(key.encode()) > MAX_SOURCE_KEY_BYTES:
            self.result.error(line, "handle and options together are too long")
        self.lines.setdefault(key, line)
        # A further row may carry its own title and texts, as files of other programs do.
        title = one_line(cell["title"]) or head.title
        data = ProductData(
            name=one_line(cell["name"]) or title + origin.name_suffix,
            price=self._price(line, cell["price"]),
            sku=_sku(cell["sku"]),
            description=plain_text(cell["body"]) if cell["body"] else head.description,
            category=_category(cell) or head.category,
            image_url=_image_url(cell["variant_image"] or head.image_url),
        )
        stock, fault = self._stock(line, cell["quantity"])
        self._check(line, handle, data)
        self.result.rows.append(ImportRow(line, origin, data, stock, fault))

    def _options(self, head: _Head, cell: dict[str, str]) -> Options:
        options = []
        for option, head_name in zip(OPTIONS, head.option_names, strict=True):
            if value := one_line(cell[option]):
                name = one_line(cell[f"{option}_name"]) or head_name or option.capitalize()
                options.append((name, value))
        if len(options) == 1 and options[0][1] == "Default Title":
            return ()
        return tuple(options)

    def _price(self, line: int, text: str) -> int:
        if not text:
            self.result.error(line, f"{self.labels['price']} is missing")
            return 0
        try:
            return money.parse_minor(text)
        except ValueError as error:
            reason = str(error).lower().rstrip(".")
            self.result.error(line, f"{self.labels['price']} {_shown(text)}: {reason}")
            return 0

    def _stock(self, line: int, text: str) -> tuple[int | None, str]:
        """The stock, and what is wrong with it: what that means only the catalogue knows."""
        if "quantity" not in self.columns:
            return None, ""
        label = self.labels["quantity"]
        if not text:
            return None, f"{label} is missing"
        number = _QUANTITY.fullmatch(text)
        if number is None:
            self.result.error(line, f"{label} {_shown(text)}: not a whole number")
            return None, ""
        stock = int(number[1])
        if stock > MAX_STOCK:
            self.result.error(line, f"{label} {_shown(text)}: must be at most {MAX_STOCK}")
        return max(stock, 0), f"{label} is {stock}" if stock < 0 else ""

    def _check(self, line: int, handle: str, data: ProductData) -> None:
        reasons = [
            f"the {name} has more than {longest} characters".replace("_url", "'s address")
            for name, longest in MAX_LENGTHS.items()
            if len(getattr(data, name)) > longest
        ]
        if data.image_url and not is_web_address(data.image_url):
            reasons.append(f"the image {_shown(data.image_url)} is no web address")
        for reason in reasons:
            # What the first row of a handle has wrong, its variants only inherit.
            if (handle, reason) not in self.said:
                self.said.add((handle, reason))
                self.result.error(line, reason)


def _category(cell: dict[str, str]) -> str:
    """The type, else the last part of a category's path, else the first tag."""
    path = cell["product_category"] or cell["google_category"]
    # Google's categories may be given by number, which tells a customer nothing.
    path = "" if path.isdigit() else path
    candidates = (cell["type"], path.rpartition(">")[2], cell["tags"].split(",")[0])
    return next((name for name in map(one_line, candidates) if name), "")


def _sku(text: str) -> str:
    guarded = _GUARDED_DIGITS.match(one_line(text))
    return guarded[1] if guarded else one_line(text)


def guard_sku(sku: str) -> str:
    """As a file must have it, so that reading it takes off nothing of its own."""
    return f"'{sku}" if _GUARDED_DIGITS.match(sku) else sku


def _image_url(text: str) -> str:
    text = text.replace(" ", "%20")
    return f"https:{text}" if text.startswith("//") else text


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
