"""Undoing a burst of stops skips people who stopped again, and is atomic and idempotent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from inbound.directory.port import Registration
from inbound.handlers.registrations import Operator
from inbound.registrations.stops import Stops, StopSpan
from inbound.store.access import audit
from inbound.store.log.replay_inputs import find_span, list_subjects_with
from tests.integration.streams.world import PostgresBackend, World

ANNA = Operator("anna", "stops from spoofed numbers")
ATTACKED = [f"+7916{n:07d}" for n in range(9)]
BEFORE, LATER, STARTED = "+79170000001", "+79170000002", "+79170000003"


@pytest.fixture
def world(postgres_backend: PostgresBackend) -> World:
    world = World(postgres_backend)
    for number in (*ATTACKED, BEFORE, LATER, STARTED):
        world.clients[number] = Registration(f"C-{number}", "1", "l", "p")
    return world


def now_in(url: str) -> datetime:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        moment: datetime = row[0]
        return moment


async def text(world: World, text: str, numbers: Sequence[str]) -> None:
    world.now += timedelta(minutes=2)
    await world.commands([world.text(text, number) for number in numbers])


def stopped_within(url: str, span: StopSpan) -> list[UUID]:
    with psycopg.connect(url, autocommit=True) as connection:
        log_span = find_span(connection, span.since, span.until)
        return list_subjects_with(connection, log_span, "subscription.stopped")


async def attacked(world: World, url: str) -> StopSpan:
    await text(world, "CLIENT sms stop", [BEFORE])
    since = now_in(url)
    await text(world, "CLIENT sms stop", [*ATTACKED, BEFORE, LATER, STARTED])
    until = now_in(url)
    await text(world, "CLIENT sms stop", [LATER])
    await text(world, "CLIENT sms start", [STARTED])
    return StopSpan(since, until)


async def switched_on(world: World) -> set[UUID]:
    return {e.stream_id for e in await world.events() if e.type == "subscription.restored"}


async def test_only_the_attacked_are_switched_on_again(
    world: World, postgres_backend: PostgresBackend
) -> None:
    span = await attacked(world, postgres_backend.url)
    stops = Stops(world.store, clock=lambda: world.now)
    found = stopped_within(postgres_backend.url, span)
    assert len(found) == len(ATTACKED) + 2
    assert await stops.undo(found, span, ANNA, dry_run=True) == len(ATTACKED)
    assert await switched_on(world) == set()
    world.store.failures = 1  # a kill at the commit, and the batch again
    assert await stops.undo(found, span, ANNA, dry_run=False) == len(ATTACKED)
    assert await stops.undo(found, span, ANNA, dry_run=False) == 0
    async with world.store.transaction() as transaction:
        hashes = {world.hasher.hash(number): number for number in ATTACKED}
        subjects = await transaction.find_subjects(hashes)
    assert await switched_on(world) == set(subjects.values())
    with psycopg.connect(postgres_backend.url) as connection:
        entries = audit.entries(connection, limit=100)
    assert {(one.actor, one.action, one.reason) for one in entries} == {
        (ANNA.name, "subscription.restore", ANNA.reason)
    }
    assert {one.subject_id for one in entries} == set(subjects.values())
    # A worker goes on from there: the next stop is a new one.
    await text(world, "CLIENT sms stop", ATTACKED[:1])
    assert (await world.types())[-1] == "subscription.stopped"
