"""JSON of messages, parsed without a place for their values in pydantic's cache of strings.

The ids and times of a message are its own. Cached, they are seldom found again, make parsing slower
by two thirds, and hold some megabytes of each process until the cache is full, hours after its
start.
"""

from functools import partial
from typing import Final

from pydantic_core import from_json

CACHED: Final = "keys"

read_json: Final = partial(from_json, cache_strings=CACHED)
"""Return the value of JSON text. Raises ValueError if it is none."""
