"""Plain HTTP: read as gunicorn reads it, or left to it; written so that any client can read it."""

import http.client
import io
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create
from hypothesis import given
from hypothesis import strategies as st

from shop_common.plain_http import (
    MAX_BODY_BYTES,
    call,
    read_answer,
    read_request,
    write_request,
)

HOST = b"Host: shop\r\n"


def read_by_gunicorn(data: bytes) -> dict[str, Any]:
    request = next(RequestParser(Config(), iter([data]), ("127.0.0.1", 5)))
    environ: dict[str, Any] = create(request, None, ("127.0.0.1", 5), ("127.0.0.1", 80), Config())[
        1
    ]
    return environ


def compare(data: bytes) -> None:
    """What is read of `data` is what gunicorn reads."""
    read = read_request(data)
    assert read is not None
    environ, length = read
    theirs = read_by_gunicorn(data)
    assert length == len(data)
    # Our own are always told the length, gunicorn's only if it was sent.
    theirs.setdefault("CONTENT_LENGTH", "0")
    names = {name for name in theirs if name.startswith(("HTTP_", "CONTENT_"))}
    names |= {"REQUEST_METHOD", "PATH_INFO", "QUERY_STRING"}
    assert environ == {name: theirs[name] for name in names}


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /cart/ann?x=1&y=%20? HTTP/1.1\r\n" + HOST + b"X-API-Key:  a b \r\nX-Empty:\r\n\r\n",
        b"DELETE /cart/%C3%A9%2F%ff/a:b@c;d HTTP/1.1\r\nhost: shop:80\r\nX-a: b:c\r\n\r\n",
        b"POST /orders?user_id=u HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n",
        b"POST /pay HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 2"
        b"\r\n\r\n{}",
    ],
)
def test_it_is_read_as_gunicorn_reads_it(data: bytes) -> None:
    compare(data)


@given(
    st.text(st.sampled_from("ab/%2F?&=.-_~!$'()*+,;:@|\"<>[]{}^`\\"), max_size=20),
    st.dictionaries(
        st.from_regex(r"X-[A-Za-z0-9-]{1,8}", fullmatch=True).map(str.lower),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=10),
        max_size=4,
    ),
)
def test_whatever_is_plain_is_read_as_gunicorn_reads_it(path: str, headers: dict[str, str]) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    data = f"GET /{path} HTTP/1.1\r\nHost: shop\r\n{lines}\r\n".encode()
    if read_request(data) is not None:
        compare(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HTTP/1.1\r\n" + HOST,
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A: 1\r\n\r\n",
        b"GET / HTTP/1.0\r\n" + HOST + b"\r\n",
        b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET //x HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http://shop/ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b" folded\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X_Api_Key: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X-A : x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X-A: \xc3\xa9\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\tb\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X-A: 1\r\nx-a: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Upgrade: h2c\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\nx",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nx",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\nx",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: \r\n\r\nx",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
    ],
)
def test_the_rest_is_left_to_gunicorn(data: bytes) -> None:
    assert read_request(data) is None


def test_the_end_of_a_body_may_be_missing() -> None:
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 7\r\n\r\n"
    for body in (b"", b"123", b"1234567", b"1234567GET"):
        read = read_request(head + body)
        assert read is not None
        assert read[1] == len(head) + 7


class Pieces:
    """An answer's body that notes whether it was closed."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if piece == b"fail":
                raise LookupError
            yield piece

    def close(self) -> None:
        self.is_closed = True


def answer(
    status: str,
    headers: Iterable[tuple[str, str]],
    pieces: Iterable[bytes],
    *,
    method: str = "GET",
    closes: bool = False,
) -> list[bytes]:
    """What is sent, piece by piece."""
    sent: list[bytes] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(status, list(headers))
        return pieces

    call(app, {"REQUEST_METHOD": method}, b"", sent.append, closes=closes)
    return sent


class _Answered:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def read(data: bytes, method: str = "GET") -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(_Answered(data), method=method)  # type: ignore[arg-type]
    response.begin()
    return response


def test_head_and_body_are_sent_together() -> None:
    body = Pieces(b"one", b" two")
    (data,) = answer("200 OK", [("X-A", "b"), ("content-length", "7")], body)
    response = read(data)
    assert (response.status, response.reason, response.read()) == (200, "OK", b"one two")
    assert (response.headers["X-A"], response.headers["Connection"]) == ("b", None)
    assert response.headers["Date"].endswith(" GMT")
    assert body.is_closed


def test_without_a_length_it_is_sent_in_chunks() -> None:
    body = Pieces(b"one", b"", b" two")
    sent = answer("200 OK", [], body)
    assert read(b"".join(sent)).read() == b"one two"
    assert len(sent) == 4
    assert body.is_closed


@pytest.mark.parametrize(
    ("status", "method"),
    [("204 No Content", "GET"), ("304 Not Modified", "GET"), ("200 OK", "HEAD")],
)
def test_without_a_body(status: str, method: str) -> None:
    (data,) = answer(status, [("Content-Length", "3")], [b"abc"], method=method)
    assert data.endswith(b"\r\n\r\n")
    assert read(data, method).read() == b""


def test_the_last_answer_says_so() -> None:
    (data,) = answer("200 OK", [("Content-Length", "0")], [], closes=True)
    assert read(data).headers["Connection"] == "close"


@pytest.mark.parametrize("value", ["a\r\nX-B: c", "a\nX-B: c", "a\r"])
def test_no_header_holds_a_line_break(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        answer("200 OK", [("X-A", value), ("Content-Length", "0")], [])


def test_what_fails_is_closed() -> None:
    body = Pieces(b"one", b"fail")
    with pytest.raises(LookupError):
        answer("200 OK", [], body)
    assert body.is_closed


@pytest.mark.parametrize(
    ("head", "body_length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 2),
        (b"HTTP/1.1 409 \r\ncontent-length:  0 \r\nX-A: b: c\r\nServer:\r\n\r\n", 0),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 0),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", 0),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", 0),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 20\r\nRetry-After: 1\r\n\r\n", 20),
    ],
)
def test_an_answer_is_read_as_http_client_reads_it(head: bytes, body_length: int) -> None:
    answered = read_answer(head + b"[]")
    theirs = read(head)
    assert answered == (theirs.status, len(head), theirs.length or 0)
    assert answered == (theirs.status, len(head), body_length)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n folded\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
)
def test_other_answers_are_left_to_http_client(data: bytes) -> None:
    assert read_answer(data) is None


def test_a_request_is_written_as_it_is_read() -> None:
    headers = {"Host": "shop", "X-A": "b", "Content-Length": "2"}
    data = write_request("POST", "/orders?a=%20b", headers, b"{}")
    compare(data)
    environ, _ = read_request(data) or ({}, 0)
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/orders", "a=%20b")


@pytest.mark.parametrize("value", ["a\r\nX-B: c", "a\n"])
def test_no_header_of_a_request_holds_a_line_break(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        write_request("GET", "/", {"X-A": value}, b"")
