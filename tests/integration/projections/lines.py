"""What the tests look at: lines of dumps, and rows put into the log by hand."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import psycopg

from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.dump import dump
from inbound.projections.progress import TableSchema, stored_progress
from inbound.projections.projector import LiveTables
from schemas.events import Command, Completion, DomainEvent, RequestCompleted
from schemas.messages import Outcome, Purpose
from tests.released import stream
from tests.unit.handlers.scenario import NOON, Scenario
from tests.unit.projections.events import repeated_result

ALL = tuple(PROJECTIONS.values())
MESSAGES = (Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT)


def catch_up(conn: psycopg.Connection) -> dict[str, str]:
    """Bring the live tables up to the end of the log, as the projector does.

    Return why any of them is not updated any more.
    """
    following = LiveTables(conn, {})
    while len(following.held) < len(ALL):  # the server may yet have to notice that one is gone
        following.lock_free(ALL)
    while following.round():
        pass
    problems = dict(following.problems)
    following.release()
    return problems


def dumps(
    conn: psycopg.Connection, place: TableSchema = TableSchema.LIVE
) -> dict[str, list[bytes]]:
    """Return the lines of all projections."""
    return {name: list(dump(conn, name, place)) for name in PROJECTIONS}


def positions(conn: psycopg.Connection, place: TableSchema = TableSchema.LIVE) -> dict[str, int]:
    """Return where each projection stands."""
    return {name: one.position for name, one in stored_progress(conn, place).items()}


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
            events = _told_twice(uuid4(), first, again)
            _append_stream(conn, events)
            _append_stream(conn, events[:4])  # acknowledged or not, and not completed


def _told_twice(request_id: UUID, first: Outcome, again: Outcome) -> list[DomainEvent]:
    _, decision = Scenario().text(Command.SMS_STOP)
    accepted = decision.events[0].model_copy(update={"request_id": request_id})
    resent = [repeated_result(request_id, one, Outcome.UNKNOWN, attempt=1) for one in MESSAGES]
    final = [repeated_result(request_id, one, first, attempt=2) for one in MESSAGES]
    copies = [repeated_result(request_id, one, again) for one in MESSAGES]
    ends = [
        RequestCompleted(request_id=request_id, completion=completion, at=NOON)
        for completion in (Completion.REFUSED, Completion.FULFILLED)
    ]
    return [
        *(accepted, resent[0], final[0], copies[0]),
        *(resent[1], final[1], copies[1], ends[0], *copies, ends[1]),
    ]


def _append_stream(conn: psycopg.Connection, events: Sequence[DomainEvent]) -> None:
    """Write events of one request, under an id of its own, as a stream."""
    subject, request_id = uuid4(), uuid4()
    for version, event in enumerate(events, 1):
        copied = event.model_copy(update={"request_id": request_id})
        append(conn, event.TYPE, copied.to_json().decode(), stream=subject, version=version)
