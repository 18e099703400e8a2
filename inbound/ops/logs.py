"""Logging of every process: one line an event, to standard error, in UTC.

Libraries are kept at warning even when the service itself logs at debug: aiokafka writes
whole messages into its debug log, and those hold numbers and texts.
"""

import logging
import sys
import time

_LIBRARIES = ("aiokafka", "kafka", "faust", "mode", "asyncio", "opentelemetry", "urllib3", "yoyo")


def configure(level: str, *, name: str) -> None:
    """Set up logging of this process; `name` stands in front of every line."""
    formatter = logging.Formatter(
        f"%(asctime)s.%(msecs)03dZ {name} %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
