"""Requests of a page that are held up, shortened, or whose answers are lost."""

import time

from playwright.sync_api import Page, Route

from tests.browser.chromium import PATIENCE_MS


def hold(page: Page, url: str) -> list[Route]:
    """The requests for it, as they come; each waits until the test lets it go on."""
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        waiting.append(route)

    page.route(url, keep)
    return waiting


def hold_first(page: Page, url: str) -> list[Route]:
    """As `hold`, but those after the first go through."""
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        if waiting:
            route.continue_()
        else:
            waiting.append(route)

    page.route(url, keep)
    return waiting


def first(page: Page, waiting: list[Route]) -> Route:
    """The first of the requests that are held, once it has come; the page may be ahead of it."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not waiting:
        assert time.monotonic() < end, "no request came"
        page.wait_for_timeout(10)  # while which it is heard of
    return waiting[0]


def let_draw(page: Page) -> None:
    """Until whatever the page has made of the last answer is drawn."""
    page.evaluate("() => new Promise(requestAnimationFrame)")


def lose(page: Page, url: str) -> list[str]:
    """Let the requests through and lose their answers; the keys that they had."""
    keys: list[str] = []

    def send_and_lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fetch()
        route.abort()

    page.route(url, send_and_lose)
    return keys


def decline(page: Page, url: str) -> list[str]:
    """Answer 402 without asking anybody; the keys that were sent."""
    keys: list[str] = []

    def answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fulfill(status=402, json={"detail": "The card was declined."})

    page.route(url, answer)
    return keys


def shorten(page: Page, url: str) -> None:
    """Make the pages of a list two long."""
    page.route(
        url, lambda route: route.continue_(url=route.request.url.replace("limit=24", "limit=2"))
    )
