"""Products written in Shopify's columns, so that shopify.py reads the same products back; pure."""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby

from apps.catalog.model import StoredProduct
from apps.catalog.shopify import guard_sku
from apps.catalog.text import as_html
from shop_common import money
from shop_common.csv_file import write_csv

OPTION_COLUMNS = [f"Option{number} {part}" for number in (1, 2, 3) for part in ("Name", "Value")]
# A value that begins with `=` is left as it is: guarding it against spreadsheets would change it.
COLUMNS = [
    *("Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published"),
    *OPTION_COLUMNS,
    *("Variant SKU", "Variant Inventory Tracker", "Variant Inventory Qty"),
    *("Variant Inventory Policy", "Variant Fulfillment Service", "Variant Price"),
    *("Variant Requires Shipping", "Variant Taxable", "Image Src", "Variant Image", "Status"),
    "Cornershop Name",
]


def write_products(products: Iterable[StoredProduct]) -> Iterator[str]:
    """The file, in pieces. The products of one handle must follow one another."""
    handles = groupby(products, key=lambda product: product.origin.handle)
    return write_csv(
        COLUMNS, chain.from_iterable(_write_handle(list(variants)) for _, variants in handles)
    )


def _write_handle(variants: list[StoredProduct]) -> Iterator[dict[str, str]]:
    # What a further row leaves blank is read from the first one, so a product without a category
    # must come first where its neighbours have one; likewise for the image.
    variants.sort(key=lambda variant: variant.data.category != "")
    first = _write_variant(variants[0])
    if all(variant.data.image_url for variant in variants):
        first["Image Src"] = variants[0].data.image_url
    yield first | {"Published": "true", "Status": "active"}
    for row in map(_write_variant, variants[1:]):
        for column in ("Title", "Body (HTML)", "Type", *OPTION_COLUMNS[::2]):
            if row.get(column) == first.get(column):
                row[column] = ""
            elif column == "Body (HTML)" and not row[column]:
                row[column] = "<p></p>"
        yield row


def _write_variant(product: StoredProduct) -> dict[str, str]:
    data, suffix = product.data, product.origin.name_suffix
    title = data.name.removesuffix(suffix).strip() or data.name
    options = product.origin.options or (("Title", "Default Title"),)
    cells = dict(zip(OPTION_COLUMNS, (part for pair in options for part in pair), strict=False))
    return cells | {
        "Handle": product.origin.handle,
        "Title": title,
        "Body (HTML)": as_html(data.description),
        "Type": data.category,
        "Variant SKU": guard_sku(data.sku),
        "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": str(product.stock),
        "Variant Inventory Policy": "deny",
        "Variant Fulfillment Service": "manual",
        "Variant Price": money.to_text(data.price),
        "Variant Requires Shipping": "true",
        "Variant Taxable": "true",
        "Variant Image": data.image_url,
        # A variant that was renamed: its name is not made of title and options.
        "Cornershop Name": "" if title + suffix == data.name else data.name,
    }
