"""When the relay publishes events: soon, all of them, and not in every round."""

from inbound.outbox.relay import ALL_SHARDS, EVENTS_EVERY_S, WAIT_S, EventPace
from inbound.store.outbox.feeds import LOG


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def publishes_events(pace: EventPace, *, is_rest: bool = True) -> bool:
    with_events = LOG in pace.due(ALL_SHARDS)
    pace.note_round(is_rest=is_rest)
    return with_events


def test_events_wait_for_a_moment_and_replies_do_not() -> None:
    clock = Clock()
    pace = EventPace(clock)
    assert publishes_events(pace)
    pace.note_commit()
    clock.now += EVENTS_EVERY_S / 5
    assert list(pace.due(ALL_SHARDS)) == [shard for shard in ALL_SHARDS if shard != LOG]
    pace.note_round(is_rest=True)
    # Nobody has to tell of the events once more: their round comes by itself.
    clock.now += pace.wait_s()
    assert publishes_events(pace)


def test_without_commits_the_relay_rests() -> None:
    pace = EventPace(Clock())
    assert publishes_events(pace)
    assert pace.wait_s() == WAIT_S


def test_a_backlog_of_events_is_gone_on_with() -> None:
    clock = Clock()
    pace = EventPace(clock)
    assert publishes_events(pace, is_rest=False)
    assert pace.wait_s() <= EVENTS_EVERY_S


def test_a_round_that_takes_long_is_followed_by_events_at_once() -> None:
    clock = Clock()
    pace = EventPace(clock)
    assert publishes_events(pace)
    pace.note_commit()
    clock.now += EVENTS_EVERY_S * 3
    assert pace.wait_s() == 0
    assert publishes_events(pace)
