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
    first = page.locator("details").first
    first.locator("summary").click()
    expect(first.locator(".answers li").first).to_be_visible()
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    shown = page.locator("details").evaluate_all(
        "all => Object.fromEntries(all.map(one => [one.id, one.innerText]))"
    )
    for operation_id, (method, path) in operations.items():
        assert path in shown[operation_id]
        assert method.upper() in shown[operation_id]
        assert "curl -sS" in shown[operation_id]
    assert "[object Object]" not in page.inner_text("body")
    assert "undefined" not in page.inner_text("body")


def test_docs_are_styled(shop: Any, page: Page) -> None:
    """The style sheet is found from behind the proxy as well."""
    page.goto(f"{shop.url}/api/docs/cart")
    assert page.locator("body").evaluate("body => getComputedStyle(body).maxWidth") == "960px"
