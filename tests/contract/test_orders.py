"""What becomes of placed orders, on every adapter of the store."""

from datetime import timedelta
from uuid import uuid4

import pytest

from inbound.handlers.state import read_state
from inbound.keys import SubjectHasher
from inbound.orders.dispatch import Dispatcher
from inbound.store.orders.rows import usage_keys
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store
from inbound.subjects import StateCache, Subjects
from schemas.events import SubscriptionStopped
from schemas.order_events import OrderRefused
from schemas.orders import OrderKind, OrderState, RefusalReason
from schemas.topics import TopicNames
from tests.fix_orders import CLIENT, NOON, STRANGER, intake_on, order


async def opt_out(store: Store, hasher: SubjectHasher, number: str = CLIENT) -> None:
    async with store.transaction() as tx:
        (subject_id,) = (await tx.subjects({hasher.hash(number): number})).values()
        subjects = Subjects(tx, StateCache())
        await subjects.load([subject_id])
        stopped = SubscriptionStopped(request_id=uuid4(), at=NOON)
        subjects.append(subject_id, [stopped], None)
        await tx.write(Changes(events=subjects.events, states=subjects.states()))


async def test_an_accepted_order_is_an_event_a_row_and_a_message(
    store: Store, hasher: SubjectHasher
) -> None:
    (placed,) = await intake_on(store).place([order()])
    assert (placed.state, placed.reason, placed.parts) == (OrderState.QUEUED, None, 1)
    async with store.transaction() as tx:
        row = (await tx.orders([placed.order_id]))[placed.order_id]
        (recorded,) = await tx.read_events(0, 10)
        subjects = await tx.find_subjects([hasher.hash(CLIENT)])
        states = await tx.states(list(subjects.values()))
    assert row.state is OrderState.QUEUED
    assert {row.subject_id} == set(subjects.values()) == {recorded.stream_id}
    assert recorded.type == "order.accepted"
    assert CLIENT[2:] not in str(recorded.data)
    (state,) = states.values()
    assert list(read_state(state.state).orders) == [placed.order_id]


async def test_service_messages_alone_ignore_an_opt_out(
    store: Store, hasher: SubjectHasher
) -> None:
    await opt_out(store, hasher)
    placed = await intake_on(store).place([order(), order(kind=OrderKind.SERVICE)])
    assert [one.reason for one in placed] == [RefusalReason.OPTED_OUT, None]
    assert [one.state for one in placed] == [OrderState.REFUSED, OrderState.QUEUED]


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        ({"phone": "12"}, RefusalReason.NOT_A_MOBILE_NUMBER),
        ({"client_id": "c-9"}, RefusalReason.RECIPIENT_UNKNOWN),
        ({"subject_id": uuid4()}, RefusalReason.RECIPIENT_UNKNOWN),
    ],
)
async def test_an_order_to_nobody_has_a_stream_of_its_own(
    store: Store, recipient: dict[str, object], reason: RefusalReason
) -> None:
    (placed,) = await intake_on(store).place([order(**recipient)])
    assert placed.reason is reason
    async with store.transaction() as tx:
        (recorded,) = await tx.read_events(0, 10)
    assert (recorded.stream_id, recorded.type) == (placed.order_id, "order.refused")


async def test_a_client_id_leads_to_its_number(store: Store, hasher: SubjectHasher) -> None:
    (placed,) = await intake_on(store).place([order(client_id="c-1")])
    async with store.transaction() as tx:
        row = (await tx.orders([placed.order_id]))[placed.order_id]
        assert await tx.find_subjects([hasher.hash(CLIENT)]) == {
            hasher.hash(CLIENT): row.subject_id
        }
    (again,) = await intake_on(store).place([order(subject_id=row.subject_id)])
    assert again.state is OrderState.QUEUED


async def test_the_same_key_is_the_same_order(store: Store) -> None:
    intake = intake_on(store)
    keyed = order(idempotency_key="k-1")
    first, twin = await intake.place([keyed, keyed])
    (later,) = await intake.place([keyed])
    (other,) = await intake.place([order(idempotency_key="k-1", text="Другой текст")])
    assert first.order_id == twin.order_id == later.order_id
    assert [one.is_repeated for one in (first, twin, later)] == [False, True, True]
    assert later.state is OrderState.QUEUED
    assert other.reason is RefusalReason.IDEMPOTENCY_KEY_REUSED
    assert other.order_id != first.order_id
    async with store.transaction() as tx:
        accepted, refused = await tx.read_events(0, 10)
        rows = await tx.orders([first.order_id, other.order_id])
    assert rows[first.order_id].state is OrderState.QUEUED
    assert rows[other.order_id].state is OrderState.REFUSED
    assert (accepted.type, refused.type) == ("order.accepted", "order.refused")
    assert refused.stream_id == accepted.stream_id
    facts = OrderRefused.model_validate_json(refused.data).facts
    assert facts.earlier_order_id == first.order_id


async def test_a_stranger_to_whom_nothing_may_be_sent_is_not_remembered(
    store: Store, hasher: SubjectHasher
) -> None:
    (placed,) = await intake_on(store).place([order(phone=STRANGER, account="nobody")])
    assert placed.reason is RefusalReason.ACCOUNT_UNKNOWN
    async with store.transaction() as tx:
        assert not await tx.find_subjects([hasher.hash(STRANGER)])
    (placed,) = await intake_on(store).place([order(phone=STRANGER)])
    assert placed.reason is RefusalReason.RECIPIENT_NOT_A_CLIENT
    async with store.transaction() as tx:
        assert not await tx.find_subjects([hasher.hash(STRANGER)])


async def test_an_order_that_ends_unsent_gives_its_place_in_the_limits_back(
    store: Store, hasher: SubjectHasher
) -> None:
    later = NOON + timedelta(hours=1)
    (placed,) = await intake_on(store).place([order(not_before=later)])
    dispatcher = Dispatcher(store, hasher, TopicNames(), sender="SCSERV", clock=lambda: NOON)
    used = []
    for _ in range(2):
        async with store.transaction() as tx:
            accounts = await tx.accounts(["default"], lock=False)
            counters = await tx.usage(usage_keys(accounts["default"], NOON))
        used.append(sorted(counters.values()))
        await dispatcher.cancel([placed.order_id])
    assert used == [[1, 1, 1], [0, 0, 0]]
    async with store.transaction() as tx:
        assert (await tx.orders([placed.order_id]))[placed.order_id].refunded
