"""The generated log lies in the database as the store's own would."""

from uuid import uuid4

import psycopg
from pydantic_core import from_json

from inbound.keys import SubjectHasher
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from tests.bench import history
from tests.contract.test_log_chain import computed, stored
from tests.fix_store import event
from tests.integration.store.log.test_chain import ends, heads


async def test_the_store_reads_what_was_generated(
    database_url: str, postgres_store: PostgresStore
) -> None:
    made = history.fill(database_url, requests=300)
    assert (made.requests, made.subjects) == (300, 75)
    hash_ = SubjectHasher(history.KEY).hash(history.number_of(2))
    async with postgres_store.transaction() as tx:
        log = await tx.read_events(0, 10_000)
        found = await tx.find_subjects([hash_])
        streams = await tx.load_streams(found.values())
    assert len(log) == made.events
    assert found == {hash_: history.subject_ids(300)[2]}
    [stream] = streams.values()
    assert [event.version for event in stream] == list(range(1, len(stream) + 1))
    assert stream[0].type == "request.accepted"
    assert [event.position for event in log] == list(range(1, len(log) + 1))
    [expected] = [row for row in history.rows(requests=300) if row.position == b"7"]
    seventh = log[6]
    assert (seventh.data, seventh.metadata) == (expected.data, expected.metadata)
    assert from_json(seventh.data)["request_id"]


async def test_digests_are_those_of_the_service(
    database_url: str, postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    history.fill(database_url, requests=300)
    async with postgres_store.transaction() as tx:
        events = await tx.read_events(0, 10_000)
        assert stored(events) == computed(events)
        await tx.write(Changes(events=[event(uuid4()) for _ in range(9)]))
    async with postgres_store.transaction() as tx:
        events = await tx.read_events(0, 10_000)
    assert stored(events) == computed(events)
    assert heads(conn) == ends(events)
