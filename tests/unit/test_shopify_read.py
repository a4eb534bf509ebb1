"""Shopify exports as they are: what becomes a product, what is said about the rest, and where."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.catalog import shopify
from apps.catalog.model import ImportRow, Problem
from apps.catalog.shopify import ProductFile, read_products

REAL_EXPORT = Path(__file__).parents[1] / "data" / "shopify-apparel.csv"
HEADER = [
    *("Handle", "Title", "Body (HTML)", "Type", "Tags", "Published"),
    *("Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value"),
    *("Variant SKU", "Variant Inventory Qty", "Variant Price"),
    *("Image Src", "Variant Image", "Status"),
]


def make_file(*rows: dict[str, Any], header: list[str] = HEADER, eol: str = "\n") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, restval="", lineterminator=eol)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def product(**cells: Any) -> dict[str, Any]:
    row = {
        "Handle": "shirt",
        "Title": "Shirt",
        "Variant Price": "10.50",
        "Variant Inventory Qty": "3",
    }
    return row | {name.replace("_", " "): value for name, value in cells.items()}


def only_row(result: ProductFile) -> ImportRow:
    assert result.errors == []
    assert len(result.rows) == 1
    return result.rows[0]


def said(problems: list[Problem]) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in problems]


def test_a_real_export() -> None:
    """Each row with a price is a product; variants have their option in the name."""
    result = read_products(REAL_EXPORT.read_bytes())
    assert (result.errors, result.notices) == ([], [])
    assert len(result.rows) == 22
    medium = result.rows[2]
    assert (medium.line, medium.origin.source_key) == (4, "classic-varsity-top/Medium")
    assert medium.data.name == "Classic Varsity Top (Size: Medium)"
    assert (medium.data.price, medium.stock, medium.data.category) == (6000, 1, "women")
    assert medium.data.image_url.endswith("casual-fashion-woman_925x.jpg")
    assert medium.data.description.startswith("Womens casual varsity top")
    assert result.rows[0].data.name == "Ocean Blue Shirt"
    assert result.rows[0].origin.options == ()


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark(eol: str, mark: bytes) -> None:
    """A file from any system reads the same."""
    result = read_products(mark + make_file(product(), product(Handle="cap"), eol=eol))
    assert [(row.line, row.origin.handle) for row in result.rows] == [(2, "shirt"), (3, "cap")]


def test_lines_are_where_records_begin() -> None:
    """Multi-line bodies, other kinds of line separators and blank lines do not move a line."""
    body = make_file(
        product(**{"Body (HTML)": "<p>one\ntwo\r\nthree\u2028four\x85five\x0bsix</p>\n"}),
        product(Handle="b", Title="B\u2028C\u00a0D"),
    )
    last = make_file(product(Handle="c")).splitlines()[1]
    result = read_products(body + b"\n\r\n,,,,,,,,,,,,,,,\n" + last)
    assert result.errors == []
    assert [row.line for row in result.rows] == [2, 6, 10]
    assert result.rows[1].data.name == "B C D"


def test_header_in_any_order_and_writing() -> None:
    """Columns are found by name, whatever their order, case and spaces; others are ignored."""
    header = [" variant PRICE", "TITLE", "Metafield: x", "handle ", "Metafield: x", ""]
    row = only_row(read_products((",".join(header) + "\n9,Hat,x,hat,y,z\n").encode()))
    assert (row.origin.source_key, row.data.name, row.data.price, row.stock) == (
        "hat",
        "Hat",
        900,
        None,
    )


def test_new_column_names() -> None:
    """Shopify's newer template is read too."""
    text = (
        "Title,URL handle,Description,Product category,Published on online store,Status,SKU,"
        "Option1 name,Option1 value,Option1 Linked To,Price,Price / International,"
        "Inventory quantity,Product image URL,Variant image URL\n"
        "Vase,vase,<p>Glazed</p>,Home > Decor > Vases,TRUE,Active,V-S,Size,Small,,100,90,12,"
        "https://x.test/a.jpg,\n"
        ",vase,,,,,V-L,,Large,,150,,4,https://x.test/c.jpg,https://x.test/b.jpg\n"
        ",vase,,,,,,,,,,,,https://x.test/d.jpg,\n"
    )
    result = read_products(text.encode())
    assert (result.errors, result.notices) == ([], [])
    small, large = result.rows
    assert (small.data.name, small.data.sku, small.stock) == ("Vase (Size: Small)", "V-S", 12)
    assert (small.data.category, small.data.description) == ("Vases", "Glazed")
    assert small.data.image_url == "https://x.test/a.jpg"
    assert (large.origin.source_key, large.data.price) == ("vase/Large", 15000)
    assert large.data.image_url == "https://x.test/b.jpg"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf \n", "the header has no Handle, Title, Variant Price; are the fields"),
        (b"\nHandle,Title\n", "the header has no Handle, Title, Variant Price"),
        (b"Handle,Title\nx,y\n", "the header has no Variant Price"),
        (b"Handle;Title;Variant Price\n", "are the fields separated by commas?"),
        (b"Handle,Title,Variant Price,TITLE\n", "the column Title is there 2 times"),
        ("Handle,Title".encode("utf-16"), "the file is UTF-16; save it as UTF-8"),
        (b"Handle,T\xeftle,Variant Price\n", "not UTF-8 text"),
        (b'"Handle,Title\nx,y\n', "a quoted field is never closed"),
        (b"Handle,Title,Variant Price" + b"," * 1000, "the header has more than 1000 columns"),
    ],
)
def test_unusable_file(body: bytes, reason: str) -> None:
    """A file that cannot be read at all is refused with its first line."""
    result = read_products(body)
    assert result.rows == []
    assert result.errors[0].line == 1
    assert reason in result.errors[0].reason


def test_header_alone() -> None:
    """A file without products is no error."""
    result = read_products(make_file())
    assert result == ProductFile()


def test_no_quantity_column() -> None:
    """A file that says nothing of stock says so once, and its rows have none."""
    result = read_products(b"Handle,Title,Variant Price\na,A,1\nb,B,2\n")
    assert [row.stock for row in result.rows] == [None, None]
    assert said(result.notices) == [
        (1, "no column Variant Inventory Qty: new products have no stock")
    ]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"Handle": " "}, "Handle is missing"),
        ({"Title": "\u00a0"}, "Title is missing"),
        ({"Variant Price": ""}, "Variant Price is missing"),
        ({"Variant Price": "1,299.00"}, "Variant Price '1,299.00': not a number"),
        ({"Variant Price": "12,50"}, "Variant Price '12,50': not a number"),
        ({"Variant Price": "$5"}, "Variant Price '$5': not a number"),
        ({"Variant Price": "NaN"}, "Variant Price 'NaN': not a number"),
        ({"Variant Price": "1e3"}, "Variant Price '1e3': not a number"),
        ({"Variant Price": "-1"}, "Variant Price '-1': must not be negative"),
        ({"Variant Price": "1.005"}, "Variant Price '1.005': must have at most two decimals"),
        ({"Variant Price": "100000000"}, "Variant Price '100000000': must be at most 99999999.99"),
        ({"Variant Price": "9" * 99}, f"Variant Price '{'9' * 37}...': not a number"),
        ({"Variant Inventory Qty": "few"}, "Variant Inventory Qty 'few': not a whole number"),
        ({"Variant Inventory Qty": "1.5"}, "Variant Inventory Qty '1.5': not a whole number"),
        ({"Variant Inventory Qty": "1000000001"}, "must be at most 1000000000"),
        ({"Title": "x" * 501}, "the name has more than 500 characters"),
        ({"Body (HTML)": "x" * 20_001}, "the description has more than 20000 characters"),
        ({"Variant SKU": "x" * 201}, "the sku has more than 200 characters"),
        ({"Type": "x" * 201}, "the category has more than 200 characters"),
        ({"Image Src": "https://x.test/" + "x" * 2000}, "the image's address has more than 2000"),
        ({"Image Src": "javascript:alert(1)"}, "the image 'javascript:alert(1)' is no web address"),
        ({"Variant Image": "ftp://x.test/a"}, "the image 'ftp://x.test/a' is no web address"),
        ({"Option1 Value": "x" * 2000}, "handle and options together are too long"),
        ({"Title": "A\0B"}, "contains a NUL character"),
    ],
)
def test_bad_row(cells: dict[str, str], reason: str) -> None:
    """Each bad row is named by its line with what is wrong; the good ones are still read."""
    result = read_products(make_file(product(Handle="good"), product() | cells))
    assert result.rows[0].origin.handle == "good"
    assert {problem.line for problem in result.errors} == {3}
    assert reason in result.errors[0].reason


def test_every_problem_is_named() -> None:
    """All that is wrong is collected, several things of one row too."""
    bad = product(Variant_Price="x", Variant_Inventory_Qty="y", Image_Src="z")
    result = read_products(make_file(bad, product(Handle="b", Variant_Price="-3"), product()))
    assert [problem.line for problem in result.errors] == [2, 2, 2, 3, 4]


def test_bytes_that_are_no_utf8() -> None:
    """A file in another encoding is refused with each line that shows it."""
    body = make_file(product(), product(Handle="b", Title="Café"), product(Handle="c"))
    result = read_products(body.decode().encode("latin-1"))
    assert said(result.errors) == [(3, "not UTF-8 text; save the file as UTF-8")]


def test_ragged_rows() -> None:
    """A row with more or fewer fields than the header is named; those after it are still read."""
    result = read_products(b"Handle,Title,Variant Price\na,A\nb,B,1,2\nb,,2,\nc,C,3\n")
    assert said(result.errors)[0] == (2, "has 2 fields, the header has 3")
    assert said(result.errors)[-2] == (4, "has 4 fields, the header has 3")
    assert [row.origin.handle for row in result.rows if row.line == 5] == ["c"]


def test_quotes_that_are_never_closed() -> None:
    """The line named is the one where the quote was opened."""
    body = make_file(product(), product(Handle="b"))
    result = read_products(body + b'c,"never closed\nd,D\n')
    assert said(result.errors) == [(4, "a quoted field is never closed")]
    result = read_products(body + b'c,"closed" badly,1\nd,D\n')
    assert result.errors[0].line == 4
    assert "broken quotes" in result.errors[0].reason


def test_a_very_large_field() -> None:
    """A description with pictures inside is larger than the csv module's usual limit."""
    body = f"<p>Seen</p><img src='data:image/png;base64,{'A' * 1_000_000}'>"
    row = only_row(read_products(make_file(product(**{"Body (HTML)": body}))))
    assert row.data.description == "Seen"


def test_variants() -> None:
    """Options are named by the handle's first row, and only there; the rest is inherited too."""
    result = read_products(
        make_file(
            product(Option1_Name="Size", Option1_Value="S", Option2_Name="Color",
                    Option2_Value="Red/Blue", Type="Tops", Image_Src="https://x.test/1.jpg"),
            {"Handle": "shirt", "Image Src": "https://x.test/2.jpg"},
            {"Handle": "shirt", "Option1 Value": "M", "Option2 Value": "Red", "Variant Price": "2",
             "Variant Image": "https://x.test/3.jpg"},
            product(Handle="cap", Title="Cap", Option1_Name="Title", Option1_Value="Default Title"),
            {"Handle": "shirt", "Option1 Value": "L", "Variant Price": "3"},
        )
    )  # fmt: skip
    assert result.errors == []
    assert [row.data.name for row in result.rows] == [
        "Shirt (Size: S, Color: Red/Blue)",
        "Shirt (Size: M, Color: Red)",
        "Cap",
        "Shirt (Size: L)",
    ]
    assert [row.origin.source_key for row in result.rows] == [
        "shirt/S/Red%2FBlue",
        "shirt/M/Red",
        "cap",
        "shirt/L",
    ]
    assert [row.data.image_url[-5:] for row in result.rows] == ["1.jpg", "3.jpg", "", "1.jpg"]
    assert {row.data.category for row in result.rows} == {"Tops", ""}


def test_rows_that_are_no_products() -> None:
    """A further image is none, and a row with nothing is none but is mentioned."""
    result = read_products(
        make_file(
            product(),
            {"Handle": "shirt", "Image Src": "https://x.test/2.jpg"},
            {"Handle": "shirt"},
        )
    )
    assert [row.line for row in result.rows] == [2]
    assert said(result.notices) == [(4, "neither a product nor an image: skipped")]


def test_image_of_an_unknown_handle() -> None:
    """The first row of a handle must be a product."""
    result = read_products(make_file({"Handle": "x", "Image Src": "https://x.test/2.jpg"}))
    assert said(result.errors) == [(2, "Title is missing"), (2, "Variant Price is missing")]


def test_the_same_product_twice() -> None:
    """A handle with the same options again is an error that names both lines."""
    result = read_products(make_file(product(), product(Handle="cap"), product(Title="Other")))
    assert said(result.errors) == [(4, "the same handle and options as line 2")]


@pytest.mark.parametrize(
    ("quantity", "stock", "fault"),
    [
        ("7", 7, ""),
        ("7.0", 7, ""),
        ("0", 0, ""),
        ("", None, "Variant Inventory Qty is missing"),
        ("-2", 0, "Variant Inventory Qty is -2"),
        ("1000000000", 1_000_000_000, ""),
    ],
)
def test_quantity(quantity: str, stock: int | None, fault: str) -> None:
    """A missing or oversold quantity counts as none and is no error."""
    result = read_products(make_file(product(Variant_Inventory_Qty=quantity)))
    row = only_row(result)
    assert (row.stock, row.stock_fault, result.notices) == (stock, fault, [])


def test_products_that_are_not_for_sale() -> None:
    """Drafts and archived products are skipped with all their variants, and reported."""
    result = read_products(
        make_file(
            product(Status="draft", Variant_Price="not looked at"),
            {"Handle": "shirt", "Option1 Value": "M", "Variant Price": "2"},
            product(Handle="b", Status="Archived"),
            product(Handle="c", Status="active", Published="false"),
            product(Handle="d", Status="ACTIVE"),
        )
    )
    assert result.errors == []
    assert [row.origin.handle for row in result.rows] == ["c", "d"]
    assert [notice.line for notice in result.notices] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("cells", "category"),
    [
        ({"Type": "Tops", "Tags": "a, b"}, "Tops"),
        ({"Tags": " a , b"}, "a"),
        ({"Product Category": "Home > Decor >  Vases "}, "Vases"),
        ({"Google Shopping / Google Product Category": "Home > Decor", "Tags": "x"}, "Decor"),
        ({"Product Category": "2271", "Tags": "x"}, "x"),
        ({}, ""),
    ],
)
def test_category(cells: dict[str, str], category: str) -> None:
    """The type, else the end of the category's path, else the first tag."""
    header = [*HEADER, "Product Category", "Google Shopping / Google Product Category"]
    assert (
        only_row(read_products(make_file(product() | cells, header=header))).data.category
        == category
    )


def test_small_repairs() -> None:
    """A spreadsheet's guard before digits, a protocol-relative address, spaces in an address."""
    row = only_row(
        read_products(make_file(product(Variant_SKU="'00012", Image_Src="//x.test/a b.jpg")))
    )
    assert (row.data.sku, row.data.image_url) == ("00012", "https://x.test/a%20b.jpg")


def test_problems_are_bounded() -> None:
    """A file that is something else altogether is not read to its end."""
    result = read_products(b"Handle,Title,Variant Price\n" + b"x\n" * 50_000)
    assert len(result.errors) <= shopify.MAX_PROBLEMS + 5
    assert result.errors[-1].reason == "10000 problems; the rest was not read"


def test_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as may be are read, and the first row that is too many is named."""
    monkeypatch.setattr(shopify, "MAX_RECORDS", 2)
    rows = [product(Handle=handle) for handle in "abcd"]
    assert read_products(make_file(*rows[:2])).errors == []
    result = read_products(make_file(*rows))
    assert said(result.errors) == [(4, "more than 2 rows; the rest was not read")]


@given(st.binary(max_size=300))
def test_any_bytes(tail: bytes) -> None:
    """Whatever comes after a header is read or named, never raised."""
    result = read_products(b"Handle,Title,Variant Price,Variant Inventory Qty\n" + tail)
    for row in result.rows:
        row.data.name.encode()
        assert row.line > 1
    for problem in (*result.errors, *result.notices):
        problem.reason.encode()


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
        max_size=6,
    )
)
def test_lines_match_the_file(bodies: list[str]) -> None:
    """The line of each row is where its handle stands in the file."""
    rows = [product(Handle=f"h-{n}", **{"Body (HTML)": body}) for n, body in enumerate(bodies)]
    # With another line end Python's writer leaves a lone carriage return without quotes.
    body = make_file(*rows, eol="\r\n")
    lines = body.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for row in read_products(body).rows:
        assert lines[row.line - 1].startswith(row.origin.handle + ",")
