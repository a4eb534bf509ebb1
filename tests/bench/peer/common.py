"""What the peer's four apps share: the key, where the others are, and a connection per request."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Header, HTTPException

API_KEY = os.environ["API_KEY"]
PORT_BASE = int(os.environ["PORT_BASE"])
DATA_DIR = Path(os.environ["DATA_DIR"])
# The address and not the name: that would be looked for at ::1 first.
CATALOG_URL = f"http://127.0.0.1:{PORT_BASE + 1}"
ORDERS_URL = f"http://127.0.0.1:{PORT_BASE + 2}"
HEADERS = {"X-API-Key": API_KEY}
TIMEOUT_S = 5


def verify_api_key(x_api_key: Annotated[str | None, Header()] = None) -> str:
    if x_api_key != API_KEY:
        raise HTTPException(401, "Invalid API Key")
    return x_api_key


@contextmanager
def connect(name: str) -> Iterator[sqlite3.Connection]:
    """A connection with Python's defaults, closed at the end."""
    connection = sqlite3.connect(DATA_DIR / name)
    try:
        yield connection
    finally:
        connection.close()
