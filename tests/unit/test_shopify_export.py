"""The exported file: Shopify's columns, and the same products when it is read again."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from apps.catalog.export import COLUMNS, write_products
from apps.catalog.model import Origin, ProductData, StoredProduct, is_web_address
from apps.catalog.shopify import read_products
from apps.catalog.text import one_line, tidy

plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=15)
one_liner = plain.map(one_line)
image_urls = one_liner.map(lambda text: f"https://x.test/{text}").filter(is_web_address)
product_data = st.builds(
    ProductData,
    name=one_liner.filter(bool),
    price=st.integers(0, 9_999_999_999),
    sku=one_liner | st.text("'0", max_size=4),
    description=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map(
        tidy
    ),
    category=one_liner,
    image_url=image_urls | st.just(""),
)
options = (
    st.lists(
        st.tuples(st.sampled_from(["Size", "Color", "Fit"]), one_liner.filter(bool)),
        max_size=3,
        unique_by=lambda option: option[0],
    )
    # Shopify's mark for a product without options; no product that was imported has it.
    .filter(lambda pairs: [value for _, value in pairs] != ["Default Title"])
    .map(tuple)
)


def make(handle: str, name: str, *pairs: tuple[str, str]) -> StoredProduct:
    return StoredProduct(1, Origin(handle, pairs), ProductData(name=name, price=999), 1, False)


def rows_of(*products: StoredProduct) -> list[dict[str, str]]:
    text = "".join(write_products(products))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_an_empty_catalogue() -> None:
    """The header is there even without a product."""
    assert "".join(write_products([])) == ",".join(COLUMNS) + "\r\n"


def test_a_product_without_options() -> None:
    """It is written as Shopify does: one option `Title` with the value `Default Title`."""
    row = rows_of(make("mug", "=Mug"))[0]
    assert row["Title"] == "=Mug"
    assert (row["Option1 Name"], row["Option1 Value"]) == ("Title", "Default Title")
    assert (row["Variant Price"], row["Variant Inventory Qty"]) == ("9.99", "1")
    assert (row["Status"], row["Cornershop Name"]) == ("active", "")


def test_variants_repeat_nothing() -> None:
    """Title and option names stand in the first row of a handle only."""
    first, second = rows_of(
        make("shirt", "Shirt (Size: S)", ("Size", "S")),
        make("shirt", "Shirt (Size: M)", ("Size", "M")),
    )
    assert (first["Title"], first["Option1 Name"], first["Option1 Value"]) == ("Shirt", "Size", "S")
    assert (second["Title"], second["Option1 Name"], second["Option1 Value"]) == ("", "", "M")


def test_a_renamed_variant() -> None:
    """A name that title and options do not add up to is written out."""
    rows = rows_of(
        make("shirt", "Shirt (Size: S)", ("Size", "S")), make("shirt", "Bargain", ("Size", "M"))
    )
    assert rows[1]["Cornershop Name"] == "Bargain"


@given(
    st.lists(
        st.builds(
            StoredProduct,
            id=st.just(1),
            origin=st.builds(
                Origin, handle=st.sampled_from(["shirt", "cap", "50% off/sale"]), options=options
            ),
            data=product_data,
            stock=st.integers(0, 1_000_000_000),
            is_archived=st.just(False),
        ),
        unique_by=lambda product: product.origin.source_key,
    )
)
def test_what_is_written_is_read_again(products: list[StoredProduct]) -> None:
    """Export and import leave every product as it was, whatever its texts are."""
    products.sort(key=lambda product: product.origin.handle)
    text = "".join(write_products(products))
    result = read_products(text.encode())
    assert (result.errors, result.notices) == ([], [])
    read = {row.origin: (row.data, row.stock) for row in result.rows}
    assert read == {product.origin: (product.data, product.stock) for product in products}
