"""Commands of unknown numbers are accepted up to a ceiling; each SMS centre has a share of it."""

import pytest

from inbound.handlers.policies import Policies
from inbound.handlers.unknown_numbers import (
    UnknownNumberCeilings,
    UnknownNumbersUsed,
    admit,
    unknown_number_ceilings,
)

LIMITS = UnknownNumberCeilings(minute=4, hour=6)


def used(minute: int, hour: int, *centres: str) -> UnknownNumbersUsed:
    return UnknownNumbersUsed({"main": minute}, {"main": hour}, frozenset({"main", *centres}))


@pytest.mark.parametrize(
    ("before", "admitted"),
    [
        (used(0, 0), 4),
        (used(3, 3), 1),
        (used(4, 4), 0),
        (used(0, 5), 1),
        (used(0, 6), 0),
        (used(0, 0, "other"), 2),
        (used(1, 2, "other"), 1),
    ],
)
def test_only_as_many_are_accepted_as_there_is_room_for(
    before: UnknownNumbersUsed, admitted: int
) -> None:
    assert admit(["main"] * 8, before, LIMITS) == [True] * admitted + [False] * (8 - admitted)


def test_a_hostile_centre_leaves_the_others_the_rest() -> None:
    flooded = admit(["main"] * 100 + ["other"] * 3, UnknownNumbersUsed(), LIMITS)
    assert [flooded[:100].count(True), flooded[100:].count(True)] == [2, 2]


def test_the_ceilings_follow_the_size_of_the_directory_unless_they_are_set() -> None:
    assert unknown_number_ceilings(Policies(), 0) == UnknownNumberCeilings(30, 300)
    assert unknown_number_ceilings(Policies(), 100_000) == UnknownNumberCeilings(100, 1000)
    none = Policies(unknown_numbers_per_minute=0, unknown_numbers_per_hour=0)
    assert not unknown_number_ceilings(none, 100).limit
    assert admit(["main"] * 1000, UnknownNumbersUsed(), unknown_number_ceilings(none, 1)) == (
        [True] * 1000
    )
