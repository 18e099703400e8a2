"""Logging of every process: one line an event, to standard error, in UTC.

Libraries are kept at warning even when the service itself logs at debug: aiokafka writes
whole messages into its debug log, and those hold numbers and texts.
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
"""Messages of ours name ids and reasons: what is remembered of them is bounded."""


class RepeatFilter(logging.Filter):
    """Lets the same thing be said once in `REPEAT_EVERY_S`, and counts the rest.

    Kafka clients log every attempt to reconnect, and we every text that was refused: dozens
    of lines a second in an outage. Of a library the same thing is one kind of message; of
    ours it is the same words, and from `ERROR` on each is said.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log, with the count of lines left out since the last one."""
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
            record.msg = f"{record.msg} ({left_out} more like this in between)"
        return True


def configure(level: str, *, name: str) -> None:
    """Set up logging of this process; `name` stands in front of every line."""
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
