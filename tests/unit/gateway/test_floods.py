"""A centre that repeats something fills no log, and is counted exactly."""

import io
import logging
from collections.abc import Iterator

import pytest

from inbound.gateway.leniencies import LeniencyReport
from inbound.gateway.refusals import MOST_STATUSES, RefusalReport
from inbound.ops import metrics
from inbound.ops.log_throttle import LINES_OF_A_KIND
from inbound.ops.logs import LineFormatter, ThrottlingHandler
from inbound.smpp.pdu import AlertNotification, EnquireLink, EnquireLinkResp
from tests.unit.smpp.peer import esme_session

ALERTS = 1_000


class Counter:
    def __init__(self) -> None:
        self.counted = 0

    def add(self, count: int, labels: dict[str, str]) -> None:
        assert labels == {"bind": "main-1"}
        self.counted += count


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream, root = io.StringIO(), logging.getLogger()
    handler = ThrottlingHandler()
    handler.setStream(stream)
    handler.setFormatter(LineFormatter("gateway"))
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


async def test_alert_notifications_fill_no_log_and_are_counted(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = Counter()
    monkeypatch.setattr(metrics, "BIND_IGNORED", counter)
    report = LeniencyReport("main", "main-1")
    async with esme_session(on_leniency=report.note_pdu) as (session, peer):
        alert = AlertNotification(octets=b"\x1b[2J\r\n" * 10)
        peer.send(*[alert] * ALERTS, EnquireLink(sequence=7))
        await peer.read(EnquireLinkResp)
        assert session.stats.ignored == counter.counted == ALERTS
    lines = [line for line in log.getvalue().splitlines() if "ignored" in line]
    assert len(lines) == LINES_OF_A_KIND
    assert all(line.isprintable() for line in lines)


def test_statuses_that_a_centre_makes_up_are_remembered_within_limits() -> None:
    report = RefusalReport("main", "main-1")
    for status in range(1, 10_000):
        report._note_status(status)
    assert len(report._logged) == MOST_STATUSES
