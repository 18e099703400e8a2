"""A log that stays readable in an outage: nothing is said dozens of times a second."""

import logging

import pytest

from inbound.ops import logs
from inbound.ops.logs import REPEAT_EVERY_S, RepeatFilter


class Log:
    """Says things to the filter, by a clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0
        self._filter = RepeatFilter(lambda: self.now)

    def say(
        self,
        message: str,
        *args: object,
        name: str = "inbound.gateway.arrivals",
        level: int = logging.WARNING,
    ) -> str | None:
        record = logging.LogRecord(name, level, "", 0, message, args, None)
        return record.getMessage() if self._filter.filter(record) else None


@pytest.mark.parametrize("name", ["inbound.gateway.arrivals", "aiokafka.client"])
def test_the_same_thing_is_said_once_in_a_while_and_counted(name: str) -> None:
    log = Log()
    assert log.say("no %s", "Kafka", name=name) == "no Kafka"
    assert [log.say("no %s", "Kafka", name=name) for _ in range(3)] == [None] * 3
    log.now += REPEAT_EVERY_S
    again = "no Kafka (3 similar messages suppressed)"
    assert log.say("no %s", "Kafka", name=name) == again
    log.now += REPEAT_EVERY_S
    assert log.say("no %s", "Kafka", name=name) == "no Kafka"


def test_different_texts_of_ours_are_not_suppressed() -> None:
    log = Log()
    assert log.say("bind %s: lost", "one")
    assert log.say("bind %s: lost", "two")


@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR, logging.CRITICAL])
def test_our_errors_are_never_suppressed(level: int) -> None:
    log = Log()
    assert [log.say("set aside", level=level) for _ in range(3)] == ["set aside"] * 3


def test_what_it_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "REMEMBERED", 10)
    log = Log()
    for n in range(100):
        assert log.say("message %s", n)
    assert len(log._filter._said) <= 10
