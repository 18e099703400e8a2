"""Logging of every process: one line per event, to standard error, in UTC.

Libraries log at WARNING even if the service logs at DEBUG: aiokafka's debug log contains
whole messages, with numbers and texts.
"""

import logging
import sys
import time
from collections.abc import Callable

_LIBRARIES = (
    "aiokafka",
    "kafka",
    "faust",
    "mode",
    "asyncio",
    "opentelemetry",
    "urllib3",
    "yoyo",
    "uvicorn",
    "fastapi",
)


REPEAT_EVERY_S = 10.0
REMEMBERED = 1000
"""Bounds the filter's memory: our messages contain ids and reasons."""


class RepeatFilter(logging.Filter):
    """Passes a repeated message once per `REPEAT_EVERY_S` and counts the others.

    In an outage, Kafka clients log every reconnect and we log every refused MO: dozens of
    lines a second. Messages of a library are equal if their format string is; ours if their
    text is. Our errors are never filtered.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log. Appends the number of lines suppressed since the last one."""
        if record.name.startswith(_LIBRARIES):
            key = (record.name, str(record.msg))
        elif record.levelno == logging.WARNING:
            key = (record.name, record.getMessage())
        else:
            return True
        last, left_out = self._said.get(key, (-REPEAT_EVERY_S, 0))
        now = self._clock()
        if now - last < REPEAT_EVERY_S:
            self._said[key] = (last, left_out + 1)
            return False
        if len(self._said) >= REMEMBERED:
            self._said.clear()
        self._said[key] = (now, 0)
        if left_out:
            record.msg = f"{record.msg} ({left_out} similar messages suppressed)"
        return True


def configure(level: str, *, name: str) -> None:
    """Set up logging of this process. `name` is part of every line."""
    formatter = logging.Formatter(
        f"%(asctime)s.%(msecs)03dZ {name} %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(RepeatFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
