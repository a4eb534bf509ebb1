"""What the pages of a test complain of: console messages, exceptions, other hosts, the policy."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request

# Chromium prints violations of the policy as errors already; this one also names the directive.
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => console.error(
  `CSP violation: ${event.effectiveDirective} ${event.blockedURI}`));
"""


@dataclass
class Watch:
    """What the pages of one test complained of, and which failed requests the test expects."""

    origin: str
    problems: list[str] = field(default_factory=list)
    failed: list[tuple[int, str]] = field(default_factory=list)
    expected: list[tuple[int, str]] = field(default_factory=list)
    allowed: list[tuple[int, str]] = field(default_factory=list)

    def expect_failure(self, status: int, path: str) -> None:
        """Requests for exactly `path` may, and must, be answered by `status` (0: not at all)."""
        self.expected.append((status, path))

    def allow_failure(self, status: int, path: str) -> None:
        """Requests for `path` may be answered so, but need not have been by the end of the test."""
        self.allowed.append((status, path))

    def attach(self, context: BrowserContext) -> None:
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.problems.append(f"exception: {error.error}"))
        context.on("request", self._on_request)

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.origin + "/", "data:")):
            self.problems.append(f"request to another host: {request.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        failure = _read_failure(message)
        if failure is None:
            self.problems.append(f"console {message.type}: {message.text}")
        else:
            self.failed.append(failure)

    def check(self) -> None:
        unexpected = [
            failure for failure in self.failed if failure not in self.expected + self.allowed
        ]
        missing = [failure for failure in self.expected if failure not in self.failed]
        assert (self.problems, unexpected, missing) == ([], [], [])


def _read_failure(message: ConsoleMessage) -> tuple[int, str] | None:
    """Chromium's own line for a request that failed, as its status and path."""
    if not message.text.startswith("Failed to load resource: "):
        return None
    status = message.text.partition("with a status of ")[2][:3]
    return int(status or 0), urlsplit(message.location["url"]).path
