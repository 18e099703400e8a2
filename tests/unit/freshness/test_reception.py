"""Whether anything can be sent, from the reports of binds."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic_core import to_json

from inbound.freshness.reception import SendingGap, sending_gap
from inbound.store.bind_reports import ReportedBind

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def bind(type_: str, lost_s: float | None, age_s: float = 1) -> ReportedBind:
    state = {
        "type": type_,
        "centre": "main",
        "state": "bound" if lost_s is None else "waiting",
        "since": (NOW - timedelta(seconds=lost_s or 0)).isoformat(),
    }
    seen_at = NOW - timedelta(seconds=age_s)
    return ReportedBind("account", "bind", "gw-1", lost_s is None, to_json(state), age_s, seen_at)


@pytest.mark.parametrize(
    ("binds", "since_s"),
    [
        ([bind("transceiver", 60), bind("transmitter", 30)], 30),
        ([bind("receiver", None), bind("transmitter", 90)], 90),
        ([bind("transceiver", None, age_s=50)], 50),
    ],
)
def test_nothing_can_be_sent_since_the_last_bind_was_lost(
    binds: list[ReportedBind], since_s: float
) -> None:
    assert sending_gap(binds) == SendingGap(NOW - timedelta(seconds=since_s))


def test_one_bind_that_sends_is_enough() -> None:
    assert sending_gap([bind("transmitter", None), bind("transceiver", 60)]) is None


def test_without_reports_it_is_not_known_since_when() -> None:
    assert sending_gap([]) == SendingGap(None)
