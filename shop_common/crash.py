"""Points at which a test can have the process killed, to see that nothing is lost; else nothing.

With CRASH_POINTS=1, a request whose id is `crash.<app>.<point>.<n>.<anything>` kills the process of
that app, once, the n-th time it comes to that point. The id goes from app to app and into messages,
so every process that works for the request can be named.
"""

import os
import re
import signal
import threading
from collections import Counter
from pathlib import Path

from shop_common.log import request_id

POINTS = ("before_commit", "after_commit", "before_send", "after_answer")
_ORDER = re.compile(r"crash\.(\w+)\.(\w+)\.(\d+)\..+")

_armed: tuple[str, Path] | None = None
_seen: Counter[str] = Counter()
_lock = threading.Lock()


def arm(app: str, folder: Path) -> None:
    """Obey such requests from now on; `folder` remembers which have had their way."""
    global _armed  # noqa: PLW0603 - one process, one app
    _armed = (app, folder)


def point(name: str) -> None:
    if _armed is None:
        return
    order = _ORDER.fullmatch(request_id.get())
    if not order or order[1] != _armed[0] or order[2] != name:
        return
    with _lock:
        _seen[order[0]] += 1
        if _seen[order[0]] != int(order[3]):
            return
    try:
        os.close(os.open(_armed[1] / f"crashed-{order[0]}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return  # it has died of this request already: now it is to go on
    os.kill(os.getpid(), signal.SIGKILL)
