"""Kept connections to a partner, as an adapter for requests, and the exchange on each; no policy.

urllib3, in whose place they stand, takes several times as long as one of our own apps to answer a
small call; and its time-outs are not those of `deadline`.
"""

import http.client
import io
import select
import socket
import ssl
import weakref
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from shop_common import plain_http
from shop_common.deadline import READ_BYTES, TimedSocket, TimedTLSSocket

MAX_HEAD_BYTES = 64 * 1024


class _Address:
    """Where a partner is, and how to get a connection to it."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self.host = parts.netloc.rpartition("@")[2]
        self._name = str(parts.hostname)
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._context: ssl.SSLContext | None = None
        if parts.scheme == "https":
            self._context = ssl.create_default_context()
            self._context.sslsocket_class = TimedTLSSocket

    def connect(self) -> socket.socket:
        """To the first of the partner's addresses that answers; all share the time there is."""
        failure: OSError | None = None
        # Ours listen on 127.0.0.1: at ::1 a stranger of this machine might be, and be told the key.
        wanted = socket.AF_INET if self._name == "localhost" else socket.AF_UNSPEC
        # The one step that no time-out of ours bounds: the system's resolver has its own.
        for found in socket.getaddrinfo(self._name, self._port, wanted, socket.SOCK_STREAM):
            family, kind, protocol, _, address = found
            sock = TimedSocket(family, kind, protocol)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.connect(address)
                if self._context:
                    return self._context.wrap_socket(sock, server_hostname=self._name)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise failure or ConnectionError("no address")


class _Incoming(io.RawIOBase):
    """What comes from a socket of which something, `read`, was read already.

    As a file, and as what makes one, it is also what http.client reads.
    """

    def __init__(self, sock: socket.socket, read: bytes) -> None:
        self._sock = sock
        self.rest = read

    def recv(self, amount: int) -> bytes:
        data = self.rest[:amount] or self._sock.recv(amount)
        self.rest = self.rest[len(data) :]
        return data

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Body:
    """An answer's body; `length` is what is missing of it, None if only its end will tell."""

    def __init__(self, read: Callable[[int], bytes], length: int | None) -> None:
        self._read = read
        self.length = length

    def read(self, amount: int) -> bytes:
        """Up to so many bytes, none at the end. Raises IncompleteRead if it is cut off."""
        if self.length is None:
            return self._read(amount)
        amount = min(amount, self.length)
        data = self._read(amount) if amount else b""
        if amount and not data:  # which http.client says nothing of
            raise http.client.IncompleteRead(b"", self.length)
        self.length -= len(data)
        return data


class _Response(requests.Response):
    """What is read of a Response here: making all of one is a tenth of a small call."""

    def __init__(self, status: int, raw: _Body, close: Callable[[], None]) -> None:
        self.status_code = status
        self.raw = raw
        self.close = close  # type: ignore[method-assign] # differs from answer to answer


class DeadlineAdapter(HTTPAdapter):
    """Reaches one address, by connections that are kept, and never tries twice.

    It keeps no cookies, follows no redirect and reads no environment, all of which a Session does.
    It works only inside `with deadline:`. Bodies are to be read there too, by `read_body`. Both
    raise OSError or IncompleteRead when the network or the partner fails, TimeoutError among them,
    and another HTTPException for an answer that is not in HTTP.

    An answer that is as plain as our own apps write it is read here, whatever else by http.client.
    """

    def __init__(self, base_url: str) -> None:
        super().__init__(max_retries=0)
        self._address = _Address(base_url)
        self._kept: list[socket.socket] = []
        # An adapter is not closed by anyone: it goes with its process, or with a test.
        weakref.finalize(self, _close_all, self._kept)

    # requests' own works out for every call where it goes, by parsing the URL five times.
    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        method, url = str(request.method), "/" + str(request.url).split("/", 3)[3]
        head = {"Host": self._address.host, "Accept-Encoding": "identity", **request.headers}
        if method != "GET":
            head.setdefault("Content-Length", "0")
        body: Any = request.body or b""
        sock = self._take() or self._address.connect()
        try:
            sock.sendall(plain_http.write_request(method, url, head, body))
            return self._read(sock, method)
        except BaseException:
            sock.close()
            raise

    def _take(self) -> socket.socket | None:
        while True:
            try:
                sock = self._kept.pop()
            except IndexError:
                return None
            # What can be read before anything was asked is the end of the connection, or rubbish.
            poll = select.poll()
            poll.register(sock, select.POLLIN)
            if not poll.poll(0):
                return sock
            sock.close()

    def _read(self, sock: socket.socket, method: str) -> _Response:
        data = b""
        while b"\r\n\r\n" not in data and len(data) < MAX_HEAD_BYTES:
            piece = sock.recv(READ_BYTES)
            if not piece:
                break
            data += piece
        if not data:
            raise http.client.RemoteDisconnected("The connection was closed without an answer")
        plain = plain_http.read_answer(data) if method != "HEAD" else None
        if plain is None:
            stream: Any = _Incoming(sock, data)  # of a socket only `makefile` is used
            answer = http.client.HTTPResponse(stream, method=method)
            answer.begin()
            return _Response(answer.status, _Body(answer.read, answer.length), sock.close)
        status, head_length, body_length = plain
        incoming = _Incoming(sock, data[head_length:])
        body = _Body(incoming.recv, body_length)

        def close() -> None:
            # Kept if it was read to its end, and nothing came behind it.
            if not body.length and not incoming.rest:
                self._kept.append(sock)
            else:
                sock.close()

        return _Response(status, body, close)


def _close_all(sockets: list[socket.socket]) -> None:
    while sockets:
        sockets.pop().close()


def read_body(response: requests.Response, limit_bytes: int) -> bytes | None:
    """The whole body as it was sent, or None as soon as it is longer than `limit_bytes`."""
    body = b""
    while piece := response.raw.read(limit_bytes + 1 - len(body)):
        body += piece
        if len(body) > limit_bytes:
            return None
    return body
