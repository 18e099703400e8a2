"""A hostile SMS centre, or a spoofed number, sends parts and receipts without end.

What is stored stays within the quotas, and meanwhile an honest client's long text is answered.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from inbound.kafka.decoding import TopicRecord
from inbound.keys import VaultCipher
from inbound.store.quotas import Quota, Quotas
from inbound.store.transactions.postgres import PostgresStore
from schemas.messages import Outcome, Part, PartResult
from tests.fix_store import VAULT_KEY
from tests.integration.streams.world import PostgresBackend, World, by_purpose

pytestmark = pytest.mark.drill

QUOTAS = Quotas(
    parts=Quota(rows=5_000, bytes=20_000_000, sender_rows=512, sender_bytes=128_000),
    early_receipts=Quota(rows=5_000, bytes=5_000_000, sender_rows=200, sender_bytes=100_000),
)
BATCH = 1000
MIDDLE = 4
SECOND = timedelta(seconds=1)
BYTES_OF_SEALING = 100
FIRST_OF_255 = b"x" * 134, 255, 15_000
OF_60_KB = b"x" * 60_000, 2, 800
CLIENTS = "+79161234567", "+79161234568"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    store = PostgresStore(database_url, VaultCipher(VAULT_KEY), quotas=QUOTAS)
    yield World(PostgresBackend(store, database_url))
    await store.close()


def stored(world: World, table: str) -> tuple[int, int]:
    """Return rows and bytes of a table, by reading it."""
    assert isinstance(world.backend, PostgresBackend)
    query = sql.SQL("SELECT count(*), coalesce(sum(size), 0) FROM {}").format(sql.Identifier(table))
    with psycopg.connect(world.backend.url) as conn:
        rows, bytes_ = conn.execute(query).fetchall()[0]
        counted = "SELECT rows, bytes FROM store_usage WHERE name = %s"
        assert conn.execute(counted, [table]).fetchall() == [(rows, bytes_)]
    return rows, bytes_


def flood(
    world: World, payload: bytes, total: int, count: int, *, one_sender: bool
) -> Iterator[list[TopicRecord]]:
    """Yield batches of first parts, each of another text."""
    batch_size = BATCH if len(payload) < BATCH else BATCH // 10
    for start in range(0, count, batch_size):
        yield [
            world.text(
                payload,
                "+79990000000" if one_sender else f"+7999{n:07d}",
                part=Part(reference=n % 65_536, width=16, total=total, sequence=1),
            )
            for n in range(start, min(start + batch_size, count))
        ]


def part(world: World, source: str, piece: str, sequence: int, total: int) -> TopicRecord:
    return world.text(piece, source, part=Part(reference=7, total=total, sequence=sequence))


@pytest.mark.parametrize("one_sender", [True, False], ids=["one sender", "many senders"])
@pytest.mark.parametrize("attack", [FIRST_OF_255, OF_60_KB], ids=["15,000 parts", "60 KB parts"])
async def test_a_flood_of_parts_stays_within_the_quotas(
    world: World, attack: tuple[bytes, int, int], one_sender: bool
) -> None:
    quota = QUOTAS.parts
    # Parts of honest clients come a batch apart, in the middle of the flood.
    one, other = CLIENTS
    honest = {
        MIDDLE: (part(world, one, "CLIENT sms ", 1, 2), part(world, other, "CLI", 1, 3)),
        MIDDLE + 1: (part(world, one, "stop", 2, 2), part(world, other, "ENT sms", 2, 3)),
        MIDDLE + 2: (part(world, other, " stop", 3, 3),),
    }
    for number, batch in enumerate(flood(world, *attack, one_sender=one_sender)):
        await world.commands([*batch, *honest.pop(number, ())])
        world.now += SECOND
        rows, bytes_ = stored(world, "mo_parts")
        if one_sender:
            assert rows <= quota.sender_rows + 5
            assert bytes_ <= quota.sender_bytes + 5 * BYTES_OF_SEALING
        assert rows <= quota.rows
        assert bytes_ <= quota.bytes
    assert not honest
    assert by_purpose(world.owed()) == ["acknowledgement"] * 2
    dropped = [row for row in world.backend.rejected_mos() if row.key.kind == "incomplete"]
    assert dropped  # and support sees that a text was incomplete


@pytest.mark.parametrize("people", [1, 2000])
async def test_a_flood_of_receipts_stays_within_the_quotas(world: World, people: int) -> None:
    numbers = [f"+7999{n:07d}" for n in range(people)]
    async with world.store.transaction() as tx:
        await tx.subjects({world.hasher.hash(number): number for number in numbers})
    await world.commands([world.text("CLIENT sms stop", CLIENTS[0])])
    [acknowledgement] = world.owed()
    parts = (PartResult(status=0, smsc_message_id="a1"),)
    for start in range(0, 20_000, BATCH):
        receipts = [
            world.receipt(f"unknown {n}", number=numbers[n % people])
            for n in range(start, start + BATCH)
        ]
        if start == 17_000:  # of a message whose result comes only behind the flood
            receipts.append(world.receipt("a1", number=CLIENTS[0]))
        await world.delivery([world.receipts(*receipts)])
        world.now += SECOND
        rows, bytes_ = stored(world, "early_receipts")
        quota = QUOTAS.early_receipts
        assert rows <= (quota.sender_rows + 1 if people == 1 else quota.rows)
        assert bytes_ <= quota.bytes
    result = world.result(acknowledgement, Outcome.SUBMITTED, parts=parts)
    await world.delivery([world.results(result)])
    assert (await world.types())[-1] == "message.delivered"
