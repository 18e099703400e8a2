"""The time formats of SMPP 3.4, 7.1.1."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.smpp.times import format_absolute, format_validity, parse_time

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LONGEST = timedelta(days=31, hours=23, minutes=59, seconds=59)


@pytest.mark.parametrize(
    ("period", "wanted"),
    [
        (timedelta(days=1), "000001000000000R"),
        (timedelta(minutes=2), "000000000200000R"),
        (timedelta(days=2, hours=3, minutes=4, seconds=5), "000002030405000R"),
        (timedelta(milliseconds=1), "000000000001000R"),
        (LONGEST, "000031235959000R"),
    ],
)
def test_a_validity_is_relative(period: timedelta, wanted: str) -> None:
    assert format_validity(period) == wanted


@pytest.mark.parametrize(
    "period", [timedelta(), -timedelta(seconds=1), LONGEST + timedelta(milliseconds=1)]
)
def test_a_validity_has_limits(period: timedelta) -> None:
    with pytest.raises(ValueError, match="less than 32 days"):
        format_validity(period)


@given(st.integers(1, int(LONGEST.total_seconds())))
def test_a_validity_is_read_as_it_was_written(seconds: int) -> None:
    period = timedelta(seconds=seconds)
    assert parse_time(format_validity(period), NOW) == NOW + period


@given(
    st.datetimes(
        datetime(2000, 1, 2),  # noqa: DTZ001 — the zones come from the next line
        datetime(2099, 12, 30),  # noqa: DTZ001 — as above
        timezones=st.integers(-48, 48).map(lambda n: timezone(n * timedelta(minutes=15))),
    )
)
def test_a_moment_is_read_as_it_was_written(moment: datetime) -> None:
    read = parse_time(format_absolute(moment), NOW)
    assert read is not None
    assert timedelta() <= moment - read < timedelta(milliseconds=100)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("", None),
        ("260131150000000+", datetime(2026, 1, 31, 15, tzinfo=UTC)),
        # Three hours ahead of UTC, as Moscow is.
        ("260131150000512+", datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("260131150000012-", datetime(2026, 1, 31, 18, tzinfo=UTC)),
        # The example of 7.1.1.2: 2 years, 6 months, 10 days, 23 hours, 34 minutes, 29 seconds.
        ("020610233429000R", datetime(2028, 8, 11, 11, 34, 29, tzinfo=UTC)),
        ("000100000000000R", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("001100000000000R", datetime(2026, 12, 31, 12, tzinfo=UTC)),
        ("001200000000000R", datetime(2027, 1, 31, 12, tzinfo=UTC)),
    ],
)
def test_times_written_by_other_implementations(value: str, wanted: datetime | None) -> None:
    assert parse_time(value, NOW) == wanted


@pytest.mark.parametrize(
    "value",
    [
        "tomorrow",
        "260131150000000",
        "2601311500000000+",
        "261331150000000+",
        "260231150000000+",
        "260131250000000+",
        "260131150000049+",
        "260131150000000Z",
        "٢60131150000000+",
    ],
)
def test_a_malformed_time_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_time(value, NOW)


@pytest.mark.parametrize("moment", [datetime(2026, 1, 1), datetime(1999, 1, 1, tzinfo=UTC)])  # noqa: DTZ001 — the missing zone is the case
def test_a_moment_needs_a_time_zone_and_a_year_of_this_century(moment: datetime) -> None:
    with pytest.raises(ValueError, match=r"no time zone|outside 2000 to 2099"):
        format_absolute(moment)
