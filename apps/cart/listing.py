"""What the catalogue sells, as this process has last heard it: a bit for each id, fed by changes.

It spares an add the call to the catalogue. It only ever says yes: a product that is not in it, or
a list that is too old, means that the catalogue is asked.
"""

import logging
import time
from collections.abc import Callable

from apps.cart import clients
from apps.cart.model import Changes
from shop_common.context import Context
from shop_common.errors import BusyError

# An archived product may be put into a cart for so long; check-out refuses it.
MAX_AGE_S = 1.5
REFRESH_EVERY_S = 0.5
# Ids beyond this are asked for each time: 2 MB are enough to know of a catalogue.
MAX_LISTED_ID = 2**24 - 1

logger = logging.getLogger("shop.listing")


class Listing:
    """The ids that are for sale; written by one thread, read by all."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.cursor = ""  # how far the changes have been read
        self._bits = bytearray()
        self._monotonic = monotonic
        self._heard_at: float | None = None  # None: not to be relied on

    def sells(self, product_id: int) -> bool:
        """Whether the product was for sale at most MAX_AGE_S ago; False: that is not known."""
        heard_at, bits, byte = self._heard_at, self._bits, product_id >> 3
        if heard_at is None or self._monotonic() - heard_at > MAX_AGE_S:
            return False
        return 0 <= byte < len(bits) and bool(bits[byte] >> (product_id & 7) & 1)

    def refresh(self, context: Context) -> None:
        """Read on what has changed, to the end; silence makes all that is known unreliable."""
        asked_at = self._monotonic()
        try:
            while not self._apply(clients.list_changes(context, self.cursor)):
                pass
        except BusyError as error:
            if self._heard_at is not None:
                logger.warning("every add asks the catalogue: %s", error.detail)
            self._heard_at = None
        else:
            self._heard_at = asked_at

    def _apply(self, changes: Changes) -> bool:
        """Whether these were the last."""
        if not changes.is_continued:
            self._bits = bytearray()
        for first, last in changes.sold:
            self._set(first, last, is_sold=True)
        for first, last in changes.gone:
            self._set(first, last, is_sold=False)
        self.cursor = changes.next
        return changes.is_complete

    def _set(self, first: int, last: int, *, is_sold: bool) -> None:
        last = min(last, MAX_LISTED_ID)
        missing = (last >> 3) + 1 - len(self._bits)
        self._bits.extend(bytes(max(0, missing)))
        for product_id in range(first, last + 1):
            bit = 1 << (product_id & 7)
            if is_sold:
                self._bits[product_id >> 3] |= bit
            else:
                self._bits[product_id >> 3] &= ~bit


def listing_of(context: Context) -> Listing:
    """This process's own, empty at first."""
    listing: Listing = context.memory["listing"]
    return listing
