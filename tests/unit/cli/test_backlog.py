"""Nothing is logged when Kafka does not tell what waits: the answer says it."""

import logging

import pytest

from inbound.cli import _backlog
from inbound.clock import utc_now
from inbound.freshness.backlog import BacklogReader
from inbound.freshness.model import PendingWork
from inbound.kafka.connection import KafkaConnection
from inbound.settings import Settings


def test_no_answer_has_a_log_line_beside_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def nowhere(_: Settings) -> BacklogReader:
        kafka = KafkaConnection("127.0.0.1:9")
        return BacklogReader(kafka, "workers", {PendingWork.TEXTS: "sms.mo.v1"}, utc_now)

    monkeypatch.setattr("inbound.freshness.backlog.ANSWER_WITHIN_S", 0.2)
    monkeypatch.setattr(_backlog, "backlog_source", nowhere)
    with caplog.at_level(logging.INFO):
        backlog = _backlog.ask_backlog(Settings.model_construct())
    assert backlog.oldest is None
    assert [one.getMessage() for one in caplog.records if one.name != "asyncio"] == []
