"""One deadline over a whole exchange: connect, send, headers, body; it knows no HTTP.

The time-outs of a socket bound each single wait, so that a partner that drips one byte at a time
holds its caller for ever. Here every operation gets only what remains of the whole.
"""

import socket
import ssl
import threading
import time
from typing import Any, Self

READ_BYTES = 16 * 1024


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
# kept between calls.
_running = _Running()


class TimedSocket(socket.socket):
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

    def recv(self, buflen: int = READ_BYTES, flags: int = 0) -> bytes:
        deadline = self._arm()
        data = super().recv(buflen, flags)
        deadline.note_sign()
        return data


class TimedTLSSocket(TimedSocket, ssl.SSLSocket):
    pass
