"""The control characters, at which a database or a terminal could choke."""

import re

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# All but tabs and line feeds.
CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
