"""What is logged when Kafka does not tell what waits, and what is not."""

import logging

import pytest

from inbound.cli import _backlog
from inbound.clock import utc_now
from inbound.freshness.backlog import BacklogReader
from inbound.freshness.model import PendingWork
from inbound.kafka.connection import KafkaConnection
from inbound.settings import Settings


@pytest.mark.parametrize("is_said", [False, True])
def test_kafka_away_is_logged_unless_the_answer_says_it(
    is_said: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def nowhere(_: Settings) -> BacklogReader:
        kafka = KafkaConnection("127.0.0.1:9")
        return BacklogReader(kafka, "workers", {PendingWork.TEXTS: "sms.mo.v1"}, utc_now)

    monkeypatch.setattr("inbound.freshness.backlog.ANSWER_WITHIN_S", 0.2)
    monkeypatch.setattr(_backlog, "backlog_source", nowhere)
    with caplog.at_level(logging.INFO):
        backlog = _backlog.ask_backlog(Settings.model_construct(), None, is_said)
    assert backlog.oldest is None
    lines = [one.getMessage() for one in caplog.records if one.name.endswith("freshness.backlog")]
    assert bool(lines) is not is_said
    assert all("answers can't say whether anything waits" in line for line in lines)
