"""A list of dead letters has the times of the operator's clock, as all commands."""

from datetime import UTC, datetime, timedelta

from inbound.cli._deadletters import line
from inbound.store.dead_letters.rows import StoredDeadLetter

AT = datetime(2024, 5, 17, 10, tzinfo=UTC)


def test_the_time_is_that_of_the_time_zone_of_the_settings() -> None:
    row = StoredDeadLetter(7, "sms.mo.v1", 0, 12, 0, "kafka", "a defect", 0, None, AT, 100)
    told = line(row, AT + timedelta(minutes=2), "Europe/Moscow")
    assert told == ("7  2024-05-17 13:00:00 Europe/Moscow, 2 m ago  sms.mo.v1[0]@12  a defect")
