"""What the tests look at: lines of dumps, and rows put into the log by hand."""

from uuid import UUID, uuid4

import psycopg

from inbound.projections import places
from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.dumping import dump
from inbound.projections.places import Place
from inbound.projections.projector import Following
from schemas.events import Command, Completion, RequestCompleted
from schemas.messages import Outcome, Purpose
from tests.released import stream
from tests.unit.handlers.scenario import NOON, Scenario
from tests.unit.projections.told import told_again

ALL = tuple(PROJECTIONS.values())
MESSAGES = (Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT)


def catch_up(conn: psycopg.Connection) -> dict[str, str]:
    """Bring the live tables up to the end of the log, as the projector does.

    Return why any of them stands still.
    """
    following = Following(conn, {})
    while len(following.held) < len(ALL):  # the server may yet have to notice that one is gone
        following.take_free(ALL)
    while following.round():
        pass
    problems = dict(following.problems)
    following.release()
    return problems


def dumps(conn: psycopg.Connection, place: Place = Place.LIVE) -> dict[str, list[bytes]]:
    """Return the lines of all projections."""
    return {name: list(dump(conn, name, place)) for name in PROJECTIONS}


def positions(conn: psycopg.Connection, place: Place = Place.LIVE) -> dict[str, int]:
    """Return where each projection stands."""
    return {name: one.position for name, one in places.progress(conn, place).items()}


def append(
    conn: psycopg.Connection, type_: str, data: str, *, stream: UUID | None = None, version: int = 1
) -> int:
    """Write one event without a digest at the end of the log and return its position."""
    conn.execute("SET scserv.importing = 'on'")
    row = conn.execute(
        "INSERT INTO events (position, stream_id, version, type, schema_version, data, metadata)"
        " SELECT coalesce(max(position), 0) + 1, %s, %s, %s, 1, %s, '{}' FROM events"
        " RETURNING position",
        [stream or uuid4(), version, type_, data],
    ).fetchone()
    assert row is not None
    return int(row[0])


def append_stop(conn: psycopg.Connection, subject: UUID) -> int:
    """Write that a subject said stop."""
    data = f'{{"request_id":"{uuid4()}","at":"2026-01-01T00:00:00Z"}}'
    return append(conn, "subscription.stopped", data, stream=subject)


def append_every_type(conn: psycopg.Connection) -> None:
    """Write the stream of a subject that has met every type of event."""
    subject = uuid4()
    for version, (type_, _, data) in enumerate(stream("every-type"), 1):
        append(conn, type_, data.decode(), stream=subject, version=version)


def append_results_told_twice(conn: psycopg.Connection) -> None:
    """Write requests whose messages were sent twice, and so were told again later."""
    for first in (Outcome.SUBMITTED, Outcome.EXPIRED):
        for again in (Outcome.SUBMITTED, Outcome.EXPIRED, Outcome.UNKNOWN):
            request_id = uuid4()
            _, decision = Scenario().text(Command.SMS_STOP)
            accepted = decision.events[0].model_copy(update={"request_id": request_id})
            copies = [told_again(request_id, purpose, again) for purpose in MESSAGES]
            results = [told_again(request_id, p, Outcome.UNKNOWN, attempt=1) for p in MESSAGES]
            results += [told_again(request_id, p, first, attempt=2) for p in MESSAGES]
            completed = RequestCompleted(
                request_id=request_id, completion=Completion.REFUSED, at=NOON
            )
            events = [accepted, results[0], results[2], copies[0], results[1], results[3]]
            events += [copies[1], completed, *copies]
            subject = uuid4()
            for version, event in enumerate(events, 1):
                append(conn, event.TYPE, event.to_json().decode(), stream=subject, version=version)
