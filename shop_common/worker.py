"""The gunicorn worker of the apps: a thread waits for requests and answers them itself.

gunicorn's own threads are handed each request by one that waits, and hand its connection back: that
costs more than most of our requests do. Here threads take turns instead: one waits and answers, and
keeps its turn as long as it is quick. One that is not - it waits for a partner or a database, or
has much to read - loses its turn to the next, so that nobody queues behind it for long.
"""

import json
import select
import socket
import struct
import sys
import threading
import time
from http import HTTPStatus
from typing import Any

from gunicorn.workers.gthread import (  # type: ignore[import-untyped] # has no types
    STOP_KEEPALIVE_LINGER,
    TConn,
    ThreadWorker,
)

from shop_common import plain_http, waiting
from shop_common.log import request_id

SLOW_S = 0.02
READ_BYTES = 16 * 1024
# How often a worker looks for a slow answer when there was no request for as long.
IDLE_TICK_S = 0.1
# How long a thread waits for a client to go on, in the middle of a request or an answer.
STALL_S = 10
STALL = struct.pack("ll", STALL_S, 0)  # as the kernel takes it
# After each request its connection is armed again, by the thread that has answered.
ONCE = select.EPOLLIN | select.EPOLLONESHOT


class Turn:
    """Somebody's turn to wait for requests; `since` when the one being answered came."""

    __slots__ = ("since",)

    def __init__(self) -> None:
        self.since: float | None = None


class _ErrorPage:
    """Takes gunicorn's page for an error in the client's place."""

    status = 500

    def gettimeout(self) -> float:
        return 0.0  # as one that never blocks has it

    def sendall(self, data: bytes) -> None:
        self.status = int(data.split(b" ", 2)[1])


class TurnWorker(ThreadWorker):  # type: ignore[misc] # has no types
    """Runs `threads` threads that take turns; the main thread watches over whose turn it is."""

    def init_process(self) -> None:
        self._epoll = select.epoll()
        self._listeners = {listener.fileno(): listener for listener in self.sockets}
        self._open: set[TConn] = set()
        # Those that wait for a request, by descriptor; the longest waiting first.
        self._idle: dict[int, TConn] = {}
        self._expire_at = 0.0
        self._turn = Turn()
        self._replacing = threading.Lock()  # of the turn, and of the next two
        self._is_turn_free = True  # a turn is only replaced when somebody has it
        self._resting: list[threading.Lock] = []  # of those who wait for a turn, the last one last
        self._changing = threading.Lock()  # whether connections are accepted
        self._answers = 0
        self._accepting = False
        super().init_process()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: the main thread leaves its loop."""
        self.alive = False

    def run(self) -> None:
        """Until SIGTERM, and then until what was begun is answered, `graceful_timeout` at most."""
        for listener in self.sockets:
            listener.setblocking(False)
        for _ in range(self.cfg.threads):
            threading.Thread(target=self._take_turns, daemon=True).start()
        seen = 0
        while self.alive and self.is_parent_alive():
            self.notify()
            self._accept(len(self._open) < self.worker_connections)
            was_asked, seen = self._answers != seen, self._answers
            time.sleep(SLOW_S if was_asked else IDLE_TICK_S)
            self._pass_turn_on()
        self._accept(False)
        began = time.monotonic()
        # Kept connections too, for a moment: a request may be on its way.
        while self._open and time.monotonic() < began + (
            STOP_KEEPALIVE_LINGER
            if len(self._idle) == len(self._open)
            else self.cfg.graceful_timeout
        ):
            self.notify()
            time.sleep(SLOW_S)
            self._pass_turn_on()

    def _accept(self, wanted: bool) -> None:
        with self._changing:
            if wanted == self._accepting:
                return
            for descriptor in self._listeners:
                if wanted:
                    self._epoll.register(descriptor, select.EPOLLIN)
                else:
                    self._epoll.unregister(descriptor)
            self._accepting = wanted

    def _pass_turn_on(self) -> None:
        turn = self._turn
        since = turn.since
        if since is not None and time.monotonic() - since > SLOW_S:
            self._replace(turn)

    def _replace(self, turn: Turn) -> None:
        with self._replacing:
            if turn is self._turn:
                self._turn = Turn()
                if self._resting:
                    # Who rested last: the processor's caches know the others less.
                    self._resting.pop().release()
                else:
                    self._is_turn_free = True

    def _take_turns(self) -> None:
        bell = threading.Lock()
        bell.acquire()
        try:
            while True:
                self._rest(bell)
                self._keep_turn(self._turn)
        except BaseException:
            self.log.exception("A thread of the worker has died, and the worker with it")
            self.handle_exit(0, None)
            raise

    def _rest(self, bell: threading.Lock) -> None:
        """Until it is this thread's turn; whoever gives it the turn lets go its `bell`."""
        with self._replacing:
            if self._is_turn_free:
                self._is_turn_free = False
                return
            self._resting.append(bell)
        bell.acquire()

    def _keep_turn(self, turn: Turn) -> None:
        waiting.listen(lambda: self._replace(turn))
        while turn is self._turn:
            for descriptor, _ in self._epoll.poll(1.0, 1):
                if descriptor in self._listeners:
                    self._take_connection(self._listeners[descriptor])
                elif conn := self._idle.pop(descriptor, None):
                    turn.since = time.monotonic()
                    self._answer(descriptor, conn)
                    turn.since = None
                    request_id.set("")  # what is logged next is not about that request
            if self._expire_at < time.monotonic():
                self._close_expired()

    def _take_connection(self, listener: Any) -> None:
        try:
            sock, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # another worker was quicker, or the client has gone
        except OSError as error:
            # Out of descriptors, as a rule: those that are open are answered meanwhile.
            self.log.warning("No connection can be accepted: %s", error)
            self._accept(False)  # until the main thread looks again
            return
        conn = TConn(self.cfg, sock, address, listener.getsockname())
        sock.setblocking(True)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, STALL)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, STALL)
        conn.data_ready = True  # `handle` is not called before
        self._open.add(conn)
        self._wait_for_request(sock.fileno(), conn)
        self._epoll.register(sock.fileno(), ONCE)

    def _wait_for_request(self, descriptor: int, conn: TConn) -> None:
        conn.set_timeout()
        self._idle[descriptor] = conn

    def _answer(self, descriptor: int, conn: TConn) -> None:
        self._answers += 1
        if self._answer_what_came(conn):
            self._wait_for_request(descriptor, conn)
            self._epoll.modify(descriptor, ONCE)
        else:
            self._close(descriptor, conn, graceful=True)

    def _answer_what_came(self, conn: TConn) -> bool:
        """Whether the connection is kept."""
        try:
            data = conn.sock.recv(READ_BYTES)
            if not data:
                return False
            if request := plain_http.read_request(data):
                environ, length = request
                while len(data) < length and (more := conn.sock.recv(length - len(data))):
                    data += more
                if len(data) < length:
                    return False
                if len(data) == length:
                    return self._answer_plainly(conn, environ, data)
        except (ConnectionError, BlockingIOError):
            conn.sock.close()  # the client has gone, or stalls: nobody to wait for
            return False
        conn.init()
        conn.parser.unreader.unread(data)
        while self.handle(conn):
            # What was read beyond one request is the beginning of the next.
            if not conn.parser.unreader.buf.getvalue():
                return True
        return False

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        # gunicorn reads 64 KB of a body that no view has read, and closes what it has called kept:
        # Nginx may have sent the next client's request on it. None is longer than Nginx lets in.
        return keepalive and bool(
            conn.parser.finish_body(time.monotonic() + STALL_S, max_bytes=sys.maxsize)
        )

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that is none as gunicorn would, but with a body as all others have."""
        page = _ErrorPage()
        super().handle_error(req, page, addr, exc)
        reason = HTTPStatus(page.status).phrase
        detail = reason if page.status == 500 else f"The request cannot be read: {exc}"
        body = json.dumps({"detail": detail}).encode()
        headers = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))]
        head = plain_http.write_head(f"{page.status} {reason}", headers, closes=True)
        try:
            client.sendall(head + body)
        except OSError as error:
            self.log.debug("The client has gone before it heard of an error: %s", error)

    def _answer_plainly(self, conn: TConn, environ: dict[str, Any], data: bytes) -> bool:
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = conn.client[0], str(conn.client[1])
        environ["SERVER_NAME"], environ["SERVER_PORT"] = conn.server[0], str(conn.server[1])
        closes, has_begun = not self.alive, False
        body = data[len(data) - int(environ["CONTENT_LENGTH"]) :]

        def send(piece: bytes) -> None:
            nonlocal has_begun
            has_begun = True
            conn.sock.sendall(piece)

        try:
            plain_http.call(self.wsgi, environ, body, send, closes=closes)
        except (ConnectionError, BlockingIOError):
            raise  # for the caller: of the client, as while it sends
        except Exception as error:
            if has_begun:
                # To the client it is cut off: nothing else can be said in the middle of an answer.
                self.log.exception("An answer broke off")
            else:
                self.handle_error(None, conn.sock, conn.client, error)
            return False
        return not closes

    def _close_expired(self) -> None:
        now = time.monotonic()
        self._expire_at = now + 1.0
        for descriptor, conn in list(self._idle.items()):
            if conn.timeout > now:
                break
            if self._idle.pop(descriptor, None):
                self._close(descriptor, conn)

    def _close(self, descriptor: int, conn: TConn, *, graceful: bool = False) -> None:
        self._open.discard(conn)
        # A connection that broke off is closed already, by gunicorn or here, and its number may be
        # another one's.
        if conn.sock.fileno() == descriptor:
            self._epoll.unregister(descriptor)
            conn.close(graceful=graceful)
