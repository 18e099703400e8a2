"""When sending hours open and close, in every zone and across changes of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inbound.handlers.orders import next_sending_time
from inbound.handlers.sending_hours import window_at
from schemas.sending_hours import SendingHours

ZONES = ["Europe/Moscow", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu"]
MINUTES = st.builds(time, st.integers(0, 23), st.integers(0, 59))
MOMENTS = st.integers(1_262_304_000, 2_051_222_400).map(
    lambda second: datetime.fromtimestamp(second, UTC)
)


@st.composite
def hours(draw: st.DrawFn) -> SendingHours:
    start, end = draw(MINUTES), draw(MINUTES)
    assume(start != end)
    return SendingHours(start=start, end=end, zone=draw(st.sampled_from(ZONES)))


@given(hours(), MOMENTS)
def test_a_window_is_open_now_or_opens_next(one: SendingHours, moment: datetime) -> None:
    window = window_at(one, moment)
    assert window.opens < window.closes
    assert window.closes > moment
    assert window.opens - moment < timedelta(days=3)
    if window.opens > moment:  # nothing between: just before it opens, it is the next one still
        assert window_at(one, window.opens - timedelta(microseconds=1)) == window
    assert window_at(one, window.opens) == window


@given(hours(), MOMENTS)
def test_a_message_is_sent_only_while_the_clocks_show_these_hours(
    one: SendingHours, moment: datetime
) -> None:
    sending = next_sending_time(moment, moment + timedelta(days=4), one)
    assert sending is not None
    assert moment <= sending.due_at < sending.not_after
    zone = ZoneInfo(one.zone)
    for at in (sending.due_at, sending.not_after - timedelta(minutes=1)):
        if at < sending.due_at:
            continue
        local = at.astimezone(zone)
        shown = local.time().replace(tzinfo=None)
        around = {(at + timedelta(hours=h)).astimezone(zone).utcoffset() for h in (-26, 26)}
        if len(around) > 1:
            continue  # the clocks change around this day: the cases below say what holds
        within = (
            one.start <= shown < one.end
            if one.start < one.end
            else shown >= one.start or shown < one.end
        )
        assert within, f"{shown} is not in {one}"


@pytest.mark.parametrize(
    ("text", "zone", "moment", "opens", "closes"),
    [
        (
            "10:00-12:00",
            "Europe/Moscow",
            "2026-03-02T08:59",
            "2026-03-02T07:00",
            "2026-03-02T09:00",
        ),
        (
            "10:00-12:00",
            "Europe/Moscow",
            "2026-03-02T09:00",
            "2026-03-03T07:00",
            "2026-03-03T09:00",
        ),
        (
            "22:00-02:00",
            "Europe/Moscow",
            "2026-03-02T22:30",
            "2026-03-02T19:00",
            "2026-03-02T23:00",
        ),
        # Clocks go from 02:00 to 03:00 on 29 March, and from 03:00 to 02:00 on 25 October.
        (
            "02:30-04:00",
            "Europe/Berlin",
            "2026-03-28T20:00",
            "2026-03-29T01:00",
            "2026-03-29T02:00",
        ),
        (
            "01:00-02:30",
            "Europe/Berlin",
            "2026-03-28T20:00",
            "2026-03-29T00:00",
            "2026-03-29T01:00",
        ),
        (
            "02:10-02:40",
            "Europe/Berlin",
            "2026-03-28T20:00",
            "2026-03-30T00:10",
            "2026-03-30T00:40",
        ),
        (
            "02:30-04:00",
            "Europe/Berlin",
            "2026-10-24T20:00",
            "2026-10-25T00:30",
            "2026-10-25T03:00",
        ),
        (
            "01:00-02:30",
            "Europe/Berlin",
            "2026-10-24T20:00",
            "2026-10-24T23:00",
            "2026-10-25T01:30",
        ),
        # The island left out 30 December 2011.
        ("10:00-12:00", "Pacific/Apia", "2011-12-30T09:00", "2011-12-30T20:00", "2011-12-30T22:00"),
    ],
)
def test_hours_across_changes_of_the_clocks(
    text: str, zone: str, moment: str, opens: str, closes: str
) -> None:
    window = window_at(SendingHours.parse(text, zone), _utc(moment))
    assert window == (_utc(opens), _utc(closes))


@pytest.mark.parametrize("text", ["10:00", "10:00-10:00", "25:00-26:00", "10:00-11:00:30", "-"])
def test_what_are_no_hours(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 — each has a reason of its own
        SendingHours.parse(text)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", ""])
def test_what_is_no_zone(zone: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        SendingHours.parse("10:00-12:00", zone)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
