"""Limits how many lines of a kind the log gets, and says how many were suppressed.

Suppressed lines are counted, and the count is logged even if nothing else is. It is also logged
before the next INFO line of the same logger; otherwise the log of an outage would end with a line
that it lasts.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from inbound.printing import printable

LIBRARIES = (
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
"""Libraries that log at WARNING at least, and one line of a kind in a window."""

WINDOW_S: Final = 10.0
LINES_OF_A_KIND: Final = 20
"""Lines of one kind in a window, of our own loggers. A library may log one."""

BOUNDED: Final = "is_bounded"
"""In `extra`: lines of this kind are limited where they arise, and each of them counts."""

KINDS: Final = 1000
"""Bounds the memory: kinds beyond these share one limit."""

MESSAGE_CHARS: Final = 4000


class LogKind(NamedTuple):
    """What lines have in common: logger, format string, and the bind they are about.

    The object that a line is about may define its own kind (`log_kind`).
    """

    logger: str
    format: str
    bind: str = ""


_VARYING: Final = re.compile(r"0x[0-9A-Fa-f]+|[0-9]+(\.[0-9]+)?")
_OTHERS: Final = LogKind("", "")
_ABOUT_A_BIND: Final = ("bind %s", "%s: ")


def _kind_of(record: logging.LogRecord) -> LogKind:
    form = str(record.msg)
    if isinstance(record.args, tuple) and record.args and form.startswith(_ABOUT_A_BIND):
        about = record.args[0]
        return LogKind(record.name, form, getattr(about, "log_kind", None) or str(about))
    if not record.args and record.name.startswith(LIBRARIES):
        # kafka-python fills in its texts itself, some with the address of an object.
        form = _VARYING.sub("#", form)
    return LogKind(record.name, form)


@dataclass(slots=True)
class _Window:
    """Lines of one kind since a moment. `last` is the last one that was suppressed."""

    since: float
    logged: int = 0
    texts: set[str] = field(default_factory=set)
    suppressed: int = 0
    last: logging.LogRecord | None = None


class LogThrottle:
    """Limits the lines of each kind in a window, and equal warnings to one.

    In an outage Kafka clients log every reconnect, and we log every refused MO: dozens of lines a
    second. A hostile peer causes thousands. Critical lines, the last of a process, always pass, and
    those that are limited where they arise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.window_s = WINDOW_S
        self._clock = clock
        self._windows: dict[LogKind, _Window] = {}  # the oldest first

    def admits(self, record: logging.LogRecord) -> bool:
        """Return whether to log a record. Call `ended` before."""
        if record.levelno >= logging.CRITICAL or getattr(record, BOUNDED, False):
            return True
        kind = _kind_of(record)
        if kind not in self._windows and len(self._windows) >= KINDS:
            kind = _OTHERS
        window = self._windows.setdefault(kind, _Window(self._clock()))
        if window.logged < _limit(record) and not _is_repeated(record, window):
            window.logged += 1
            return True
        window.suppressed += 1
        window.last = record
        return False

    def ended(self) -> Iterator[logging.LogRecord]:
        """End the windows that are over; yield a record for each that suppressed something."""
        oldest = self._clock() - self.window_s
        while self._windows:
            kind = next(iter(self._windows))
            if self._windows[kind].since > oldest:
                return
            window = self._windows.pop(kind)
            if window.last is not None:
                yield _summary(window.last, window.suppressed)

    def summaries_before(self, record: logging.LogRecord) -> Iterator[logging.LogRecord]:
        """Yield what this logger has suppressed, if the record is at INFO.

        The windows stay, so nothing is logged more often for it.
        """
        if record.levelno != logging.INFO:
            return
        for kind, window in self._windows.items():
            last = window.last
            if kind.logger == record.name and last is not None and last.levelno > logging.INFO:
                yield _summary(last, window.suppressed)
                window.last, window.suppressed = None, 0

    @property
    def is_suppressing(self) -> bool:
        """Whether a window has suppressed something."""
        return any(window.suppressed for window in self._windows.values())


def _limit(record: logging.LogRecord) -> int:
    return 1 if record.name.startswith(LIBRARIES) else LINES_OF_A_KIND


def _is_repeated(record: logging.LogRecord, window: _Window) -> bool:
    """Whether this warning was logged in this window already."""
    if record.levelno != logging.WARNING:
        return False
    text = record.getMessage()
    if text in window.texts:
        return True
    window.texts.add(text)
    return False


def _summary(last: logging.LogRecord, suppressed: int) -> logging.LogRecord:
    """Return a record that says how many lines like this one were suppressed."""
    plural = "" if suppressed == 1 else "s"
    text = f"{printable(last.getMessage(), MESSAGE_CHARS)} ({suppressed} similar message{plural}"
    return logging.LogRecord(last.name, last.levelno, "", 0, f"{text} suppressed)", None, None)
