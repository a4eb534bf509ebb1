"""An app that is there and does not answer."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import requests

from tests.browser.client import Client
from tests.system.running import wait_for


@contextmanager
def stopped(data_dir: Path, app: str, client: Client) -> Iterator[None]:
    """The app's processes halted: its port still takes connections, but nothing answers.

    Afterwards until orders go through again: the others do without a silent app a while longer.
    """
    leader, _ = json.loads((data_dir / "shop.json").read_text())["programs"][app]
    os.killpg(leader, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(leader, signal.SIGCONT)
    wait_for(lambda: is_ordered(client))


def is_ordered(client: Client) -> bool:
    try:
        client.order(f"user-{uuid4()}")
    except requests.HTTPError:
        return False
    return True
