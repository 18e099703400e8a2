"""What has had its time goes, and nothing else."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from inbound.keys import SubjectHasher
from inbound.orders.dispatch import Dispatcher
from inbound.orders.tools import IntakeSettings
from inbound.store import retention_sweep
from inbound.store.claims.rows import Secret
from inbound.store.connections import connect
from inbound.store.errors import StoreUnavailable
from inbound.store.mo.rows import InboxRow, MessagePart, PartsKey
from inbound.store.outbox import feeds
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from schemas.topics import TopicNames
from tests import fix_orders
from tests.fix_orders import intake_on, order
from tests.fix_store import NOON, SUBJECT_KEY, add_parts, outbox_row

PARTITIONS = """
    SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'outbox'::regclass ORDER BY relname
"""
WHERE_ROWS_ARE = "SELECT tableoid::regclass::text FROM outbox ORDER BY position"


async def test_secret_goes_at_its_time_limit(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    hours = (0, 1, 2)
    secrets = [Secret(uuid4(), b"x", NOON + timedelta(hours=hour)) for hour in hours]
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(vault=secrets))
    assert retention_sweep.sweep_vault(conn, NOON + timedelta(hours=1)) == 2
    assert conn.execute("SELECT message_id FROM vault").fetchall() == [(secrets[2].message_id,)]


async def test_orders_and_their_texts_go_by_age(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    """Texts after 90 days from the order's expiry; orders when they ended long ago."""
    intake, noon = intake_on(postgres_store), fix_orders.NOON
    later = noon + timedelta(days=100)
    refused, ended, waiting = [
        placed.order_id
        for placed in await intake.place(
            [order(client_id="c-404"), order(), order(text="another", not_before=later)]
        )
    ]
    dispatcher = Dispatcher(
        postgres_store,
        SubjectHasher(SUBJECT_KEY),
        TopicNames(),
        sender="SCSERV",
        clock=lambda: noon,
    )
    await dispatcher.cancel([ended])
    events = conn.execute("SELECT count(*) FROM events").fetchall()
    texts = "SELECT order_id FROM order_contents ORDER BY delete_at"
    assert [row[0] for row in conn.execute(texts)] == [ended, waiting]
    keep = IntakeSettings("SCSERV", "gsm0338", TopicNames()).keep_for
    assert keep == timedelta(days=90)
    expired_at = noon + timedelta(days=1)
    assert retention_sweep.sweep_order_contents(conn, expired_at + keep - timedelta(hours=1)) == 0
    assert retention_sweep.sweep_order_contents(conn, expired_at + keep) == 1
    assert [row[0] for row in conn.execute(texts)] == [waiting]
    assert retention_sweep.sweep_orders(conn, noon + timedelta(days=90), 90) == 0
    assert retention_sweep.sweep_orders(conn, noon + timedelta(days=91), 90) == 2
    left = conn.execute("SELECT order_id FROM orders").fetchall()
    assert left == [(waiting,)]
    assert refused not in left
    assert conn.execute("SELECT count(*) FROM events").fetchall() == events


async def test_inbox_and_parts_go_by_age(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    key = PartsKey("main", b"h" * 16, "+79086228779", 1, 3)
    old, new = InboxRow(uuid4(), NOON - timedelta(days=8)), InboxRow(uuid4(), NOON)
    async with postgres_store.transaction() as tx:
        for sequence, minutes in ((1, 11), (2, 9)):
            at = NOON - timedelta(minutes=minutes)
            await add_parts(tx, MessagePart(key, sequence, b"x", b"{}", at))
        await tx.write(Changes(inbox=[old, new]))
    conn.execute("UPDATE mo_parts SET stored_at = received_at")
    assert retention_sweep.sweep_parts(conn, NOON, minutes=10) == 1
    assert retention_sweep.sweep_inbox(conn, NOON, days=7) == 1
    async with postgres_store.transaction() as tx:
        assert await tx.seen([old.mo_id, new.mo_id]) == {new.mo_id}


async def test_a_part_that_waited_in_kafka_still_waits_for_the_others(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    """After an outage the worker may store a part of yesterday; the others are behind it."""
    now = conn.execute("SELECT now()").fetchall()[0][0]
    key = PartsKey("main", b"h" * 16, "9086228779", 1, 2)
    async with postgres_store.transaction() as tx:
        await add_parts(tx, MessagePart(key, 1, b"x", b"{}", now - timedelta(days=1)))
    assert retention_sweep.sweep_parts(conn, now, minutes=30) == 0
    assert retention_sweep.sweep_parts(conn, now + timedelta(minutes=31), minutes=30) == 1


def test_claims_go_by_age(conn: psycopg.Connection) -> None:
    insert = "INSERT INTO mt_claims VALUES (gen_random_uuid(), 1, 'gateway-1', %s)"
    for days in (1, 8):
        conn.execute(insert, [NOON - timedelta(days=days)])
    assert retention_sweep.sweep_claims(conn, NOON, days=7) == 1


def test_what_waits_for_receipts_goes_by_age(conn: psycopg.Connection) -> None:
    insert_sent = """
        INSERT INTO smsc_messages VALUES (gen_random_uuid(), gen_random_uuid(), 1, 1, NULL,
            'fulfilment', 'stopped', 'main', 'a1', %s)
    """
    insert_early = """
        INSERT INTO early_receipts
        VALUES (gen_random_uuid(), 'main', 'a1', 'delivered', '{}', %s)
    """
    for days in (2, 4, 8):
        conn.execute(insert_sent, [NOON - timedelta(days=days)])
        conn.execute(insert_early, [NOON - timedelta(days=days)])
    assert retention_sweep.sweep_sent_parts(conn, NOON, days=7) == 1
    assert retention_sweep.sweep_early_receipts(conn, NOON, days=3) == 2


def test_outbox_has_a_partition_for_each_of_the_next_days(conn: psycopg.Connection) -> None:
    made = retention_sweep.maintain_outbox(conn, retention_days=2)
    assert made == (retention_sweep.DAYS_AHEAD + 1, 0)
    assert retention_sweep.maintain_outbox(conn, retention_days=2) == (0, 0)
    (today,) = conn.execute("SELECT to_char(now(), 'YYYYMMDD')").fetchone() or ("",)
    assert (f"outbox_{today}",) in conn.execute(PARTITIONS).fetchall()


async def test_rows_outside_every_partition_are_kept_and_moved_in(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(outbox=[outbox_row()]))
    before = feeds.read_outbox(conn, {0: 10})
    assert conn.execute(WHERE_ROWS_ARE).fetchall() == [("outbox_default",)]
    retention_sweep.maintain_outbox(conn, retention_days=2)
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(outbox=[outbox_row()]))
    places = {place for (place,) in conn.execute(WHERE_ROWS_ARE)}
    assert len(places) == 1
    assert places != {"outbox_default"}
    after = feeds.read_outbox(conn, {0: 10})
    assert after[:1] == before
    assert len(after) == 2


def test_old_partition_goes_when_all_of_it_was_relayed(conn: psycopg.Connection) -> None:
    conn.execute("""
        CREATE TABLE outbox_20200101 PARTITION OF outbox
        FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')
    """)
    insert = """
        INSERT INTO outbox (shard, topic, event_id, type, headers, created_at)
        VALUES (%s, 't', 'e', 't', '{}', %s)
    """
    for shard, day in ((0, 1), (1, 1), (0, 2), (0, 3)):  # the last two: in the default partition
        conn.execute(insert, [shard, datetime(2020, 1, day, 12, tzinfo=UTC)])
    assert retention_sweep.maintain_outbox(conn, retention_days=2).dropped == 0
    feeds.advance_cursors(conn, {feeds.Shard(feeds.OUTBOX, 0): 3})
    assert retention_sweep.maintain_outbox(conn, retention_days=2).dropped == 0
    assert [row.position for row in feeds.read_outbox(conn, {1: 10})] == [2]
    feeds.advance_cursors(conn, {feeds.Shard(feeds.OUTBOX, 1): 2})
    assert retention_sweep.maintain_outbox(conn, retention_days=2).dropped == 1
    assert [row.position for row in feeds.read_outbox(conn, {0: 10}, after=0)] == [4]


async def test_position_goes_on_when_the_whole_outbox_was_dropped(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(outbox=[outbox_row(), outbox_row()]))
    feeds.advance_cursors(conn, {feeds.Shard(feeds.OUTBOX, 0): 2})
    conn.execute("TRUNCATE outbox")
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(outbox=[outbox_row()]))
    assert [row.position for row in feeds.read_outbox(conn, {0: 10})] == [3]


def test_maintenance_gives_up_rather_than_queue(
    database_url: str, conn: psycopg.Connection
) -> None:
    conn.execute("ALTER FUNCTION maintain_outbox SET lock_timeout = '20ms'")
    with connect(database_url, "a long reader") as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM outbox")
        with pytest.raises(StoreUnavailable):
            retention_sweep.maintain_outbox(conn, retention_days=2)
    assert retention_sweep.maintain_outbox(conn, retention_days=2).created > 0
