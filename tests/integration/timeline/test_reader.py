"""From a number or an id to the timeline, over rows that the worker wrote."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from inbound.handlers.decision import message_id
from inbound.store.access import audit
from inbound.store.lookup import people
from inbound.store.lookup.requests import RequestLocation
from inbound.timeline import ids
from inbound.timeline.input import TimelineOptions
from inbound.timeline.model import ClockState, Language, ReplyStatus, StepKind, Timeline
from inbound.timeline.reader import Reveal, TimelineReader
from schemas.messages import Outcome, Part, PartResult, Purpose
from tests.fix_store import NOON, erase
from tests.integration.projections.lines import catch_up
from tests.integration.streams.world import NUMBER, STRANGER, TRACEPARENT, World

MASKED = "+7916*****67"
ASKED = TimelineOptions(NOON + timedelta(minutes=1), "Europe/Moscow", Language.EN)
WHY = Reveal("ivan", "the client calls, case 7")
DONE = PartResult(status=0, smsc_message_id="1A2B")


async def answered(world: World, text: str = "CLIENT sms stop") -> UUID:
    """One command whose replies were taken, and the fulfilment's receipt; its request."""
    before = len(world.owed())
    await world.commands([world.text(text)])
    for n in (0, 1):
        message = world.owed()[before + n]
        taken = world.result(message, Outcome.SUBMITTED, parts=(DONE,) if n else ())
        await world.delivery([world.results(taken)])
    await world.delivery([world.receipts(world.receipt("1a2b"))])
    request_id = world.owed()[before].request_id
    assert request_id is not None
    return request_id


def steps_of(timeline: Timeline) -> list[str]:
    [request] = timeline.requests
    return [step.step.value for step in request.steps]


# -- by number -----------------------------------------------------------------------------------


async def test_a_request_from_arrival_to_receipt(
    postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    request_id = await answered(postgres_world)
    timeline = desk.by_number(conn, NUMBER, ASKED)
    [request] = timeline.requests
    assert (timeline.number, request.request_id) == (MASKED, request_id)
    assert request.verdict is ReplyStatus.DELIVERED
    assert request.trace_id == TRACEPARENT.split("-")[1]
    assert steps_of(timeline) == [
        *("arrived", "parsed", "decided", "switched", "recorded", "queued"),
        *("result", "queued", "result", "completed", "receipt"),
    ]
    positions = {step.details.get("position") for step in request.steps}
    assert positions == {None, 1}


async def test_an_open_request_shows_its_claim_and_its_parts(
    postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    world = postgres_world
    await world.commands([world.text("CLIENT info")])
    [acknowledgement] = world.owed()
    conn.execute(
        "INSERT INTO mt_claims VALUES (%s, 1, 'gw-1', %s)", [acknowledgement.message_id, NOON]
    )
    timeline = desk.by_number(conn, NUMBER, ASKED)
    assert steps_of(timeline)[-1] == StepKind.CLAIMED
    assert timeline.requests[0].clock.state is ClockState.RUNNING
    await world.submitted(acknowledgement)
    fulfilment = world.owed()[1]
    ids = [PartResult(status=0, smsc_message_id=f"b{n}") for n in range(3)]
    taken = world.result(fulfilment, Outcome.SUBMITTED, parts=tuple(ids))
    await world.delivery([world.results(taken)])
    await world.delivery([world.receipts(world.receipt("b1"))])
    assert "1 of its 3 parts" in desk.by_number(conn, NUMBER, ASKED).sentence


async def test_a_miss_of_somebody_who_never_sent_a_command(
    postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    world = postgres_world
    await world.commands([world.text("СLIENT info".encode(), STRANGER)])
    await world.commands([world.text("CLIENT  info", STRANGER)])
    timeline = desk.by_number(conn, STRANGER, ASKED)
    assert timeline.subject_id is None
    assert {miss.kind for miss in timeline.misses} == {"spacing", "undecodable"}
    readings = {miss.kind: miss.reading.text for miss in timeline.misses if miss.reading}
    assert readings["spacing"] == "12 octets read as data_coding 0 (gsm0338), bind main-1"
    assert readings["undecodable"].endswith(", bind main-1")
    assert timeline.requests == ()
    assert desk.by_number(conn, NUMBER, ASKED).misses == ()


async def test_a_long_text_that_waits_for_its_parts(
    postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    world = postgres_world
    for sequence in (3, 1):
        part = Part(reference=7, total=3, sequence=sequence)
        await world.commands([world.text("CLIENT", part=part, at=world.now)])
        world.now += timedelta(seconds=1)
    [unfinished] = desk.by_number(conn, NUMBER, ASKED).unfinished
    assert (unfinished.total, unfinished.sequences) == (3, (3, 1))
    later = replace(ASKED, since=NOON + timedelta(minutes=1))
    assert desk.by_number(conn, NUMBER, later).unfinished == ()


async def test_nothing_is_said_with_how_sure_that_is(
    postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    del postgres_world
    flood = "INSERT INTO rejected_mos VALUES ('', %(at)s, 'left_out', %(at)s, %(at)s, 42)"
    conn.execute(flood, {"at": NOON})
    assert "42 of them were not noted" in desk.by_number(conn, NUMBER, ASKED).sentence
    later = replace(ASKED, since=NOON + timedelta(minutes=1))
    assert "were not noted" not in desk.by_number(conn, NUMBER, later).sentence


async def test_the_newest_requests_and_how_many_are_left_out(
    postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    world = postgres_world
    for n in range(5):
        world.now = NOON + timedelta(minutes=10 * n)
        await answered(world, f"CLIENT sms {'stop' if n % 2 else 'start'}")
    asked = replace(ASKED, now=world.now, limit=2)
    whole = desk.by_number(conn, NUMBER, asked)
    assert [request.arrived_at for request in whole.requests] == [
        NOON + timedelta(minutes=40),
        NOON + timedelta(minutes=30),
    ]
    assert {request.verdict for request in whole.requests} == {ReplyStatus.DELIVERED}
    assert whole.requests_left_out == 3
    older = desk.by_number(conn, NUMBER, replace(asked, until=whole.next_until))
    assert [r.arrived_at for r in older.requests] == [
        NOON + timedelta(minutes=20),
        NOON + timedelta(minutes=10),
    ]


# -- by an id, before and after the projection has read the log --------------------------------


@pytest.mark.parametrize("projected", [False, True], ids=["from the log", "from the projection"])
async def test_a_request_is_found_by_every_id(
    postgres_world: World, conn: psycopg.Connection, desk: TimelineReader, projected: bool
) -> None:
    other = await answered(postgres_world, "CLIENT info")
    postgres_world.now += timedelta(hours=1)
    request_id = await answered(postgres_world)
    if projected:
        catch_up(conn)
    fulfilment = str(message_id(request_id, Purpose.FULFILMENT))
    acknowledgement = str(message_id(request_id, Purpose.ACKNOWLEDGEMENT))
    for places in (
        ids.find_by_request(conn, str(request_id).upper()),
        ids.find_by_message(conn, fulfilment),
        ids.find_by_message(conn, f" {acknowledgement} "),
    ):
        [timeline] = desk.by_places(conn, places, ASKED)
        assert timeline.number == MASKED
        [request] = timeline.requests
        assert request.request_id == request_id
        assert request.verdict is ReplyStatus.DELIVERED
    both = ids.find_by_trace(conn, TRACEPARENT)
    assert {place.id for place in both} == {request_id, other}
    assert ids.find_by_trace(conn, TRACEPARENT.split("-")[1]) == both


async def test_by_the_id_of_the_centre_in_either_writing(
    postgres_world: World, conn: psycopg.Connection
) -> None:
    request_id = await answered(postgres_world)
    for written in ("1A2B", "01a2b", str(0x1A2B)):
        found = ids.find_by_message(conn, written)
        assert [place.id for place in found] == [request_id], written


def test_ids_that_lead_nowhere(conn: psycopg.Connection, desk: TimelineReader) -> None:
    for find in (ids.find_by_request, ids.find_by_message, ids.find_by_trace):
        for text in (str(UUID(int=7)), "nonsense", ""):
            assert find(conn, text) == []
    assert desk.by_places(conn, [], ASKED) == []


async def test_an_erased_person_has_requests_and_no_number(
    postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    request_id = await answered(postgres_world)
    places = ids.find_by_request(conn, str(request_id))
    async with postgres_world.backend.store.transaction() as transaction:
        await erase(transaction, NUMBER)
    [timeline] = desk.by_places(conn, places, ASKED)
    assert timeline.number is None
    assert timeline.requests[0].verdict is ReplyStatus.DELIVERED
    assert desk.by_number(conn, NUMBER, ASKED).requests == ()


# -- revealing -----------------------------------------------------------------------------------


async def test_a_reveal_is_recorded_and_shows_the_number(
    postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    request_id = await answered(postgres_world)
    assert desk.by_number(conn, NUMBER, ASKED, WHY).number == NUMBER
    places = ids.find_by_request(conn, str(request_id))
    assert desk.by_places(conn, places, ASKED, WHY)[0].number == NUMBER
    subject_id = places[0].subject_id
    recorded = [
        (entry.actor, entry.action, entry.reason, entry.subject_id, entry.request_id)
        for entry in audit.entries(conn, limit=9)
    ]
    assert recorded == [
        ("ivan", "timeline.reveal", WHY.reason, subject_id, request_id),
        ("ivan", "timeline.reveal", WHY.reason, subject_id, None),
    ]


async def test_nothing_is_shown_that_could_not_be_recorded(
    postgres_world: World, conn: psycopg.Connection, desk: TimelineReader
) -> None:
    await answered(postgres_world)
    with pytest.raises(audit.ReasonError):
        desk.by_number(conn, NUMBER, ASKED, Reveal("ivan", f"{NUMBER} calls"))
    assert audit.entries(conn, limit=9) == []


def test_a_place_without_events_shows_no_request(
    conn: psycopg.Connection, desk: TimelineReader
) -> None:
    place = RequestLocation(UUID(int=1), UUID(int=2), NOON)
    assert people.person_by_subject(conn, place.subject_id) is None
    [timeline] = desk.by_places(conn, [place], ASKED)
    assert timeline.requests == ()
