"""Which unresolved attempts a result reports."""

from datetime import UTC, datetime

from schemas.messages import SubmitAttempt
from streams.outbox.attempts import UnresolvedAttempts

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)


def test_a_few_are_reported_and_of_many_the_first_and_the_last() -> None:
    attempts = UnresolvedAttempts()
    for n in range(1, 9):
        attempts = attempts.adding(_attempt(n))
    assert ([one.part for one in attempts.reported], attempts.left_out) == ([*range(1, 9)], 0)
    for n in range(9, 101):
        attempts = attempts.adding(_attempt(n))
    assert [one.part for one in attempts.reported] == [1, 2, 3, 4, 97, 98, 99, 100]
    assert attempts.left_out == 92


def _attempt(part: int) -> SubmitAttempt:
    return SubmitAttempt(part=part, status=0x58, bind="main-1", at=NOON)
