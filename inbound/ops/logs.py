"""Logging of every process: one line per event, to standard error, in UTC.

Invariants:

* A record is one line, whatever it quotes: `inbound.printing` escapes it. A traceback follows in
  indented lines, so no text in it looks like a line of the log.
* An error is something that an operator may have to act on. What a client of Kafka reports and
  gets over by itself is a warning, and in an outage a line at `debug` only: we say what is the
  case.
* Lines of one kind are limited, so a peer that repeats something can't fill a disk. What was
  suppressed is counted, and the count is logged even if nothing else is; and before the same logger
  says at INFO how it goes on, or the last line of an outage would be that it lasts.

Libraries log at WARNING even if the service logs at DEBUG: aiokafka's debug log contains
whole messages, with numbers and texts.
"""

import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, NamedTuple

from inbound.printing import printable

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

_KAFKA_CLIENTS: Final = ("aiokafka", "kafka", "faust", "mode")

_OF_AN_OUTAGE: Final = re.compile(
    "Unable connect to|Unable to (request|update) metadata|Got error produce response"
    "|Failed fetch (messages|offsets)|Heartbeat |Marking the coordinator dead|Error sending "
    "|(Find|Group )Coordinator Request failed|OffsetCommit failed|Auto offset commit failed"
    "|LeaveGroup request failed|Failed to commit on finallization|Could not send|Cannot send"
    "|Attempt to fetch offsets for partition|(Offset)?CommitFailed|Metadata refresh"
    "|No node available for metadata|Bootstrap |Connection failed|During exception"
    "|Task .* left RUNNING|.*(Connection lost|socket disconnected|Request timed out|Abort \\()"
    "|query cancellation (interrupted|failed)"
    "|No broker metadata found|Timer .* is overlapping|.*Thread keepalive is not responding"
    r"|Transient error |Failed to export \w+ batch due to |Exporter already shutdown"
)
"""What clients of Kafka, PostgreSQL and the collector log in an outage that they get over.

What is the case is in our own words: that Kafka, PostgreSQL or the collector does not answer, and
that it does.
"""

_OF_RIGHTS: Final = re.compile("uthoriz|uthenti")
"""What no time heals, whatever client reports it."""

WINDOW_S: Final = 10.0
LINES_OF_A_KIND: Final = 20
"""Lines of one kind in a window, of our own loggers. A library may log one."""

BOUNDED: Final = "is_bounded"
"""In `extra`: lines of this kind are limited where they arise, and each of them counts."""

KINDS: Final = 1000
"""Bounds the memory: kinds beyond these share one limit."""

MESSAGE_CHARS: Final = 4000
TRACEBACK_CHARS: Final = 20_000

log = logging.getLogger(__name__)


class LogKind(NamedTuple):
    """What lines have in common: logger, format string, and the bind they are about.

    What a line is about may say itself what that is (`log_kind`).
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
    if not record.args and record.name.startswith(_LIBRARIES):
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
        oldest = self._clock() - WINDOW_S
        while self._windows:
            kind = next(iter(self._windows))
            if self._windows[kind].since > oldest:
                return
            window = self._windows.pop(kind)
            if window.last is not None:
                yield _summary(window.last, window.suppressed)

    def told_before(self, record: logging.LogRecord) -> Iterator[logging.LogRecord]:
        """Yield what this logger has suppressed, if the record tells how it goes on.

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
    return 1 if record.name.startswith(_LIBRARIES) else LINES_OF_A_KIND


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


def _lower_outage(record: logging.LogRecord) -> None:
    """Make a warning of an error that a Kafka client reports and recovers from.

    At each restart of a broker these clients log errors about connections, heartbeats and commits,
    and try again. Nobody has to do anything: if it lasts, the health of the process says so. One
    with a traceback stays an error.
    """
    is_outage = record.levelno == logging.ERROR and not record.exc_info
    if is_outage and record.name.partition(".")[0] in _KAFKA_CLIENTS:
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)


def _is_of_outage(record: logging.LogRecord) -> bool:
    """Whether a client reports an outage that we report; with a traceback it is something else."""
    if record.exc_info or record.levelno >= logging.CRITICAL:
        return False
    if record.name.partition(".")[0] not in (*_KAFKA_CLIENTS, "psycopg", "opentelemetry"):
        return False
    text = record.getMessage()
    return _OF_AN_OUTAGE.match(text) is not None and _OF_RIGHTS.search(text) is None


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
            if _is_of_outage(record) and not logging.getLogger().isEnabledFor(logging.DEBUG):
                return False
            _lower_outage(record)
            admitted = self._throttle.admits(record)
            if admitted:
                for earlier in self._throttle.told_before(record):
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
        self._timer = threading.Timer(WINDOW_S, self._on_timer)
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
        record.message = printable(record.message, MESSAGE_CHARS)
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
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
    threading.excepthook = _log_end_of_thread


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    name = ended.thread.name if ended.thread is not None else "unknown"
    cause = ended.exc_value or ended.exc_type()
    log.critical("thread %s ends after %s", name, ended.exc_type.__name__, exc_info=cause)
