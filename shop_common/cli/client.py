"""HTTP from the command to a running shop, on the standard library alone."""

import http.client
import json
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import click

ANSWER_TIMEOUT_S = 2.0


class Answer:
    """A response whose body is still to be read."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self.response = connection.getresponse()
        self.status = self.response.status

    def json(self) -> Any:
        """The body; an empty object if it is no JSON. Raises ClickException if it breaks off."""
        try:
            return json.loads(self.response.read())
        except http.client.HTTPException as error:
            raise click.ClickException(f"the answer broke off: {error!r}") from None
        except ValueError:
            return {}
        finally:
            self._connection.close()


def send(
    method: str,
    url: str,
    key: str = "",
    body: Iterable[bytes] | None = None,
    length: int = 0,
    content_type: str = "",
    timeout_s: float = 5.0,
    on_sent: Callable[[socket.socket], None] = lambda _: None,
) -> Answer:
    """Send a request. Raises ClickException if there is no answer within `timeout_s`.

    `on_sent` may pass the time until the socket has something to read.
    """
    parts = urlsplit(url)
    headers = {"X-API-Key": key} if key else {}
    if body is not None:
        headers |= {"Content-Type": content_type, "Content-Length": str(length)}
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout_s)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        with suppress(BrokenPipeError, ConnectionResetError):
            # Who refuses a body need not read all of it: the answer may be there even so.
            connection.request(method, path, body=body, headers=headers)
            on_sent(connection.sock)
        return Answer(connection)
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise click.ClickException(f"{parts.netloc} gives no answer: {error}") from None


def ask(url: str, key: str = "") -> tuple[int, dict[str, Any]]:
    """The status and the JSON object of an answer; 0 and nothing if there is none."""
    try:
        answer = send("GET", url, key, timeout_s=ANSWER_TIMEOUT_S)
        content = answer.json()
    except (click.ClickException, OSError):
        return 0, {}
    return answer.status, content if isinstance(content, dict) else {}


def refuse(answer: Answer) -> None:
    """Raise ClickException with what the app said, unless it said yes."""
    if answer.status >= 300:
        detail = answer.json().get("detail", "no reason given")
        raise click.ClickException(f"{answer.status}: {detail}")
