"""Orders on real PostgreSQL: limits under concurrency, and a `stop` that races a claim."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from typing_extensions import override

from inbound.handlers.orders import dispatched_message_id
from inbound.keys import SubjectHasher, VaultCipher
from inbound.orders.dispatch import Dispatcher
from inbound.orders.ports import (
    Companion,
    OrderTemplates,
    Placed,
    RenderedText,
    RenderProblem,
    TemplateUse,
)
from inbound.store.claims.postgres import PostgresClaims
from inbound.store.claims.rows import ToClaim
from inbound.store.errors import Conflict
from inbound.store.orders.account_records import change_account
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store, Transaction
from inbound.store.transactions.postgres import PostgresStore
from inbound.subjects import StateCache, Subjects
from schemas.events import DomainEvent, SubscriptionStarted, SubscriptionStopped
from schemas.orders import OrderEntry, OrderKind, OrderState, RefusalReason, WithheldReason
from schemas.topics import TopicNames
from tests.fix_orders import CLIENT, NOON, OTHER_CLIENT, intake_on, order

RACES = 1000


@pytest.fixture
async def stores(database_url: str, cipher: VaultCipher) -> AsyncIterator[list[PostgresStore]]:
    async with AsyncExitStack() as stack:
        made = [PostgresStore(database_url, cipher) for _ in range(4)]
        for store in made:
            stack.push_async_callback(store.close)
        yield made


@pytest.fixture
async def claims(database_url: str, cipher: VaultCipher) -> AsyncIterator[PostgresClaims]:
    made = PostgresClaims(database_url, cipher)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ("day_limit = 7", RefusalReason.DAILY_LIMIT),
        ("week_limit = 7", RefusalReason.WEEKLY_LIMIT),
        ("month_limit = 7", RefusalReason.MONTHLY_LIMIT),
        ("price_per_part = 1.5, balance = 11", RefusalReason.BALANCE),
    ],
)
async def test_processes_together_exceed_no_limit(
    stores: list[PostgresStore], conn: psycopg.Connection, limits: str, reason: RefusalReason
) -> None:
    conn.execute(f"UPDATE accounts SET {limits}".encode())  # noqa: S608 — of this test
    orders = [order(phone=(CLIENT, OTHER_CLIENT)[n % 2], text=f"Заявка {n}") for n in range(5)]
    batches = await asyncio.gather(*(intake_on(store).place(orders) for store in stores))
    placed = [one for batch in batches for one in batch]
    assert sum(one.reason is None for one in placed) == 7
    assert {one.reason for one in placed} == {None, reason}
    (balance,) = conn.execute("SELECT balance FROM accounts").fetchone() or (None,)
    assert balance in {None, Decimal("0.5")}


class _Loses(Companion):
    """Takes part in transactions of which the first ones lose to others."""

    def __init__(self, times: int) -> None:
        self.times = times

    @override
    async def begin(self, transaction: Transaction) -> None:
        if self.times:
            self.times -= 1
            raise Conflict("another transaction was first")

    @override
    def finish(self, changes: Changes, placed: Sequence[Placed]) -> None:
        pass


async def test_a_batch_that_loses_to_others_is_placed_all_the_same_and_once(
    stores: list[PostgresStore], conn: psycopg.Connection
) -> None:
    (placed,) = await intake_on(stores[0]).place([order()], _Loses(7))
    assert placed.reason is None
    assert conn.execute("SELECT order_id FROM orders").fetchall() == [(placed.order_id,)]


async def test_processes_together_keep_the_minimum_delay(
    stores: list[PostgresStore], conn: psycopg.Connection
) -> None:
    conn.execute("UPDATE accounts SET min_delay_s = 60")
    batches = await asyncio.gather(*(intake_on(store).place([order()]) for store in stores))
    reasons = [one.reason for batch in batches for one in batch]
    assert sorted(reasons, key=str) == sorted([None, *3 * [RefusalReason.MINIMUM_DELAY]], key=str)


@pytest.mark.parametrize("seed", range(6))
async def test_no_mixture_of_limits_is_exceeded(
    stores: list[PostgresStore], conn: psycopg.Connection, seed: int
) -> None:
    """Random limits and batches in four processes, while a person changes the account."""
    random = Random(seed)
    limit, balance = random.choice([None, 9]), random.choice([None, Decimal(11)])
    delay, rate = random.choice([None, 60]), random.choice([None, 4])
    conn.execute(
        "UPDATE accounts SET week_limit = %s, price_per_part = 1, balance = %s, min_delay_s = %s, "
        "rate_per_s = %s",
        [limit, balance, delay, rate],
    )

    async def place(store: PostgresStore) -> list[Placed]:
        placed = []
        for _ in range(random.randint(1, 4)):
            phones = random.choices((CLIENT, OTHER_CLIENT), k=random.randint(1, 4))
            orders = [order(phone=phone, text=f"Заявка {random.random()}") for phone in phones]
            placed += await intake_on(store).place(orders)
        return placed

    async def change() -> None:
        for text in ("a.*|.*", ".*"):
            change = partial(replace, patterns=(text,))
            await asyncio.to_thread(change_account, conn, "default", change, actor="anna")

    batches, _ = await asyncio.gather(asyncio.gather(*map(place, stores)), change())
    accepted = sum(one.reason is None for batch in batches for one in batch)
    rows = conn.execute(
        "SELECT subject_id, coalesce(due_at, created_at) FROM orders WHERE state <> 'refused'"
    ).fetchall()
    assert len(rows) == accepted
    assert limit is None or accepted <= limit
    assert balance is None or accepted <= balance
    used = conn.execute("SELECT used FROM account_usage WHERE period LIKE 'w%'").fetchone()
    assert used == (accepted,)
    left = conn.execute("SELECT balance FROM accounts WHERE account = 'default'").fetchone()
    assert left == (None if balance is None else balance - accepted,)
    if delay is not None:
        assert len({subject_id for subject_id, _ in rows}) == accepted
    if rate is not None:
        late = sorted(due - NOON for _, due in rows)[rate + 1 :]
        assert late == [timedelta(seconds=1) / rate * n for n in range(1, len(late) + 1)]


async def test_processes_together_keep_the_rate(
    stores: list[PostgresStore], conn: psycopg.Connection
) -> None:
    conn.execute("UPDATE accounts SET rate_per_s = 4")
    orders = [order(text=f"Заявка {n}") for n in range(5)]
    await asyncio.gather(*(intake_on(store).place(orders) for store in stores))
    due = conn.execute("SELECT coalesce(due_at, created_at) FROM orders ORDER BY 1").fetchall()
    at_once, later = due[:5], due[5:]
    assert {moment for (moment,) in at_once} == {NOON}
    assert [moment - NOON for (moment,) in later] == [
        timedelta(seconds=n / 4) for n in range(1, 16)
    ]


async def test_one_key_in_many_processes_is_one_order(
    stores: list[PostgresStore], conn: psycopg.Connection
) -> None:
    keyed = order(idempotency_key="k")
    batches = await asyncio.gather(*(intake_on(store).place([keyed]) for store in stores))
    assert len({one.order_id for batch in batches for one in batch}) == 1
    assert conn.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    assert conn.execute("SELECT count(*) FROM outbox").fetchone() == (1,)


async def test_orders_from_kafka_need_a_right_of_their_own(
    stores: list[PostgresStore], conn: psycopg.Connection
) -> None:
    from_kafka = order(entry=OrderEntry.KAFKA)
    (allowed,) = await intake_on(stores[0]).place([from_kafka])
    conn.execute("UPDATE accounts SET rights = array_remove(rights, 'kafka')")
    refused, other = await intake_on(stores[0]).place([from_kafka, order()])
    assert [one.reason for one in (allowed, refused, other)] == [
        None,
        RefusalReason.RIGHT_MISSING,
        None,
    ]


class CallTemplates(OrderTemplates):
    """Renders what a value at the beginning of a template may make of it."""

    @override
    async def render(self, uses: Sequence[TemplateUse]) -> list[RenderedText | RenderProblem]:
        return [RenderedText(f"{use.fields['name']}, здравствуйте") for use in uses]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": OrderKind.NOTIFICATION},
        {"kind": OrderKind.BROADCAST},
        {"kind": OrderKind.SERVICE},
        {"entry": OrderEntry.KAFKA},
        {"template": "hello"},
    ],
)
async def test_no_ordinary_text_becomes_a_message_of_a_channel(
    stores: list[PostgresStore], conn: psycopg.Connection, fields: dict[str, Any]
) -> None:
    conn.execute("UPDATE accounts SET rights = '{send,broadcasts,service,kafka}'")
    texts = ["__CALL__: hello", "__HLR__", "\n__mail__: hi", "\u200b__BOT__: x", "See __CALL__"]
    of = [
        order(**fields, **({"fields": {"name": text}} if "template" in fields else {"text": text}))
        for text in texts
    ]
    placed = await intake_on(stores[0], templates=CallTemplates()).place(of)
    assert [one.reason for one in placed] == [*[RefusalReason.TEXT_NOT_ALLOWED] * 4, None]
    assert conn.execute("SELECT count(*) FROM outbox").fetchone() == (1,)


async def switch(store: Store, subject_id: UUID, event: type[DomainEvent]) -> None:
    async with store.transaction() as tx:
        subjects = Subjects(tx, StateCache())
        await subjects.load([subject_id])
        subjects.append(subject_id, [event(request_id=uuid4(), at=NOON)], None)  # type: ignore[call-arg]
        await tx.write(Changes(events=subjects.events, states=subjects.states()))


def to_claim(placed: Placed, subject_id: UUID) -> ToClaim:
    message_id = dispatched_message_id(placed.order_id, 1)
    return ToClaim(message_id, subject_id, placed.order_id, consent_needed=True)


async def test_no_claim_after_a_stop_lets_a_message_go(
    stores: list[PostgresStore], claims: PostgresClaims, hasher: SubjectHasher
) -> None:
    """A thousand messages are queued; a stop and their claims race, in groups of ten."""
    worker = stores[0]
    withheld = 0
    for _ in range(RACES // 10):
        placed = await intake_on(stores[1]).place([order() for _ in range(10)])
        async with worker.transaction() as tx:
            (subject_id,) = (await tx.find_subjects([hasher.hash(CLIENT)])).values()
        stopped = False

        async def stop(subject_id: UUID = subject_id) -> None:
            nonlocal stopped
            await switch(worker, subject_id, SubscriptionStopped)
            stopped = True

        stopping = asyncio.create_task(stop())
        for one in placed:
            was_stopped = stopped
            (row,) = await claims.claim([to_claim(one, subject_id)], "gateway")
            if was_stopped:
                assert row.withheld is WithheldReason.OPTED_OUT
            withheld += row.withheld is not None
        await stopping
        (reason,) = await claims.withheld([to_claim(placed[0], subject_id)])
        assert reason is WithheldReason.OPTED_OUT
        await switch(worker, subject_id, SubscriptionStarted)
        async with worker.transaction() as tx:  # the orders end, so that the next ten are accepted
            await tx.orders([one.order_id for one in placed], lock=True)
        await dispatcher(worker, hasher).cancel([one.order_id for one in placed])
    assert withheld > 0


async def test_a_lost_state_is_made_good_from_the_events(
    stores: list[PostgresStore],
    claims: PostgresClaims,
    hasher: SubjectHasher,
    conn: psycopg.Connection,
) -> None:
    (placed,) = await intake_on(stores[0]).place([order()])
    async with stores[0].transaction() as tx:
        (subject_id,) = (await tx.find_subjects([hasher.hash(CLIENT)])).values()
    await switch(stores[0], subject_id, SubscriptionStopped)
    conn.execute("DELETE FROM subject_states")
    (row,) = await claims.claim([to_claim(placed, subject_id)], "gateway")
    assert row.withheld is WithheldReason.OPTED_OUT


async def test_a_stopped_broadcast_or_order_is_withheld(
    stores: list[PostgresStore],
    claims: PostgresClaims,
    hasher: SubjectHasher,
    conn: psycopg.Connection,
) -> None:
    broadcast_id = uuid4()
    conn.execute("INSERT INTO broadcasts VALUES (%s, 'running')", [broadcast_id])
    single, part = await intake_on(stores[0]).place([order(), order(broadcast_id=broadcast_id)])
    async with stores[0].transaction() as tx:
        (subject_id,) = (await tx.find_subjects([hasher.hash(CLIENT)])).values()
    asked = [to_claim(one, subject_id) for one in (single, part)]
    rows = await claims.claim(asked, "gateway")
    assert [(row.withheld, row.text) for row in rows] == [(None, "Заявка 7 выполнена.")] * 2
    for state, reason in (
        ("paused", WithheldReason.PAUSED),
        ("cancelled", WithheldReason.CANCELLED),
        ("running", None),
    ):
        conn.execute("UPDATE broadcasts SET state = %s", [state])
        assert await claims.withheld(asked) == [None, reason]
    states = await dispatcher(stores[0], hasher).cancel([single.order_id])
    assert states == {single.order_id: OrderState.CANCELLED}
    assert await claims.withheld(asked) == [WithheldReason.CANCELLED, None]


def dispatcher(store: Store, hasher: SubjectHasher, hours: int = 0) -> Dispatcher:
    return Dispatcher(
        store, hasher, TopicNames(), sender="SCSERV", clock=lambda: NOON + timedelta(hours=hours)
    )


async def test_a_scheduled_order_is_queued_once_when_it_is_due(
    stores: list[PostgresStore], hasher: SubjectHasher, conn: psycopg.Connection
) -> None:
    later = order(not_before=NOON + timedelta(hours=2))
    (placed,) = await intake_on(stores[0]).place([later])
    assert placed.state is OrderState.SCHEDULED
    assert await dispatcher(stores[0], hasher, hours=1).dispatch_due() == 0
    assert conn.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    two = [dispatcher(store, hasher, hours=2).dispatch_due() for store in stores[:2]]
    assert sum(await asyncio.gather(*two)) == 1
    assert conn.execute("SELECT count(*) FROM outbox").fetchone() == (1,)
    assert conn.execute("SELECT state, due_at FROM orders").fetchone() == ("queued", None)


async def test_a_scheduled_order_that_is_too_late_expires(
    stores: list[PostgresStore], hasher: SubjectHasher, conn: psycopg.Connection
) -> None:
    later = order(not_before=NOON + timedelta(hours=2), expires_at=NOON + timedelta(hours=3))
    await intake_on(stores[0]).place([later])
    assert await dispatcher(stores[0], hasher, hours=3).dispatch_due() == 1
    assert conn.execute("SELECT state FROM orders").fetchone() == ("expired",)
    types = conn.execute("SELECT type FROM events ORDER BY position").fetchall()
    assert types == [("order.accepted",), ("order.expired",)]
    assert conn.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
