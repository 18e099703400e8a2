"""Due orders are checked again, and orders that end unsent give back what they took."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from inbound.handlers.order_progress import OrderChange
from inbound.handlers.orders import dispatched_message_id
from inbound.keys import SubjectHasher, VaultCipher
from inbound.orders.dispatch import Dispatcher
from inbound.orders.ports import Placed
from inbound.store.orders.rows import OrderWrites
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from schemas.message_events import MessageSubmitted
from schemas.messages import Purpose
from schemas.orders import OrderState, RefusalReason
from schemas.topics import TopicNames
from tests.fix_orders import NOON, intake_on, order

LATER = NOON + timedelta(hours=2)


@dataclass
class World:
    store: PostgresStore
    hasher: SubjectHasher
    conn: psycopg.Connection

    async def schedule(self, **fields: object) -> Placed:
        (placed,) = await intake_on(self.store).place([order(not_before=LATER, **fields)])
        return placed

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self.store, self.hasher, TopicNames(), sender="SCSERV", clock=lambda: LATER
        )

    def used(self) -> tuple[int, Decimal]:
        """The counters of all periods, and the balance."""
        query = "SELECT coalesce(sum(used), 0)::int FROM account_usage"
        [(used,)] = self.conn.execute(query).fetchall()
        [(balance,)] = self.conn.execute("SELECT balance FROM accounts").fetchall()
        return used, balance

    async def change(self, change: OrderChange) -> None:
        async with self.store.transaction() as tx:
            await tx.write(Changes(orders=OrderWrites(changes={change.order_id: change})))


@pytest.fixture
async def world(
    database_url: str, cipher: VaultCipher, hasher: SubjectHasher, conn: psycopg.Connection
) -> AsyncIterator[World]:
    conn.execute("UPDATE accounts SET price_per_part = 2.5, balance = 100, day_limit = 10")
    store = PostgresStore(database_url, cipher)
    yield World(store, hasher, conn)
    await store.close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE accounts SET enabled = false", RefusalReason.ACCOUNT_DISABLED),
        ("UPDATE accounts SET rights = '{}'", RefusalReason.RIGHT_MISSING),
        ("DELETE FROM account_senders", RefusalReason.SENDER_NOT_APPROVED),
        ("UPDATE account_senders SET approved_at = NULL", RefusalReason.SENDER_NOT_APPROVED),
    ],
)
async def test_a_due_order_that_its_account_may_not_send_any_more_is_refused(
    world: World, change: str, reason: RefusalReason
) -> None:
    world.conn.execute(
        "INSERT INTO account_senders (account, sender, approved_by, approved_at) "
        "VALUES ('default', 'Shop', 'anna', now())"
    )
    placed = await world.schedule(sender="Shop")
    assert placed.state is OrderState.SCHEDULED
    world.conn.execute(change)
    assert await world.dispatcher().dispatch_due() == 1
    row = world.conn.execute("SELECT state, reason, due_at FROM orders").fetchone()
    assert row == ("refused", reason, None)
    assert world.conn.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    events = world.conn.execute(
        "SELECT type, data ->> 'reason', data #>> '{facts,accepted_at}' IS NOT NULL "
        "FROM events ORDER BY position"
    ).fetchall()
    assert events == [("order.accepted", None, False), ("order.refused", reason, True)]
    [(open_orders,)] = world.conn.execute("SELECT state -> 'orders' FROM subject_states").fetchall()
    assert not open_orders
    assert world.used() == (0, Decimal(100))


async def test_a_sender_that_is_still_approved_is_used(world: World) -> None:
    world.conn.execute(
        "INSERT INTO account_senders (account, sender, approved_by, approved_at) "
        "VALUES ('default', 'Shop', 'anna', now())"
    )
    await world.schedule(sender="Shop")
    await world.schedule()
    assert await world.dispatcher().dispatch_due() == 2
    assert world.conn.execute("SELECT count(*) FROM outbox").fetchone() == (2,)


async def test_a_cancelled_order_gives_its_price_and_its_place_back_once(world: World) -> None:
    kept, cancelled = await world.schedule(), await world.schedule()
    assert world.used() == (6, Decimal(95))
    for _ in range(2):
        await world.dispatcher().cancel([cancelled.order_id])
        assert world.used() == (3, Decimal("97.5"))
    rows = world.conn.execute("SELECT order_id, refunded FROM orders").fetchall()
    assert dict(rows) == {kept.order_id: False, cancelled.order_id: True}


async def test_a_cancelled_order_that_was_sent_all_the_same_is_paid(world: World) -> None:
    placed = await world.schedule()
    await world.dispatcher().cancel([placed.order_id])
    submitted = MessageSubmitted(
        message_id=dispatched_message_id(placed.order_id, 1),
        order_id=placed.order_id,
        purpose=Purpose.NOTIFICATION,
        template="text",
        attempt=1,
        centre="centre",
        bind="bind",
        at=LATER,
    )
    for _ in range(2):
        writes = OrderWrites()
        writes.note_late(submitted)
        await world.change(writes.changes[placed.order_id])
        assert world.used() == (3, Decimal("97.5"))
    assert world.conn.execute("SELECT state, refunded FROM orders").fetchone() == ("sent", False)


async def test_a_message_that_was_delivered_is_never_given_back(world: World) -> None:
    placed = await world.schedule()
    for state, unsent in ((OrderState.DELIVERED, None), (OrderState.EXPIRED, True)):
        await world.change(OrderChange(placed.order_id, state, LATER, unsent=unsent))
    assert world.used() == (3, Decimal("97.5"))
    assert world.conn.execute("SELECT state FROM orders").fetchone() == ("delivered",)


async def test_an_unsent_order_makes_no_other_one_wait(world: World) -> None:
    world.conn.execute("UPDATE accounts SET min_delay_s = 60, repeat_within_s = 60")
    placed = await world.schedule()
    refused = await world.schedule()
    assert refused.reason is RefusalReason.REPEATED
    await world.dispatcher().cancel([placed.order_id])
    assert (await world.schedule()).reason is None


async def test_a_message_that_was_lost_with_its_record_is_sent_again_or_expires(
    world: World,
) -> None:
    fields = [{"expires_at": NOON + timedelta(days=9)}, {"expires_at": NOON + timedelta(days=2)}]
    await intake_on(world.store).place([order(**one) for one in fields])
    world.conn.execute("UPDATE orders SET changed_at = %s", [NOON + timedelta(hours=1)])
    later = NOON + timedelta(days=4)
    dispatcher = Dispatcher(
        world.store, world.hasher, TopicNames(), sender="SCSERV", clock=lambda: later
    )
    assert await dispatcher.expire_lost() == 0
    later += timedelta(hours=2)
    (claimed,) = await intake_on(world.store).place([order()])
    world.conn.execute("UPDATE orders SET changed_at = %s", [NOON + timedelta(hours=1)])
    world.conn.execute(
        "INSERT INTO mt_claims (message_id, attempt, gateway) VALUES (%s, 1, 'g')",
        [dispatched_message_id(claimed.order_id, 1)],
    )
    assert await dispatcher.expire_lost() == 2, "one may have been sent"
    world.conn.execute("DELETE FROM orders WHERE order_id = %s", [claimed.order_id])
    rows = world.conn.execute("SELECT state, dispatch, due_at FROM orders ORDER BY last_at")
    assert rows.fetchall() == [("expired", 1, None), ("scheduled", 2, later)]
    assert await dispatcher.dispatch_due() == 1
    assert world.conn.execute("SELECT count(*) FROM outbox").fetchone() == (4,)


async def test_unknown_orders_change_nothing(world: World) -> None:
    await world.change(OrderChange(uuid4(), OrderState.CANCELLED, LATER, unsent=True))
    assert world.used() == (0, Decimal(100))
