"""How far bulk goes ahead, and who gets how much of that."""

from datetime import UTC, datetime, timedelta

import pytest

from inbound.handlers.bulk_shares import SECONDS_AHEAD, Distance, shares

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MOST = 4000


class Centre:
    """SMS centres that take a number of messages a second, and a pump that fills its distance."""

    def __init__(self) -> None:
        self.now = NOON
        self.distance: Distance[str] = Distance(200, MOST)
        self.queued = 0

    def second(self, takes: int) -> None:
        self.distance.measure(self.now, {"a": self.queued})
        if (room := self.distance.ahead - self.queued) > 0:
            self.distance.place("a", room)
            self.queued += room
        self.queued -= min(takes, self.queued)
        self.now += timedelta(seconds=1)


@pytest.mark.parametrize(("takes", "ahead"), [(0, 200), (30, 200), (300, 1200), (2000, MOST)])
def test_what_is_on_its_way_is_what_the_centres_take_in_some_seconds(
    takes: int, ahead: int
) -> None:
    centre = Centre()
    for _ in range(10):
        centre.second(takes)
    assert centre.distance.ahead == ahead
    assert ahead in {200, MOST, takes * SECONDS_AHEAD}


def test_a_short_stop_does_not_make_the_next_seconds_slow() -> None:
    centre = Centre()
    for takes in (500, 500, 500, 500, 0, 0):
        centre.second(takes)
    assert centre.distance.ahead > 500
    for _ in range(20):
        centre.second(0)
    assert centre.distance.ahead == 200


def test_while_nothing_is_on_its_way_nothing_is_measured() -> None:
    centre = Centre()
    for _ in range(5):
        centre.second(500)
    centre.distance.measure(centre.now, {})
    before = centre.distance.ahead
    for _ in range(100):
        centre.distance.measure(centre.now, {})
        centre.now += timedelta(seconds=1)
    assert centre.distance.ahead == before


def test_a_limit_below_the_least_distance_holds() -> None:
    assert Distance(200, 50).ahead == 50


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ({}, {}),
        ({"a": 5000}, {"a": 100}),
        ({"a": 5000, "b": 5000}, {"a": 50, "b": 50}),
        ({"a": 5000, "b": 10}, {"a": 90, "b": 10}),
        ({"a": 5000, "b": 10, "c": 60}, {"a": 45, "b": 10, "c": 45}),
    ],
)
def test_what_somebody_does_not_need_is_divided_among_the_others(
    wanted: dict[str, int], given: dict[str, int]
) -> None:
    assert shares(100, wanted) == given


def test_everybody_gets_something() -> None:
    wanted = {str(number): 10 for number in range(300)}
    assert set(shares(100, wanted).values()) == {1}
    assert shares(100, {"a": 0}) == {"a": 1}
