"""Moments as operators write them."""

from datetime import UTC, datetime, timedelta

import pytest

from inbound.cli._times import parse_moment
from inbound.errors import SetupError

NOW = datetime(2024, 5, 17, 12, tzinfo=UTC)
MOSCOW = "Europe/Moscow"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        (" 2H ", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("1w", NOW - timedelta(days=7)),
        ("2024-05-17", datetime(2024, 5, 16, 21, tzinfo=UTC)),
        ("2024-05-17T12:30", datetime(2024, 5, 17, 9, 30, tzinfo=UTC)),
        ("2024-05-17 12:30:15Z", datetime(2024, 5, 17, 12, 30, 15, tzinfo=UTC)),
        ("17.05.2024", datetime(2024, 5, 16, 21, tzinfo=UTC)),
        ("17.05.2024 12:30", datetime(2024, 5, 17, 9, 30, tzinfo=UTC)),
        ("7.5.2024 9:05", datetime(2024, 5, 7, 6, 5, tzinfo=UTC)),
        ("17.05.2024T12:30:15", datetime(2024, 5, 17, 9, 30, 15, tzinfo=UTC)),
        ("17.05.2024, 12:30", datetime(2024, 5, 17, 9, 30, tzinfo=UTC)),
        ("2024-05-17T12:30+05:00", datetime(2024, 5, 17, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_time_or_how_long_ago(text: str, moment: datetime) -> None:
    assert parse_moment(text, "--since", now=NOW, zone=MOSCOW) == moment


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2h30m", "-3d", "17.05.24", "31.02.2024", "999999w", "1y"]
)
def test_anything_else_gets_a_line_that_says_how(text: str) -> None:
    with pytest.raises(SetupError, match=r"^--until: .*2024-05-17.*17\.05\.2024 12:30.*3d"):
        parse_moment(text, "--until", now=NOW, zone=MOSCOW)


def test_a_time_ahead_counts_from_now() -> None:
    ahead = parse_moment("30m", "--at", now=NOW, zone="UTC", is_ahead=True)
    assert ahead == NOW + timedelta(minutes=30)
    with pytest.raises(SetupError, match="how long from now, like 30m"):
        parse_moment("soon", "--at", now=NOW, zone="UTC", is_ahead=True)
