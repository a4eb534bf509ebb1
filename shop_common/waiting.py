"""Where a thread says that it is about to wait, so that its worker lets another one go on."""

import threading
from collections.abc import Callable


class _Here(threading.local):
    listener: Callable[[], None] | None = None


_here = _Here()


def listen(listener: Callable[[], None]) -> None:
    """Have `listener` called whenever this thread is about to wait."""
    _here.listener = listener


def begins() -> None:
    """To be called before waiting for a lock, a disk or a partner."""
    if _here.listener:
        _here.listener()
