"""A stand-in for a partner: a real server on a loopback port whose faults can be switched."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

PRODUCTS = [
    {"id": 1, "name": "Laptop", "price": 999.99, "stock": 50},
    {"id": 2, "name": "Mouse", "price": 29.99, "stock": 200},
    {"id": 3, "name": "Keyboard", "price": 79.99, "stock": 150},
]
DRIP_EVERY_S = 0.05
NOT_ACCEPTING = ("refuse", "deaf")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that arrived whole; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class FaultyServer:
    """Answers `normal` ones with `body` as JSON unless `fault` is another name of FAULTS.

    Use it as a context manager; `url` is where it is. `set_fault` may be called at any time and
    holds for the requests that arrive from then on; "refuse" lets no one connect, "deaf" lets one
    or two connect and reads nothing, "sip" reads very slowly. With `times` a fault heals by itself
    after so many requests. `seen` are the requests that arrived, `connections` how many were
    accepted.
    """

    def __init__(
        self,
        fault: str = "normal",
        *,
        body: Any = PRODUCTS,
        times: int | None = None,
        tls: ssl.SSLContext | None = None,
    ):
        self.body = json.dumps(body).encode()
        self.slow_s = 1.0
        self.drips = 200  # bytes beyond what a normal answer has: ten seconds of them
        self.seen: list[Seen] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._tls = tls
        self._times: int | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._accepting: socket.socket | None = None
        # Keeps the port while nobody listens on it, so that no one else is given it.
        self._holder = self._bind(0)
        self.port: int = self._holder.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._fault = ""
        self.set_fault(fault, times)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._stop_listening()
        self.drop_connections()
        self._holder.close()

    @property
    def fault(self) -> str:
        return self._fault

    def set_fault(self, name: str, times: int | None = None) -> None:
        if name not in (*FAULTS, *NOT_ACCEPTING, "sip"):
            raise ValueError(f"no such fault: {name}")
        with self._lock:
            self._fault, self._times = name, times
        if name in NOT_ACCEPTING:
            self._stop_listening()
            self.drop_connections()
        if name != "refuse" and self._listener is None:
            self._listener = self._bind(self.port)
        if self._listener is not None:
            # Also of one that listens already: who was deaf hears everyone again, at once.
            self._listener.listen(0 if name == "deaf" else 128)
        if name not in NOT_ACCEPTING and self._accepting is not self._listener:
            self._accepting = self._listener
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def drop_connections(self) -> None:
        """Close every kept connection, as a partner does that restarts."""
        with self._lock:
            for connection in self._open:
                _shut(connection)

    def _bind(self, port: int) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", port))
        return sock

    def _stop_listening(self) -> None:
        if self._listener is not None:
            # shutdown wakes the thread that waits in accept; close alone does not.
            _shut(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._lock:
                self._open.add(connection)
            with connection, connection.makefile("rb") as incoming:
                while self._fault == "sip" and connection.recv(16384):
                    self.stopping.wait(DRIP_EVERY_S)
                while request := _read_request(incoming):
                    with self._lock:
                        self.seen.append(request)
                    if not self.answer(connection):
                        return
        except OSError:
            return  # the client has gone, which is what many faults provoke
        finally:
            with self._lock:
                self._open.discard(connection)

    def answer(self, connection: socket.socket) -> bool:
        """Answer one request as the fault says; whether the connection is kept."""
        return FAULTS[self._next_fault()](self, connection)

    def _next_fault(self) -> str:
        with self._lock:
            if self._times is not None:
                if self._times == 0:
                    self._fault, self._times = "normal", None
                else:
                    self._times -= 1
            # Another kind of fault may have been set while this request was on its way.
            return self._fault if self._fault in FAULTS else "reset"

    def wait_while_open(self, connection: socket.socket, wait_s: float) -> bool:
        """Wait `wait_s` unless the client goes or the server stops; whether to go on."""
        connection.settimeout(wait_s)
        try:
            # A client that waits for its answer sends nothing: what comes is its end.
            connection.recv(1)
        except TimeoutError:
            connection.settimeout(None)
            return not self.stopping.is_set()
        return False


def _read_request(incoming: Any) -> Seen | None:
    line = incoming.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (header := incoming.readline()) not in (b"\r\n", b"\n", b""):
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = incoming.read(int(headers.get("content-length", 0)))
    return Seen(line[0], line[1], headers, body)


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was not connected any more


def response(
    status: str, body: bytes, *headers: str, content_type: str = "application/json"
) -> bytes:
    head = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


# A fault answers one request and says whether the connection is kept.
Fault = Callable[[FaultyServer, socket.socket], bool]


def normal(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(response("200 OK", server.body))
    return True


def hang(server: FaultyServer, connection: socket.socket) -> bool:
    """Say nothing until another fault is set; that one then answers, if the client still waits."""
    while server.fault == "hang":
        if not server.wait_while_open(connection, 0.02):
            return False
    return server.answer(connection)


def slow_first_byte(server: FaultyServer, connection: socket.socket) -> bool:
    return server.wait_while_open(connection, server.slow_s) and normal(server, connection)


def _drip(server: FaultyServer, connection: socket.socket, data: bytes) -> bool:
    for number in range(len(data)):
        connection.sendall(data[number : number + 1])
        if not server.wait_while_open(connection, DRIP_EVERY_S):
            return False
    return True


def drip_headers(server: FaultyServer, connection: socket.socket) -> bool:
    # In short lines, as a client may bound a line.
    padding = [f"X-Padding-{number}: {'x' * 50}" for number in range(server.drips // 50)]
    return _drip(server, connection, response("200 OK", server.body, *padding))


def drip_body(server: FaultyServer, connection: socket.socket) -> bool:
    body = server.body + b" " * server.drips
    head = response("200 OK", body)[: -len(body)]
    connection.sendall(head)
    return _drip(server, connection, body)


def drip_chunks(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    return _drip(server, connection, b"1\r\n \r\n" * server.drips)


def reset(server: FaultyServer, connection: socket.socket) -> bool:
    # A linger of 0 makes the close a reset.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def late_reset(server: FaultyServer, connection: socket.socket) -> bool:
    return server.wait_while_open(connection, server.slow_s) and reset(server, connection)


def close(server: FaultyServer, connection: socket.socket) -> bool:
    return False


def cut(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(response("200 OK", server.body)[:-10])
    return False


def cut_closing(server: FaultyServer, connection: socket.socket) -> bool:
    """Nothing of the body, and a head that is not plain."""
    whole = response("200 OK", server.body, "Connection: close")
    connection.sendall(whole[: -len(server.body)])
    return False


def cut_chunks(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n")
    return False


def chunked(server: FaultyServer, connection: socket.socket) -> bool:
    half = len(server.body) // 2
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in (server.body[:half], server.body[half:], b""):
        connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
    return True


def error_500(server: FaultyServer, connection: socket.socket) -> bool:
    page = b"<h1>Internal Server Error</h1>"
    connection.sendall(response("500 Internal Server Error", page, content_type="text/html"))
    return True


def busy_503(server: FaultyServer, connection: socket.socket) -> bool:
    problem = b'{"detail": "the database is busy"}'
    connection.sendall(
        response(
            "503 Service Unavailable",
            problem,
            "Retry-After: 1",
            content_type="application/problem+json",
        )
    )
    return True


def plain_503(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(response("503 Service Unavailable", b"<h1>503</h1>"))
    return True


def unauthorized(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(response("401 Unauthorized", b'{"detail": "Invalid API Key"}'))
    return True


def not_found(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(response("404 Not Found", b'{"detail": "Not Found"}'))
    return True


def garbage(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(b"\x00\xff\x16garbage\r\nno: http\r\n\r\n" * 20)
    return False


def not_json(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(response("200 OK", b"<html>Welcome to nginx!</html>"))
    return True


def wrong_shape(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(response("200 OK", b'{"products": "none of your business"}'))
    return True


def empty(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(response("200 OK", b""))
    return True


def redirect(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(response("302 Found", b"", f"Location: {server.url}/elsewhere"))
    return True


def cookie(server: FaultyServer, connection: socket.socket) -> bool:
    connection.sendall(response("200 OK", server.body, "Set-Cookie: session=1; Path=/"))
    return True


def huge(server: FaultyServer, connection: socket.socket) -> bool:
    """16 MiB of a well-formed JSON list, in chunks, so that no header says how much will come."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n")
    for _ in range(256):
        connection.sendall(b"10000\r\n" + b"0," * 0x8000 + b"\r\n")
    connection.sendall(b"2\r\n0]\r\n0\r\n\r\n")
    return True


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        normal,
        hang,
        slow_first_byte,
        drip_headers,
        drip_body,
        drip_chunks,
        reset,
        late_reset,
        close,
        cut,
        cut_closing,
        cut_chunks,
        chunked,
        error_500,
        busy_503,
        plain_503,
        unauthorized,
        not_found,
        garbage,
        not_json,
        wrong_shape,
        empty,
        redirect,
        cookie,
        huge,
    )
}
