"""One deadline over a whole HTTP exchange, for requests: connect, send, headers, body; no policy.

The time-outs of requests and urllib3 bound each single wait, so that a partner that drips one byte
at a time holds its caller for ever. Here every operation of a socket gets only what remains.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, InvalidHeader, NewConnectionError

# What an exchange can raise when the network or the partner fails.
TRANSPORT_ERRORS = (OSError, HTTPError)


class Deadline:
    """The time that one call has; `with deadline:` holds the sockets of this thread to it.

    `timeout_s` bounds everything. A partner must take the request within `first_byte_timeout_s`,
    connecting included, and begin to answer within as long again: one that does not, hangs.
    """

    def __init__(self, timeout_s: float, first_byte_timeout_s: float) -> None:
        self.patience_s = min(timeout_s, first_byte_timeout_s)
        self._ends_at = time.monotonic() + timeout_s
        self._sign_by = self._ends_at

    def remaining_s(self) -> float:
        return max(0.0, self._ends_at - time.monotonic())

    def expect_sign(self) -> None:
        """From now on the partner may keep still for `patience_s` only."""
        self._sign_by = time.monotonic() + self.patience_s

    def note_sign(self) -> None:
        self._sign_by = self._ends_at

    def next_wait_s(self) -> float:
        """What the next operation may take, above 0. Raises TimeoutError when nothing is left."""
        wait_s = min(self._ends_at, self._sign_by) - time.monotonic()
        if wait_s <= 0:
            raise TimeoutError("no time is left")
        return wait_s

    def is_missed(self) -> bool:
        return time.monotonic() >= min(self._ends_at, self._sign_by)

    def __enter__(self) -> Self:
        self.expect_sign()
        _running.deadline = self
        return self

    def __exit__(self, *_: object) -> None:
        _running.deadline = None


class _Running(threading.local):
    deadline: Deadline | None = None


# The deadline of the call that this thread is making. It cannot be handed to a socket: sockets are
# kept between calls, and urllib3 chooses the one that a call gets.
_running = _Running()


class _TimedSocket(socket.socket):
    """A socket that gives each of its operations the time that the running call has left."""

    def _arm(self) -> Deadline:
        deadline = _running.deadline
        if deadline is None:
            raise RuntimeError("this socket works only inside `with deadline:`")
        self.settimeout(deadline.next_wait_s())
        return deadline

    def connect(self, address: Any) -> None:
        self._arm()
        super().connect(address)
        self._arm()  # for the TLS handshake, which takes the time-out that it finds

    def sendall(self, data: Any, flags: int = 0) -> None:
        deadline = self._arm()
        super().sendall(data, flags)
        deadline.expect_sign()

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        deadline = self._arm()
        count = super().recv_into(buffer, nbytes or 0, flags)
        deadline.note_sign()
        return count


class _TimedTLSSocket(_TimedSocket, ssl.SSLSocket):
    pass


class _TimedConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        """As urllib3's, but all addresses of the partner share the time that there is."""
        failure: OSError | None = None
        try:
            # The one step that no time-out of ours bounds: the system's resolver has its own.
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NewConnectionError(self, f"unknown host: {error}") from error
        for family, kind, protocol, _, address in found:
            sock = _TimedSocket(family, kind, protocol)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise NewConnectionError(self, f"no connection: {failure}") from failure


class _TimedTLSConnection(_TimedConnection, HTTPSConnection):
    pass


class _TimedPool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TimedTLSPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTLSConnection


class DeadlineAdapter(HTTPAdapter):
    """Reaches one address, with up to `connections` kept connections, and never tries twice.

    It works only inside `with deadline:`. Bodies are to be read there too (`stream=True`).
    """

    def __init__(self, base_url: str, connections: int) -> None:
        super().__init__(max_retries=0)
        parts = urlsplit(base_url)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            context.sslsocket_class = _TimedTLSSocket
            self._pool: HTTPConnectionPool = _TimedTLSPool(
                str(parts.hostname), parts.port, maxsize=connections, ssl_context=context
            )
        else:
            self._pool = _TimedPool(str(parts.hostname), parts.port, maxsize=connections)

    # The next three do for one address and no proxy what requests works out anew for every call,
    # by parsing the URL five times: a third of a small call.
    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: Any = None,
    ) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing to do: the pool's TLS context checks certificates against the system's list."""

    def request_url(
        self, request: requests.PreparedRequest, proxies: Mapping[str, str] | None
    ) -> str:
        return request.path_url

    def close(self) -> None:
        self._pool.close()
        super().close()


class PartnerSession(requests.Session):
    """A Session for one address; keeps no cookies, follows no redirect, reads no environment."""

    def __init__(self, base_url: str, connections: int) -> None:
        super().__init__()
        self.trust_env = False
        self.adapter = DeadlineAdapter(base_url, connections)
        self.mount("http://", self.adapter)
        self.mount("https://", self.adapter)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        # Session.send stores cookies, and reads all of a redirect's body to see where it leads.
        return self.adapter.send(request, **options)


def read_body(response: requests.Response, limit_bytes: int) -> bytes | None:
    """The whole body as it was sent, or None as soon as it is longer than `limit_bytes`."""
    body = b""
    # Read until nothing comes: only then does urllib3 notice that a body was cut off.
    while piece := response.raw.read(limit_bytes + 1 - len(body), decode_content=False):
        body += piece
        if len(body) > limit_bytes:
            return None
    return body


def is_timeout(error: Exception, deadline: Deadline) -> bool:
    return deadline.is_missed() or isinstance(error, requests.Timeout)


def is_unreadable(error: BaseException) -> bool:
    """Whether the partner did answer, but not in HTTP: urllib3 reports it as a lost connection."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, http.client.IncompleteRead | http.client.RemoteDisconnected):
            return False
        if isinstance(link, http.client.HTTPException | InvalidHeader):
            return True
        link = link.__cause__ or link.__context__
    return False
