"""Rates are kept, and messages are spread evenly over any sending hours of any zone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.handlers.pacing import Bucket, pace_at
from inbound.handlers.sending_hours import window_at
from schemas.sending_hours import SendingHours

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ZONES = st.sampled_from(["Europe/Moscow", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata"])
# Around the days on which the clocks of Berlin and St John's change in 2026.
MOMENTS = st.datetimes(datetime(2026, 3, 6), datetime(2026, 11, 3)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
TIMES = st.times().map(lambda time: time.replace(second=0, microsecond=0))


@st.composite
def sending_hours(draw: st.DrawFn) -> SendingHours:
    start, end = draw(st.tuples(TIMES, TIMES).filter(lambda times: times[0] != times[1]))
    return SendingHours(start=start, end=end, zone=draw(ZONES))


def sent_by(
    hours: SendingHours | None, start: datetime, end: datetime, waiting: int, step: timedelta,
    rate: float | None = None,
) -> list[datetime]:  # fmt: skip
    """Return when messages go, if a pump looks once every `step`."""
    sent: list[datetime] = []
    bucket, moment = Bucket(), start
    while moment < end and len(sent) < waiting:
        left = waiting - len(sent)
        pace = pace_at(moment, hours=hours, rate=rate, is_spread=True, waiting=left - bucket.level)
        if pace.opens <= moment:
            taken = left if pace.per_s is None else bucket.take(moment, pace.per_s, left)
            sent += [moment] * taken
        moment += step
    return sent


@pytest.mark.parametrize("rate", [None, 50.0])
@pytest.mark.parametrize(("waiting", "minutes"), [(1, 4), (4, 4), (400, 4), (4, 120), (100, 600)])
def test_the_last_one_goes_before_the_window_closes(
    waiting: int, minutes: int, rate: float | None
) -> None:
    start = NOON.replace(hour=3)
    hours = SendingHours(
        start=start.time(), end=(start + timedelta(minutes=minutes)).time(), zone="UTC"
    )
    end = start + timedelta(minutes=minutes)
    # As often as in production, or often enough for the pauses of a long window.
    step = timedelta(seconds=max(0.25, minutes / 60))
    sent = sent_by(hours, start, end, waiting, step, rate)
    assert len(sent) == waiting
    if waiting > 1:
        assert sent[-1] > start + timedelta(minutes=minutes) * 0.7


@given(hours=sending_hours(), moment=MOMENTS, rate=st.none() | st.floats(0.1, 1000))
def test_nothing_goes_outside_the_hours(
    hours: SendingHours, moment: datetime, rate: float | None
) -> None:
    pace = pace_at(moment, hours=hours, rate=rate, is_spread=True, waiting=100)
    window = window_at(hours, pace.opens)
    assert pace.opens >= moment
    assert window.opens <= pace.opens < window.closes
    if rate is not None and pace.per_s is not None:
        assert pace.per_s <= rate


@given(hours=sending_hours(), moment=MOMENTS, waiting=st.integers(1, 400))
def test_all_are_spread_evenly_over_what_is_left_of_the_window(
    hours: SendingHours, moment: datetime, waiting: int
) -> None:
    window = window_at(hours, moment)
    start = max(moment, window.opens)
    length = window.closes - start
    if length < timedelta(minutes=10):
        return
    step = length / 500
    spread_over = length - min(timedelta(minutes=2), (window.closes - window.opens) / 50)
    sent = sent_by(hours, start, window.closes, waiting, step)
    assert len(sent) == waiting
    for share in (0.25, 0.5, 0.75):
        by_then = sum(at <= start + spread_over * share for at in sent)
        # The bucket gives the first at once, and rounds down.
        assert by_then / waiting == pytest.approx(share, abs=0.04 + 2 / waiting)


def test_what_the_rate_leaves_over_is_for_the_next_window() -> None:
    hours = SendingHours.parse("12:00-13:00", "UTC")
    sent = sent_by(hours, NOON, NOON + timedelta(hours=1), 10_000, timedelta(seconds=1), rate=2)
    assert len(sent) == pytest.approx(7200, abs=3)
    later = pace_at(NOON + timedelta(hours=1), hours=hours, rate=2, is_spread=True, waiting=2800)
    assert later.opens == NOON + timedelta(days=1)


def test_spreading_is_over_23_hours_on_the_day_on_which_clocks_go_forward() -> None:
    hours = SendingHours.parse("00:00-23:59", "Europe/Berlin")
    midnight = datetime(2026, 3, 28, 23, tzinfo=UTC)  # 0:00 of 29 March in Berlin
    pace = pace_at(midnight, hours=hours, rate=None, is_spread=True, waiting=82_620)
    assert pace.per_s == pytest.approx(82_620 / (23 * 3600 - 60 - 120), rel=1e-6)


@given(
    steps=st.lists(st.floats(0.001, 5), min_size=1, max_size=200),
    rate=st.floats(0.5, 500),
)
def test_a_bucket_never_exceeds_the_rate_by_more_than_a_second(
    steps: list[float], rate: float
) -> None:
    bucket, moment, taken = Bucket(), NOON, 0
    for step in steps:
        taken += bucket.take(moment, rate, 10_000)
        moment += timedelta(seconds=step)
        elapsed = (moment - NOON).total_seconds()
        assert taken <= rate * elapsed + max(rate, 1) + 2


def test_a_clock_that_goes_back_lends_nothing() -> None:
    bucket = Bucket()
    assert bucket.take(NOON, 10, 100) == 1
    assert bucket.take(NOON - timedelta(hours=1), 10, 100) == 0
    assert bucket.take(NOON - timedelta(minutes=59), 10, 100) == 11
