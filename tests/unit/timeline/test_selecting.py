"""Which requests a timeline shows, and which one its answer is about."""

from inbound.timeline.input import MissNote
from inbound.timeline.words import ArrivalSpan
from schemas.events import Command
from tests.unit.timeline.world import NOON, Person, seconds


def three() -> Person:
    person = Person()
    for n in range(3):
        person.done(Command.CLIENT_INFO, at_s=n * 100)
    return person


def test_the_newest_come_first_and_the_rest_is_counted() -> None:
    timeline = three().timeline(1000, limit=2)
    assert [request.arrived_at for request in timeline.requests] == [seconds(200), seconds(100)]
    assert timeline.requests_left_out == 1
    assert timeline.next_until == seconds(100)
    notes = [MissNote("empty", ArrivalSpan(seconds(n), seconds(n))) for n in (150, 50)]
    first = three().timeline(1000, limit=2, misses=notes)
    assert [miss.first_at for miss in first.misses] == [seconds(150)]
    assert len(three().timeline(1000, misses=notes).misses) == 2
    older = three().timeline(1000, limit=2, until=timeline.next_until)
    assert [request.arrived_at for request in older.requests] == [NOON]
    assert (older.requests_left_out, older.next_until) == (0, None)


def test_only_what_was_asked_for() -> None:
    found = three().timeline(1000, since=seconds(100), until=seconds(200))
    assert [request.arrived_at for request in found.requests] == [seconds(100)]
    [request] = found.requests
    only = three().timeline(1000, only=frozenset({request.request_id}))
    assert only.requests == (request,)


def test_the_answer_is_about_what_arrived_last() -> None:
    person = three()
    later = [MissNote("empty", ArrivalSpan(seconds(300), seconds(310), 2))]
    earlier = [MissNote("empty", ArrivalSpan(seconds(50), seconds(50)))]
    assert person.timeline(1000).sentence == person.timeline(1000).requests[0].sentence
    assert "was empty" in person.timeline(1000, misses=later).sentence
    assert "CLIENT info" in person.timeline(1000, misses=earlier).sentence
