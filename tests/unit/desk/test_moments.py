"""Times as people type them: every form, the zone, and times that no clock shows."""

from datetime import UTC, datetime

import pytest

from inbound.desk.moments import MomentError, parse_moment


@pytest.mark.parametrize(
    "typed",
    ["2026-11-29T10:05", "2026-11-29T10:05:00", "29.11.2026 10:05", " 29.11.2026,  10:05 "],
)
def test_every_form_is_the_same_moment(typed: str) -> None:
    assert parse_moment(typed, "Europe/Moscow") == datetime(2026, 11, 29, 7, 5, tzinfo=UTC)


@pytest.mark.parametrize("typed", ["", "tomorrow", "29.11.2026", "31.02.2026 10:00", "1.1.1 1:1:1"])
def test_anything_else_says_what_to_write(typed: str) -> None:
    with pytest.raises(MomentError, match=r"31\.12\.2026 18:30"):
        parse_moment(typed, "Europe/Moscow")


def test_a_time_that_the_clock_skips_is_refused() -> None:
    with pytest.raises(MomentError, match="skips"):
        parse_moment("2026-03-29T02:30", "Europe/Berlin")


def test_a_time_that_the_clock_shows_twice_is_the_earlier_one() -> None:
    moment = parse_moment("2026-10-25T02:30", "Europe/Berlin")
    assert moment == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
