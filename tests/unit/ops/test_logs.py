"""A log that stays readable and bounded, whatever a peer repeats or writes."""

import io
import logging
import threading

import pytest

from inbound.ops import log_throttle, logs
from inbound.ops.log_throttle import BOUNDED, LINES_OF_A_KIND, WINDOW_S, LogThrottle
from inbound.ops.logs import LineFormatter, ThrottlingHandler
from inbound.store.errors import StoreUnavailable


class Log:
    """Writes through a handler, by a clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0
        self.throttle = LogThrottle(lambda: self.now)
        self.stream = io.StringIO()
        self.handler = ThrottlingHandler(self.throttle)
        self.handler.setStream(self.stream)
        self.handler.setFormatter(logging.Formatter("%(message)s"))

    def say(
        self,
        message: str,
        *args: object,
        name: str = "inbound.gateway.arrivals",
        level: int = logging.WARNING,
    ) -> list[str]:
        """Log one record; return the lines that were written."""
        self.handler.handle(logging.LogRecord(name, level, "", 0, message, args, None))
        return self.written()

    def written(self) -> list[str]:
        lines = self.stream.getvalue().splitlines()
        self.stream.truncate(0)
        self.stream.seek(0)
        return lines


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setattr(ThrottlingHandler, "_start_timer", lambda _: None)
    return Log()


@pytest.mark.parametrize("name", ["inbound.gateway.arrivals", "aiokafka.client"])
def test_an_equal_warning_is_logged_once_in_a_window_and_counted(log: Log, name: str) -> None:
    assert log.say("no %s", "Kafka", name=name) == ["no Kafka"]
    assert [log.say("no %s", "Kafka", name=name) for _ in range(3)] == [[]] * 3
    log.now += WINDOW_S
    counted = "no Kafka (3 similar messages suppressed)"
    assert log.say("no %s", "Kafka", name=name) == [counted, "no Kafka"]
    log.now += WINDOW_S
    assert log.say("no %s", "Kafka", name=name) == ["no Kafka"]


def test_what_was_suppressed_is_counted_before_the_line_that_tells_of_the_end(log: Log) -> None:
    waits, ends = "relaying waits: no Kafka", "Kafka can be reached again: relaying continues"
    assert log.say(waits, name="inbound.outbox.relay") == [waits]
    assert log.say(waits, name="inbound.outbox.relay") == []
    assert log.say("another's line", level=logging.INFO) == ["another's line"]
    assert log.say(ends, name="inbound.outbox.relay", level=logging.INFO) == [
        f"{waits} (1 similar message suppressed)",
        ends,
    ]
    log.now += WINDOW_S
    assert log.say("later") == ["later"]


def test_different_texts_of_ours_are_logged(log: Log) -> None:
    assert log.say("message %s can't be rendered", "one")
    assert log.say("message %s can't be rendered", "two")


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING, logging.ERROR])
def test_lines_of_one_kind_are_limited_whatever_they_say(log: Log, level: int) -> None:
    lines = [log.say("%s: ignored %r", "bind a", n, level=level) for n in range(10_000)]
    assert [line for line in lines if line] == [
        [f"bind a: ignored {n}"] for n in range(LINES_OF_A_KIND)
    ]
    assert log.say("%s: ignored %r", "bind b", 1, level=level) == ["bind b: ignored 1"]
    log.now += WINDOW_S
    left_out = 10_000 - LINES_OF_A_KIND
    assert log.say("another kind")[0] == (
        f"bind a: ignored 9999 ({left_out} similar messages suppressed)"
    )


def test_lines_of_a_library_are_of_one_kind_whatever_object_they_name(log: Log) -> None:
    def slow(n: int) -> list[str]:
        text = f"Task <kafka.net.selector.Task object at 0x{n:x}> is odd for 0.{n}s (>0.100s)"
        return log.say(text, name="kafka.net.selector")

    first, *others = [slow(n) for n in range(200, 220)]
    assert len(first) == 1
    assert others == [[]] * 19
    log.now += WINDOW_S
    assert slow(300)[0].endswith("0.219s (>0.100s) (19 similar messages suppressed)")


def test_the_last_line_of_a_process_is_never_suppressed(log: Log) -> None:
    lines = [log.say("exits", level=logging.CRITICAL) for _ in range(100)]
    assert lines == [["exits"]] * 100


def test_lines_that_are_limited_where_they_arise_are_all_logged(log: Log) -> None:
    for n in range(100):
        record = logging.LogRecord("inbound.api", logging.INFO, "", 0, "GET %d", (n,), None)
        setattr(record, BOUNDED, True)
        log.handler.handle(record)
    assert log.written() == [f"GET {n}" for n in range(100)]


def test_the_count_is_logged_even_if_nothing_else_is() -> None:
    log = Log()
    log.throttle.window_s = 0.01
    log.now = 0.0
    for _ in range(3):
        log.say("no Kafka")
    log.now += 0.01
    timer = log.handler._timer
    assert timer is not None
    timer.join()
    assert log.written() == ["no Kafka (2 similar messages suppressed)"]
    assert log.handler._timer is None


def test_what_it_remembers_is_bounded(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_throttle, "KINDS", 10)
    for n in range(1000):
        log.say(f"a kind of its own: {n}")
    assert len(log.throttle._windows) <= 11


HOSTILE = (
    "\x1b]0;owned\x07\r\n2026-01-01T00:00:00.000Z gateway CRITICAL forged\u2028\u009b31m\u202e"
)


def formatted(message: str, *args: object, error: Exception | None = None) -> str:
    info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord("a", logging.ERROR, "", 0, message, args, info)
    return LineFormatter("worker").format(record)


def test_a_record_is_one_line_and_steers_no_terminal() -> None:
    line = formatted("the peer says %s", HOSTILE)
    assert line.isprintable()
    assert "\\u001b]0;owned\\u0007\\r\\n2026" in line


def test_a_long_line_is_cut() -> None:
    assert len(formatted("%s", "x" * 100_000)) < 5_000


def test_a_traceback_forges_no_line() -> None:
    lines = formatted("it failed", error=ValueError(HOSTILE)).split("\n")
    assert all(line.isprintable() for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])
    assert any("ValueError: \\u001b" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "level", "is_bug", "shown"),
    [
        ("aiokafka.consumer.group_coordinator", logging.ERROR, False, "WARNING"),
        ("faust.transport.consumer", logging.ERROR, False, "WARNING"),
        ("aiokafka.conn", logging.ERROR, True, "ERROR"),
        ("mode.worker", logging.CRITICAL, False, "CRITICAL"),
        ("inbound.outbox.relay", logging.ERROR, False, "ERROR"),
        ("kafkaesque", logging.ERROR, False, "ERROR"),
    ],
)
def test_an_outage_that_a_client_of_kafka_gets_over_is_no_error(
    name: str, level: int, is_bug: bool, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before, before_level = root.handlers[:], root.level
    try:
        logs.configure("INFO", name="worker")
        cause = ValueError("x") if is_bug else None
        logging.getLogger(name).log(level, "Topic sms.mo.v1 not found", exc_info=cause)
    finally:
        root.handlers[:] = before
        root.setLevel(before_level)
    assert f"Z worker {shown:<7} Topic sms.mo.v1 not found" in capsys.readouterr().err


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
@pytest.mark.parametrize(
    ("name", "text", "is_hidden"),
    [
        ("aiokafka", "Unable connect to node with id 1: ", True),
        ("aiokafka.producer.sender", "Got error produce response: [Error 7] Timed", True),
        ("kafka.net.selector", "During exception X, caught additional error Y (ignoring)", True),
        ("kafka.net.connection", "<KafkaConnection 1>: Connection lost: closed", True),
        ("kafka.cluster", "No broker metadata found in MetadataResponse -- ignoring.", True),
        ("mode.timers", "Timer commit is overlapping (interval=0.5 runtime=2.1)", True),
        ("mode.threads", "[^-AIOKafkaConsumerThread]: Thread keepalive is not responding...", True),
        ("opentelemetry.exporter.otlp", "Failed to export metrics batch due to timeout", True),
        ("psycopg", "query cancellation interrupted (X): closing connection", True),
        ("aiokafka", "Group Coordinator Request failed: GroupAuthorizationFailedError", False),
        ("aiokafka", "Topic sms.mo.v1 is not authorized for this client", False),
        ("inbound.gateway", "Heartbeat is late", False),
    ],
)
def test_what_a_client_says_in_an_outage_is_shown_at_debug_only(
    name: str, text: str, is_hidden: bool, level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before, before_level = root.handlers[:], root.level
    try:
        logs.configure(level, name="worker")
        logging.getLogger(name).warning(text)
    finally:
        root.handlers[:] = before
        root.setLevel(before_level)
    assert (text in capsys.readouterr().err) is (level == "DEBUG" or not is_hidden)


def test_the_end_of_a_thread_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError(HOSTILE)

    before, threading.excepthook = threading.excepthook, logs._log_end_of_thread
    try:
        thread = threading.Thread(target=fail, name="watch")
        thread.start()
        thread.join()
    finally:
        threading.excepthook = before
    assert "thread watch ends after ValueError" in caplog.text


STUCK = """
Stream has not started processing TP(topic='sms.mo.v1', partition=0) (started 5.13 minutes ago).

There are multiple possible explanations for this:
""".strip()


@pytest.mark.parametrize(
    ("level", "lines"), [("INFO", 0), ("DEBUG", 1)], ids=["as it is", "at debug"]
)
def test_what_clients_say_of_an_outage_or_a_busy_machine_is_one_line_at_debug(
    log: Log, caplog: pytest.LogCaptureFixture, level: str, lines: int
) -> None:
    caplog.set_level(level)
    log.handler.setFormatter(LineFormatter("worker"))
    busy = "Task <kafka.net.selector.Task object> ran for 0.140s (>0.100s threshold)."
    for text in (STUCK, f"[^-AIOKafkaConsumerThread]: {STUCK}", busy):
        log.now += WINDOW_S
        library = "kafka.net.selector" if text is busy else "faust.transport.drivers.aiokafka"
        said = log.say(text, name=library, level=logging.ERROR)
        assert len(said) == lines
        assert not any("\\n" in line for line in said)


def test_a_crash_of_an_agent_that_the_database_caused_has_no_traceback(log: Log) -> None:
    """The process says in one line why it ends."""

    def crash(error: Exception) -> list[str]:
        info = (type(error), error, None)
        record = logging.LogRecord(
            "mode.services", logging.ERROR, "", 0, "Crashed reason=%r", (error,), info
        )
        log.handler.handle(record)
        return log.written()

    assert crash(StoreUnavailable("PostgreSQL at db/scserv can't be reached")) == []
    assert crash(ValueError("a defect"))[0] == "Crashed reason=ValueError('a defect')"
