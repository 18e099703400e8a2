"""Messages above an account's rate wait for their turn, in order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inbound.orders.pacing import Pacing
from inbound.orders.ports import Placed
from inbound.store.orders.rows import Account
from inbound.store.transactions.memory import MemoryStore
from schemas.order_events import OrderAccepted
from schemas.order_facts import OrderFacts
from schemas.orders import OrderKind, OrderState, RefusalReason
from schemas.sending_hours import SendingHours
from tests.fix_orders import NOON, intake_on, order


async def place(
    store: MemoryStore, *, at: datetime = NOON, count: int = 1, **fields: Any
) -> Sequence[Placed]:
    orders = [order(**fields) for _ in range(count)]
    return await intake_on(store, clock=lambda: at).place(orders)


def store_with(rate: int | None) -> MemoryStore:
    store = MemoryStore()
    account = store.tables.accounts["default"]
    store.tables.accounts["default"] = replace(account, rate_per_s=rate)
    return store


def due_times(store: MemoryStore) -> list[datetime]:
    return [row.due_at or row.created_at for row in store.tables.orders.values()]


async def test_a_second_s_worth_goes_at_once_and_the_rest_in_turn() -> None:
    store = store_with(5)
    placed = await place(store, count=9)
    assert [one.state for one in placed] == [*6 * [OrderState.QUEUED], *3 * [OrderState.SCHEDULED]]
    waits = [due - NOON for due in due_times(store)][6:]
    assert waits == [timedelta(seconds=n / 5) for n in (1, 2, 3)]
    (next_one,) = await place(store, at=NOON + timedelta(seconds=10))
    assert next_one.state is OrderState.QUEUED


async def test_broadcasts_and_later_messages_take_no_part() -> None:
    store = store_with(1)
    later = NOON + timedelta(hours=1)
    await place(store, count=20, not_before=later)
    placed = await place(store, count=20, kind=OrderKind.BROADCAST)
    assert {one.state for one in placed} == {OrderState.QUEUED}
    assert set(due_times(store)) == {later, NOON}
    (one,) = await place(store)
    assert one.state is OrderState.QUEUED


async def test_a_message_for_later_waits_for_its_turn_too_if_that_is_later() -> None:
    store = store_with(1)
    await place(store, count=10)
    await place(store, not_before=NOON + timedelta(seconds=1))
    assert due_times(store)[-1] == NOON + timedelta(seconds=9)
    opens = NOON + timedelta(hours=1)
    await place(store, hours=SendingHours.parse("13:00-14:00", "UTC"))
    await place(store)
    assert due_times(store)[-2:] == [opens, NOON + timedelta(seconds=10)]


async def test_a_message_that_would_wait_too_long_is_refused_and_takes_no_room() -> None:
    store = store_with(1)
    await place(store, count=5)
    soon = NOON + timedelta(seconds=2)
    (refused,) = await place(store, expires_at=soon)
    assert refused.reason is RefusalReason.EXPIRED
    before = due_times(store)
    await place(store)
    assert due_times(store)[-1] - before[4] == timedelta(seconds=1)


async def test_without_a_rate_nothing_waits() -> None:
    placed = await place(store_with(None), count=50)
    assert {one.state for one in placed} == {OrderState.QUEUED}


@given(
    rate=st.sampled_from([1, 3, 50]),
    batches=st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 30)), max_size=6),
)
def test_in_any_second_at_most_two_seconds_worth_is_due(
    rate: int, batches: list[tuple[int, int]]
) -> None:
    now, free_at = NOON, None
    due: list[datetime] = []
    for wait_ms, count in batches:
        now += timedelta(milliseconds=wait_ms)
        account = Account("default", rate_per_s=rate, free_at=free_at)
        pacing = Pacing({"default": account}, now)
        for _ in range(count):
            turn = pacing.turn(order()) or now
            due.append(turn)
            pacing.accept(order(), accepted_at(turn, now))
        free_at = pacing.free_at["default"]
    assert all(one <= other for one, other in pairwise(due))
    for start in due:
        window = [one for one in due if start <= one < start + timedelta(seconds=1)]
        assert len(window) <= 2 * rate + 1


def accepted_at(turn: datetime, now: datetime) -> OrderAccepted:
    facts = OrderFacts.model_construct(free_at=turn if turn > now else None)
    return OrderAccepted.model_construct(due_at=turn, facts=facts)
