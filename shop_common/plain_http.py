"""HTTP/1.1 as Nginx and our own client write it, read and written in one go.

What is not as plain as that is not even looked at here: it is gunicorn's, whose parser takes ten
times as long and knows everything else there is.
"""

import email.utils
import functools
import io
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

MAX_BODY_BYTES = 64 * 1024
# No space, control character, fragment or "//" in the address; no empty, folded or odd header.
_HEAD = re.compile(
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/(?!/)[!\"$-~]*) HTTP/1\.1\r\n"
    rb"((?:[A-Za-z0-9-]+:[ -~]*\r\n)+)\r\n"
)
_ANSWER_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2}) [ -~]*\r\n((?:[A-Za-z0-9-]+:[ -~]*\r\n)*)\r\n"
)
_LENGTH = re.compile(r"[0-9]{1,9}")
# Each of them asks for something else than one plain answer.
_NOT_PLAIN = {"HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_CONNECTION", "HTTP_UPGRADE"}
_WITHOUT_BODY = ("1", "204", "304")

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def read_request(data: bytes) -> tuple[dict[str, Any], int] | None:
    """The environ of the plain request that `data` begins with, and how long all of it is.

    Of what has not arrived yet only the end of the body may be missing.
    """
    head = _HEAD.match(data)
    if head is None:
        return None
    path, _, query = head[2].partition(b"?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": head[1].decode(),
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode(),
    }
    for line in head[3].decode().split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        name = "HTTP_" + name.upper().replace("-", "_")
        if name in environ or name in _NOT_PLAIN:
            return None
        environ[name] = value.strip(" ")
    length = environ.pop("HTTP_CONTENT_LENGTH", "0")
    if "HTTP_HOST" not in environ or not _LENGTH.fullmatch(length) or int(length) > MAX_BODY_BYTES:
        return None
    environ["CONTENT_LENGTH"] = length
    if "HTTP_CONTENT_TYPE" in environ:
        environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE")
    return environ, head.end() + int(length)


def call(
    app: Application,
    environ: dict[str, Any],
    body: bytes,
    send: Callable[[bytes], object],
    *,
    closes: bool,
) -> None:
    """Let a WSGI application answer; `closes` says that the connection ends with that."""
    environ |= {
        "SCRIPT_NAME": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    said: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        said[:] = [(status, headers)]

    pieces = app(environ, start_response)
    try:
        (status, headers), *_ = said
        has_body = environ["REQUEST_METHOD"] != "HEAD" and not status.startswith(_WITHOUT_BODY)
        is_measured = any(name.lower() == "content-length" for name, _ in headers)
        if has_body and not is_measured:
            headers = [*headers, ("Transfer-Encoding", "chunked")]
        head = write_head(status, headers, closes=closes)
        if not has_body:
            send(head)
        elif is_measured:
            send(head + b"".join(pieces))
        else:
            send(head)
            for piece in filter(None, pieces):
                send(b"%x\r\n%b\r\n" % (len(piece), piece))
            send(b"0\r\n\r\n")
    finally:
        if hasattr(pieces, "close"):
            pieces.close()


def read_answer(data: bytes) -> tuple[int, int, int] | None:
    """The status, and the lengths of head and body, of the plain answer that `data` begins with.

    None if it is not plain or its head is not complete; its body need not be there yet.
    """
    head = _ANSWER_HEAD.match(data)
    if head is None:
        return None
    headers: dict[str, str] = {}
    for line in head[2].decode().split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        name = name.lower()
        if name in headers or name in ("transfer-encoding", "connection"):
            return None
        headers[name] = value.strip(" ")
    # These two have no body, whatever length they name.
    length = "0" if head[1] in (b"204", b"304") else headers.get("content-length", "")
    if not _LENGTH.fullmatch(length):
        return None
    return int(head[1]), head.end(), int(length)


def write_request(method: str, address: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {address} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items())]
    return _join(lines) + body


def write_head(status: str, headers: list[tuple[str, str]], *, closes: bool) -> bytes:
    """The head of an answer, from its status as in `200 OK`."""
    lines = [f"HTTP/1.1 {status}", f"Date: {_date(int(time.time()))}"]
    if closes:
        lines.append("Connection: close")
    lines += [f"{name}: {value}" for name, value in headers]
    return _join(lines)


def _join(lines: list[str]) -> bytes:
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise ValueError("a header holds a line break")
    return (head + "\r\n\r\n").encode("latin-1")


@functools.lru_cache(maxsize=2)
def _date(second: int) -> str:
    return email.utils.formatdate(second, usegmt=True)
