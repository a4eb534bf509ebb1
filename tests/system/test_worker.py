"""The worker of the apps: quick requests are answered in turn, slow ones hold up nobody."""

import contextlib
import http.client
import json
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.system.running import CHECKOUT, wait_for

THREADS = 3
# Says who is being answered in a file, and answers what is slow when another file is there.
APP = """
import os, pathlib, time, uuid, wsgiref.util
from shop_common.log import request_id
here = pathlib.Path(__file__).parent
def app(environ, start_response):
    name = environ["PATH_INFO"].strip("/")
    request_id.set(name)
    if name == "slow":
        (here / f"began-{uuid.uuid4()}").touch()
        while not (here / "gate").exists():
            time.sleep(0.01)
    if name == "nothing":
        start_response("204 No Content", [])
        return []
    if name == "file":
        start_response("200 OK", [("Content-Length", str((here / "file").stat().st_size))])
        wrap = environ.get("wsgi.file_wrapper", wsgiref.util.FileWrapper)
        return wrap((here / "file").open("rb"))
    if name == "stream":
        start_response("200 OK", [])
        return iter([b"one", b"", b", two"])
    if name == "breaks":
        start_response("200 OK", [])
        return map(lambda piece: piece.encode(), ["one", None])
    if name == "dies":
        raise LookupError(name)
    if name == "pid":
        name = str(os.getpid())
    if name == "length":
        name = str(len(environ["wsgi.input"].read()))
    body = name.encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


class Server:
    """One gunicorn with one worker, and the application above."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        (folder / "slow_app.py").write_text(APP)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        listener.set_inheritable(True)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "-k", "shop_common.worker.TurnWorker"),
                *("-w", "1", "--threads", str(THREADS), "--bind", f"fd://{listener.fileno()}"),
                *("--no-control-socket", "--pythonpath", f"{folder},{CHECKOUT}", *options),
                "slow_app:app",
            ],
            cwd=CHECKOUT,
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
        listener.close()
        assert self.get("quick") == "quick"

    def get(self, name: str) -> str:
        """As our own client asks, and Nginx: plainly."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"/{name}")
        with contextlib.closing(connection):
            return connection.getresponse().read().decode()

    def get_as_others(self, name: str) -> str:
        """With a header that is gunicorn's to understand."""
        return requests.get(f"http://127.0.0.1:{self.port}/{name}", timeout=60).text

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def began(self) -> int:
        return len(list(self.folder.glob("began-*")))

    def open_gate(self) -> None:
        (self.folder / "gate").touch()

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        log = self.process.communicate(timeout=60)[1]
        assert self.process.returncode == 0, log
        return log


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*options: str) -> Server:
        servers.append(Server(tmp_path, *options))
        return servers[-1]

    yield start
    for server in servers:
        server.open_gate()
        assert "Traceback" not in (server.stop() if server.process.returncode is None else "")


def ask(connection: socket.socket, name: str, times: int = 1) -> bytes:
    connection.sendall(f"GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * times)
    answer = b""
    while answer.count(f"\r\n\r\n{name}".encode()) < times:
        received = connection.recv(4096)
        assert received, answer
        answer += received
    return answer


def test_slow_answers_hold_up_nobody(serve: Callable[..., Server]) -> None:
    """As long as there is a thread left; and when none was, all are answered in the end."""
    server = serve()
    with ThreadPoolExecutor() as pool:
        slow = [pool.submit(server.get, "slow")]
        for count in range(1, THREADS):
            wait_for(lambda count=count: server.began() == count)
            assert server.get("quick") == "quick"
            slow.append(pool.submit(server.get, "slow"))
        wait_for(lambda: server.began() == THREADS)
        late = [pool.submit(server.get, "quick") for _ in range(3)]
        server.open_gate()
        assert [answer.result() for answer in slow] == ["slow"] * THREADS
        assert [answer.result() for answer in late] == ["quick"] * 3
    assert [server.get("quick") for _ in range(20)] == ["quick"] * 20


def test_a_connection_is_kept(serve: Callable[..., Server]) -> None:
    """For one request after the other, for several at once, and among others."""
    server = serve()
    connections = [server.connect() for _ in range(5)]
    for _ in range(3):
        for connection in connections:
            ask(connection, "quick")
    for connection in connections:
        ask(connection, "quick", times=7)
        connection.close()


def test_every_kind_of_answer_arrives_whole(serve: Callable[..., Server]) -> None:
    """Its head in one piece with what follows; the head alone where nothing does."""
    server = serve()
    (server.folder / "file").write_text("a line\n" * 10_000)
    connection = server.connect()
    for _ in range(2):
        connection.sendall(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096).endswith(b"\r\n\r\nquick")
        connection.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 204 ")
    connection.close()
    for get in (server.get, server.get_as_others):
        assert get("quick") == "quick"
        assert get("nothing") == ""
        assert get("file") == "a line\n" * 10_000
        assert get("stream") == "one, two"


@pytest.mark.parametrize("length", [5, 60_000, 3_000_000])
def test_a_body_that_comes_in_pieces(serve: Callable[..., Server], length: int) -> None:
    """The head first, as our client sends it; then all the rest, or a part and the end later."""
    server = serve()
    connection = server.connect()
    for first in (0, 1, length // 2):
        head = f"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode())
        assert server.get("quick") == "quick"
        connection.sendall(b"x" * first)
        assert server.get("quick") == "quick"
        connection.sendall(b"x" * (length - first))
        received = b""
        while not received.endswith(f"\r\n\r\n{length}".encode()):
            piece = connection.recv(4096)
            assert piece, received
            received += piece
    connection.close()


@pytest.mark.parametrize("length", [60_000, 100_000, 3_000_000])
def test_a_body_that_nobody_reads_costs_nobody_the_connection(
    serve: Callable[..., Server], length: int
) -> None:
    """Nginx sends the next client's request on it."""
    server = serve()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("POST", "/quick", b"x" * length)
            answer = connection.getresponse()
            assert answer.read() == b"quick"
            assert connection.sock is not None, "it was closed"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /quick HTTP/1.1\r\nHost: x\r\nX-Odd: a\x01b\r\n\r\n", 400),
        (b"GET /quick HTTP/1.1\r\nHost: x\r\nX-Folded: a\r\n b\r\n\r\n", 400),
        (b"GE /quick HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: odd\r\n\r\n", 501),
    ],
)
def test_what_is_no_request_is_told_so(
    serve: Callable[..., Server], request_: bytes, status: int
) -> None:
    """As every error is, and others are answered all the same."""
    server = serve()
    with server.connect() as connection:
        connection.sendall(request_)
        with http.client.HTTPResponse(connection) as answer:
            answer.begin()
            assert (answer.status, answer.headers["Connection"]) == (status, "close")
            assert answer.headers["Content-Type"] == "application/problem+json"
            detail = json.loads(answer.read())["detail"]
    assert detail.startswith("The request cannot be read: ")
    assert server.get("quick") == "quick"


def test_what_is_no_request_has_no_request_id(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Least of all that of the request before."""
    config = tmp_path / "as_json.py"
    config.write_text(
        "logconfig_dict = {\n"
        "    'version': 1,\n"
        "    'formatters': {'json': {'()': 'shop_common.log.JsonFormatter', 'app': 'x'}},\n"
        "    'handlers': {'stderr': {'class': 'logging.StreamHandler', 'formatter': 'json'}},\n"
        "    'root': {'level': 'INFO', 'handlers': ['stderr']},\n"
        "    'loggers': {'gunicorn.error': {'handlers': [], 'propagate': True}},\n"
        "}\n"
    )
    server = serve("-c", str(config))
    assert server.get("quick") == "quick"
    with server.connect() as connection:
        connection.sendall(b"GE /quick HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096)
    (line,) = (line for line in server.stop().splitlines() if "Invalid request" in line)
    assert "request_id" not in json.loads(line)


def test_a_large_answer_to_a_slow_reader(serve: Callable[..., Server]) -> None:
    server = serve()
    (server.folder / "file").write_text("x" * 20_000_000)
    connection = server.connect()
    connection.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
    assert server.get("quick") == "quick"
    received = 0
    while received < 20_000_000:
        piece = connection.recv(1 << 20)
        assert piece
        received += len(piece)
    connection.close()


def test_who_leaves_in_the_middle_disturbs_nobody(serve: Callable[..., Server]) -> None:
    server = serve()
    (server.folder / "file").write_text("x" * 20_000_000)
    for said in (
        b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nxx",
        b"GET /quick HTTP/1.1\r\nHos",
        b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        connection = server.connect()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(said)
        assert server.get("quick") == "quick"
        connection.close()
    assert server.get("quick") == "quick"


@pytest.mark.parametrize("get", [Server.get, Server.get_as_others], ids=["plainly", "as others"])
def test_an_answer_that_breaks_off(
    serve: Callable[..., Server], get: Callable[[Server, str], str]
) -> None:
    """It ends its connection, and nothing else: the others are answered, by the same process."""
    server = serve()
    kept, process = server.connect(), server.get("pid")
    ask(kept, "quick")
    for _ in range(THREADS + 1):
        with pytest.raises((http.client.IncompleteRead, requests.RequestException)):
            get(server, "breaks")
    ask(kept, "quick")
    assert server.get_as_others("pid") == server.get("pid") == process
    kept.close()
    log = server.stop()
    assert log.count("AttributeError: 'NoneType'") == THREADS + 1
    assert "OSError" not in log


def test_a_view_that_dies_is_a_problem(serve: Callable[..., Server]) -> None:
    server = serve()
    for headers in ({}, {"Connection": "keep-alive"}):  # plainly, and as others
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", "/dies", headers=headers)
            answer = connection.getresponse()
            assert answer.status == 500
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert json.loads(answer.read()) == {"detail": "Internal Server Error"}
    assert server.get("quick") == "quick"
    assert server.stop().count("LookupError: dies") == 2


def test_without_a_descriptor_left(serve: Callable[..., Server]) -> None:
    """Nobody new is let in for as long; who is there is answered, and later everybody is."""
    server = serve()
    process = int(server.get("pid"))
    old = server.connect()
    ask(old, "quick")
    _, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
    open_now = len(list(Path(f"/proc/{process}/fd").iterdir()))
    resource.prlimit(process, resource.RLIMIT_NOFILE, (open_now + 2, hard))
    crowd = [server.connect() for _ in range(5)]
    wait_for(lambda: len(list(Path(f"/proc/{process}/fd").iterdir())) == open_now + 2)
    for _ in range(THREADS + 1):
        ask(old, "quick")
    for connection in crowd[:2]:
        ask(connection, "quick")
        connection.close()
    for connection in crowd[2:]:
        ask(connection, "quick")
        connection.close()
    assert int(server.get("pid")) == process
    old.close()
    assert "No connection can be accepted: [Errno 24]" in server.stop()


def test_clients_that_stall_end(serve: Callable[..., Server], tmp_path: Path) -> None:
    """In the middle of a head, of a body or of a large answer: their threads are wanted back."""
    config = tmp_path / "impatient.py"
    config.write_text(
        "import struct\n"
        "from shop_common import worker\n"
        "worker.STALL = struct.pack('ll', 0, 200_000)\n"
    )
    server = serve("-c", str(config))
    (server.folder / "file").write_text("x" * 20_000_000)
    stalling = []
    for said in (
        b"GET /quick HTTP/1.1\r\nHos",
        b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nxx",
        b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n",
    ) * THREADS:
        stalling.append(server.connect())
        stalling[-1].sendall(said)
    assert server.get("quick") == "quick"
    for connection in stalling:
        with contextlib.suppress(ConnectionResetError), contextlib.closing(connection):
            while connection.recv(1 << 20):
                pass
    server.stop()


def test_idle_connections_end(serve: Callable[..., Server]) -> None:
    """After the time that gunicorn is told, also those that have never asked anything."""
    server = serve("--keep-alive", "1")
    used, unused = server.connect(), server.connect()
    ask(used, "quick")
    assert (used.recv(1), unused.recv(1)) == (b"", b"")
    used.close()
    unused.close()


def test_no_more_connections_than_wanted(serve: Callable[..., Server]) -> None:
    """Others wait in the listening socket until one ends."""
    server = serve("--worker-connections", str(THREADS + 1))
    kept = [server.connect() for _ in range(THREADS + 1)]
    for connection in kept:
        ask(connection, "quick")
    with server.connect() as late:
        late.sendall(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
        for connection in kept:
            ask(connection, "quick")
            connection.close()
        assert late.recv(4096).endswith(b"late")


def test_what_was_begun_is_answered_before_it_stops(serve: Callable[..., Server]) -> None:
    server = serve()
    idle = server.connect()
    ask(idle, "quick")
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(server.get, "slow")
        wait_for(lambda: server.began() == 1)
        server.process.send_signal(signal.SIGTERM)
        # A request may be on its way; its answer says that it is the last one.
        wait_for(lambda: b"Connection: close" in ask(idle, "quick"))
        assert idle.recv(1) == b""
        server.open_gate()
        assert slow.result() == "slow"
    idle.close()
    assert "Traceback" not in server.process.communicate(timeout=60)[1]
    assert server.process.returncode == 0
