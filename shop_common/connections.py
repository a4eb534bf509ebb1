"""Kept connections to a partner, below requests, and the one HTTP exchange on each; no policy.

urllib3, in whose place they stand, takes several times as long as one of our own apps to answer a
small call; and its time-outs are not those of `deadline`.
"""

import http.client
import io
import select
import socket
import ssl
import weakref
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from shop_common import plain_http
from shop_common.deadline import READ_BYTES, Deadline, TimedSocket, TimedTLSSocket

# What an exchange can raise when the network or the partner fails.
TRANSPORT_ERRORS = (OSError, http.client.HTTPException)
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


class _Incoming:
    """What comes from a socket of which something, `read`, was read already."""

    def __init__(self, sock: socket.socket, read: bytes) -> None:
        self._sock = sock
        self.rest = read

    def recv(self, amount: int) -> bytes:
        data = self.rest[:amount] or self._sock.recv(amount)
        self.rest = self.rest[len(data) :]
        return data


class _Body:
    """An answer's body; `length` is what is missing of it. Read as http.client's would be."""

    def __init__(self, incoming: _Incoming, length: int) -> None:
        self._incoming = incoming
        self.length: int | None = length

    def read(self, amount: int) -> bytes:
        amount = min(amount, self.length or 0)
        data = self._incoming.recv(amount) if amount else b""
        self.length = (self.length or 0) - len(data)
        return data

    def is_clean(self) -> bool:
        """Whether it was read, and nothing came behind it."""
        return not self.length and not self._incoming.rest


class _Stream(io.RawIOBase):
    """The same as a file, as http.client reads it."""

    def __init__(self, incoming: _Incoming) -> None:
        self._incoming = incoming

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._incoming.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _RawAnswer:
    """What requests makes its Response of, as if it were urllib3's."""

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: _Body | http.client.HTTPResponse,
        close: Callable[[], None],
    ) -> None:
        self.status = status
        self.headers = headers
        self._body = body
        self.close = close

    def read(self, amount: int) -> bytes:
        """Up to so many bytes, none at the end. Raises IncompleteRead if it is cut off."""
        data = self._body.read(amount)
        if not data and self._body.length:  # which http.client says nothing of
            raise http.client.IncompleteRead(b"", self._body.length)
        return data


class _Pool:
    """Kept connections to one partner, for requests' HTTPAdapter in the place of urllib3's pool.

    An answer that is as plain as our own apps write it is read here, whatever else by http.client.
    """

    def __init__(self, base_url: str) -> None:
        self._address = _Address(base_url)
        self._kept: list[socket.socket] = []
        # A client is not closed by anyone: it goes with its process, or with a test.
        self.close = weakref.finalize(self, _close_all, self._kept)

    def urlopen(
        self, *, method: str, url: str, body: bytes | None, headers: Mapping[str, str], **_: Any
    ) -> _RawAnswer:
        head = {"Host": self._address.host, "Accept-Encoding": "identity", **headers}
        if method != "GET":
            head.setdefault("Content-Length", "0")
        sock = self._take() or self._address.connect()
        try:
            sock.sendall(plain_http.write_request(method, url, head, body or b""))
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

    def _read(self, sock: socket.socket, method: str) -> _RawAnswer:
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
            stream: Any = _Stream(_Incoming(sock, data))  # of a socket only `makefile` is used
            answer = http.client.HTTPResponse(stream, method=method)
            answer.begin()
            return _RawAnswer(answer.status, dict(answer.headers), answer, sock.close)
        body = _Body(_Incoming(sock, data[plain.length :]), plain.body_length)

        def close() -> None:
            if body.is_clean():
                self._kept.append(sock)
            else:
                sock.close()

        return _RawAnswer(plain.status, plain.headers, body, close)


def _close_all(sockets: list[socket.socket]) -> None:
    while sockets:
        sockets.pop().close()


class _Response(requests.Response):
    """What is read of a Response here: making all of one is a tenth of a small call."""

    def __init__(self, request: requests.PreparedRequest, raw: Any) -> None:
        self.request = request
        self.status_code = raw.status
        self.headers = raw.headers
        self.raw = raw

    def close(self) -> None:
        self.raw.close()


class DeadlineAdapter(HTTPAdapter):
    """Reaches one address, by connections that are kept, and never tries twice.

    It keeps no cookies, follows no redirect and reads no environment, all of which a Session does.
    It works only inside `with deadline:`. Bodies are to be read there too (`stream=True`).
    """

    def __init__(self, base_url: str) -> None:
        super().__init__(max_retries=0)
        self._pool = _Pool(base_url)

    # The next three do for one address and no proxy what requests works out anew for every call,
    # by parsing the URL five times: a third of a small call.
    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: Any = None,
    ) -> Any:
        return self._pool

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing to do: the TLS context checks certificates against the system's list."""

    def request_url(
        self, request: requests.PreparedRequest, proxies: Mapping[str, str] | None
    ) -> str:
        return "/" + str(request.url).split("/", 3)[3]

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        return _Response(req, resp)

    def close(self) -> None:
        self._pool.close()
        super().close()


def read_body(response: requests.Response, limit_bytes: int) -> bytes | None:
    """The whole body as it was sent, or None as soon as it is longer than `limit_bytes`."""
    body = b""
    while piece := response.raw.read(limit_bytes + 1 - len(body)):
        body += piece
        if len(body) > limit_bytes:
            return None
    return body


def is_timeout(error: Exception, deadline: Deadline) -> bool:
    return deadline.is_missed() or isinstance(error, requests.Timeout)


def is_unreadable(error: BaseException) -> bool:
    """Whether the partner did answer, but not in HTTP."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, http.client.IncompleteRead | http.client.RemoteDisconnected):
            return False
        if isinstance(link, http.client.HTTPException):
            return True
        link = link.__cause__ or link.__context__
    return False
