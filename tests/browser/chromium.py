"""How Debian's Chromium is started; Playwright's own download is not used."""

from playwright.sync_api import Browser, Playwright

# Long enough for a machine that does other things too; what is there is seen at once.
PATIENCE_MS = 20_000
PATH = "/usr/bin/chromium-headless-shell"
FLAGS = [
    "--no-sandbox",  # the sandbox refuses to start for root, who runs tests in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Chromium looks up hosts of its maker otherwise; the tests must need no network.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=PATH, args=FLAGS)
