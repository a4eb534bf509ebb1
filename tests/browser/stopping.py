"""An app that is there and does not answer."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def stopped(data_dir: Path, app: str) -> Iterator[None]:
    """The app's processes halted: its port still takes connections, but nothing answers."""
    leader, _ = json.loads((data_dir / "shop.json").read_text())["programs"][app]
    os.killpg(leader, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(leader, signal.SIGCONT)
