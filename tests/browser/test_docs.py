"""The page at /docs of each app, as the proxy hands it out: without a key, and complete."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect


@pytest.mark.parametrize("app", ["cart", "catalog", "orders", "payments"])
def test_docs_show_every_operation(shop: Any, page: Page, app: str) -> None:
    """Each operation of the embedded description is listed, and opens to its details."""
    page.goto(f"{shop.url}/api/docs/{app}")
    description = json.loads(page.locator("#openapi").text_content() or "")
    operations = {
        operation["operationId"]: (method, path)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }
    assert operations
    expect(page.locator("details")).to_have_count(len(operations))
    for operation_id, (method, path) in operations.items():
        details = page.locator(f"details#{operation_id}")
        details.locator("summary").click()
        expect(details.locator("summary")).to_contain_text(path)
        expect(details.locator("summary")).to_contain_text(method.upper())
        expect(details.locator(".curl code")).to_contain_text("curl -sS")
        expect(details.locator(".answers li").first).to_be_visible()
    assert "[object Object]" not in page.inner_text("body")
    assert "undefined" not in page.inner_text("body")


def test_docs_are_styled(shop: Any, page: Page) -> None:
    """The style sheet is found from behind the proxy as well."""
    page.goto(f"{shop.url}/api/docs/cart")
    assert page.locator("body").evaluate("body => getComputedStyle(body).maxWidth") == "960px"
