"""`shop bench`: measures the shop; all of it is in tests/bench, run from the checkout."""

import sys
from importlib import import_module

from shop_common.cli.state import CHECKOUT

sys.path.insert(0, str(CHECKOUT))
command = import_module("tests.bench.command").command
