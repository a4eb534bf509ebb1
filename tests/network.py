"""What stands in for the network in tests: `responses`, where our own adapter would send."""

from typing import Any

import responses

# Ours does it by itself, and not by requests' own, which `responses` would replace.
SEND = "shop_common.connections.DeadlineAdapter.send"


def mock_network(**options: Any) -> responses.RequestsMock:
    """All calls are refused but those that a test says the answer to."""
    return responses.RequestsMock(target=SEND, **options)
