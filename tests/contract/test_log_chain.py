"""Every store writes the digest chains of `schemas.chain`."""

import contextlib
from collections.abc import Sequence
from dataclasses import astuple
from uuid import UUID, uuid4

from inbound.store.log.rows import RecordedEvent
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store
from schemas.chain import Chains, body, chain_of, microseconds
from tests.fix_store import event


async def append(store: Store, *streams: UUID) -> None:
    async with store.transaction() as tx:
        last = {s: len((await tx.load_streams([s])).get(s, [])) for s in streams}
        events = []
        for stream_id in streams:
            last[stream_id] += 1
            events.append(event(stream_id, last[stream_id]))
        await tx.write(Changes(events=events))


async def log(store: Store) -> list[RecordedEvent]:
    async with store.transaction() as tx:
        return await tx.read_events(0, 1000)


def computed(events: Sequence[RecordedEvent]) -> list[tuple[int, bytes]]:
    chains = Chains()
    return [
        (
            chain := chain_of(e.stream_id),
            chains.append(chain, e.position, microseconds(e.recorded_at), body(*astuple(e)[1:7])),
        )
        for e in events
    ]


def stored(events: Sequence[RecordedEvent]) -> list[tuple[int | None, bytes | None]]:
    return [(e.chain, e.digest) for e in events]


async def test_each_event_continues_the_chain_of_its_stream(store: Store) -> None:
    people = [uuid4() for _ in range(12)]
    await append(store, *people)
    await append(store, people[0])
    await append(store, *people, people[0], people[1])
    events = await log(store)
    assert len(events) == 27
    assert stored(events) == computed(events)
    assert len({e.chain for e in events}) > 1


async def test_rolled_back_events_leave_no_trace_in_a_chain(store: Store) -> None:
    await append(store, uuid4(), uuid4())
    with contextlib.suppress(LookupError):
        async with store.transaction() as tx:
            await tx.write(Changes(events=[event(uuid4()) for _ in range(8)]))
            raise LookupError
    await append(store, uuid4(), uuid4())
    events = await log(store)
    assert stored(events) == computed(events)


async def test_second_write_of_a_transaction_goes_on_from_the_first(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.write(Changes(events=[event(uuid4()) for _ in range(8)]))
        await tx.write(Changes(events=[event(uuid4()) for _ in range(8)]))
    await append(store, *(uuid4() for _ in range(8)))
    events = await log(store)
    assert stored(events) == computed(events)


async def test_time_of_the_log_never_goes_back(store: Store) -> None:
    for _ in range(3):
        await append(store, uuid4(), uuid4())
    times = [e.recorded_at for e in await log(store)]
    assert times == sorted(times)
