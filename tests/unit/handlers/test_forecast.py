"""The end that people are told is the one at which a pump would send the last message."""

from datetime import UTC, datetime, timedelta

import pytest

from inbound.handlers.forecast import expected_end
from schemas.sending_hours import SendingHours
from tests.unit.handlers.test_pacing import sent_by

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOURS = SendingHours.parse("10:00-13:00", "UTC")


def end(
    waiting: int, rate: float | None = None, hours: SendingHours | None = None, **more: bool
) -> datetime | None:
    spread = more.get("spread", False)
    return expected_end(NOON, waiting, hours=hours, rate=rate, is_spread=spread)


@pytest.mark.parametrize(
    ("waiting", "rate", "hours", "expected"),
    [
        (0, None, None, NOON),
        (1000, None, None, None),
        (1000, None, HOURS, None),
        (7200, 2, None, NOON + timedelta(hours=1)),
        (7200, 2, HOURS, NOON + timedelta(hours=1)),
        # An hour today, three tomorrow, and half an hour on the day after.
        (4 * 7200 + 3600, 2, HOURS, NOON.replace(hour=10, minute=30) + 2 * DAY),
        (10**9, 1, HOURS, None),
    ],
)
def test_the_rate_and_the_hours_decide(
    waiting: int, rate: float | None, hours: SendingHours | None, expected: datetime | None
) -> None:
    assert end(waiting, rate, hours) == expected


@pytest.mark.parametrize(("waiting", "rate"), [(300, None), (300, 0.05), (3590, 1.0)])
def test_a_spread_broadcast_ends_as_the_pump_sends_it(waiting: int, rate: float | None) -> None:
    sent = sent_by(HOURS, NOON, NOON + 2 * DAY, waiting, timedelta(seconds=1), rate)
    forecast = end(waiting, rate, HOURS, spread=True)
    assert forecast is not None
    assert len(sent) == waiting
    assert abs(sent[-1] - forecast) < timedelta(minutes=1)
