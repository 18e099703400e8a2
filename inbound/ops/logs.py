"""Logging of every process: one line per event, to standard error, in UTC.

Invariants:

* A record is one line, whatever it quotes: `inbound.printing` escapes it. A traceback follows in
  indented lines, so no text in it looks like a line of the log.
* An error is something that an operator may have to act on. An error that a client of Kafka reports
  and recovers from is a warning, and in an outage a line at `debug` only (`log_outages`), because
  we log the outage ourselves.
* Lines of one kind are limited, so a peer that repeats something can't fill a disk
  (`log_throttle`).

Libraries log at WARNING even if the service logs at DEBUG: aiokafka's debug log contains
whole messages, with numbers and texts.
"""

import logging
import sys
import threading
import time
from types import TracebackType
from typing import Final

from inbound.ops.log_outages import is_of_outage, lower_outage
from inbound.ops.log_throttle import LIBRARIES, MESSAGE_CHARS, LogThrottle
from inbound.printing import printable

TRACEBACK_CHARS: Final = 20_000

log = logging.getLogger(__name__)


class ThrottlingHandler(logging.StreamHandler):  # type: ignore[type-arg]  # any stream
    """Writes the lines that the throttle admits, and how many it suppressed."""

    def __init__(self, throttle: LogThrottle | None = None) -> None:
        super().__init__(sys.stderr)
        self._throttle = throttle or LogThrottle()
        self._timer: threading.Timer | None = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a record, unless lines of its kind are over their limit."""
        with self.lock or threading.RLock():
            self._write_summaries()
            if is_of_outage(record) and not logging.getLogger().isEnabledFor(logging.DEBUG):
                return False
            lower_outage(record)
            admitted = self._throttle.admits(record)
            if admitted:
                for earlier in self._throttle.summaries_before(record):
                    self.emit(earlier)
                self.emit(record)
            elif self._timer is None:
                self._start_timer()
        return admitted

    def _write_summaries(self) -> None:
        for record in self._throttle.ended():
            self.emit(record)

    def _start_timer(self) -> None:
        """Write the summaries later, if no line does it before."""
        self._timer = threading.Timer(self._throttle.window_s, self._on_timer)
        self._timer.daemon = True
        self._timer.start()

    def _on_timer(self) -> None:
        with self.lock or threading.RLock():
            self._timer = None
            self._write_summaries()
            if self._throttle.is_suppressing:
                self._start_timer()


class LineFormatter(logging.Formatter):
    """Formats a record as one line, and a traceback as indented lines."""

    def __init__(self, process: str) -> None:
        """`process` is part of every line."""
        super().__init__(
            f"%(asctime)s.%(msecs)03dZ {process} %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S"
        )
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 — logging's name
        """Return the line, escaped and cut."""
        text = record.message
        if "\n" in text and record.name.startswith(LIBRARIES):  # some explain at length
            text = " ".join(text.split())
        record.message = printable(text, MESSAGE_CHARS)
        return super().formatMessage(record)

    def formatException(  # noqa: N802 — logging's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return the traceback, escaped and indented; of a long one the end."""
        text = super().formatException(ei)[-TRACEBACK_CHARS:]
        return "\n".join(f"    {printable(line)}" for line in text.split("\n"))


def configure(level: str, *, name: str) -> None:
    """Set up logging of this process. `name` is part of every line."""
    handler = ThrottlingHandler()
    handler.setFormatter(LineFormatter(name))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
    threading.excepthook = _log_end_of_thread


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    name = ended.thread.name if ended.thread is not None else "unknown"
    cause = ended.exc_value or ended.exc_type()
    log.critical("thread %s ends after %s", name, ended.exc_type.__name__, exc_info=cause)
