"""Messages between two gateways: claimed by one that is gone, or given up to the next."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition

from inbound.smpp.status import Status
from inbound.store.claims.rows import ClaimRow, RecordedResult, ToClaim
from schemas.messages import MobileTerminated, Outcome
from streams.outbox.claims import Claimer
from streams.outbox.phases import EarlierClaim, Fetched
from streams.outbox.resend_policy import MAX_PAUSE_S
from tests.integration.streams.outbox.bench import (
    BROADCAST,
    DEAD_GATEWAY,
    GATEWAY,
    Bench,
    Person,
    open_bench,
)
from tests.integration.streams.outbox.reactions import (
    SILENT,
    held_until,
    outline,
    parts_to,
    reacts,
)
from tests.patience import PATIENCE_S


@pytest.fixture
def grace_over(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set it when the grace for results of another gateway is over; no clock ends it."""
    look_up, over = Claimer.look_up, asyncio.Event()

    async def later(self: Claimer, fetched: Fetched, result_due: float) -> EarlierClaim:
        await over.wait()
        return await look_up(self, fetched, min(result_due, 0.0))

    monkeypatch.setattr(Claimer, "look_up", later)
    return over


# -- claimed before by a gateway that is gone ----------------------------------------------


async def test_what_was_sent_and_processed_is_not_sent_again(bench: Bench) -> None:
    person = bench.person()
    message = bench.owe(person)
    await bench.claims.claim([ToClaim(message.message_id, person.subject_id)], DEAD_GATEWAY)
    bench.processed(message)
    bench.offer(message)
    await bench.forgotten()
    assert not bench.script.submitted
    assert not bench.published.results


async def test_a_result_that_is_still_on_its_way_is_waited_for(
    bench: Bench, grace_over: asyncio.Event
) -> None:
    person, other = bench.person(), bench.person()
    message = bench.owe(person)
    await bench.claims.claim([ToClaim(message.message_id, person.subject_id)], DEAD_GATEWAY)
    bench.offer(message)
    # ClaimRow with it, and sent at once: so the first look at the state has been.
    await bench.result(bench.offer(bench.owe(other)))
    bench.processed(message)
    grace_over.set()
    await bench.forgotten()
    assert not bench.script.to(person.number)


async def test_a_result_that_the_dead_gateway_recorded_is_published_for_it(
    bench: Bench, grace_over: asyncio.Event
) -> None:
    """It sent the message and was killed while Kafka and the worker were away."""
    first, second = bench.person(), bench.person()
    messages = [bench.owe(first), bench.owe(second)]
    for person, message in zip((first, second), messages, strict=True):
        await bench.claims.claim([ToClaim(message.message_id, person.subject_id)], DEAD_GATEWAY)
    done = {"outcome": "submitted", "centre": "main", "bind": "main-2", "gateway": DEAD_GATEWAY}
    recorded = [
        RecordedResult(message.message_id, 1, json.dumps(done | {"at": bench.now[0].isoformat()}))
        for message in messages
    ]
    await bench.claims.record(recorded[:1])
    bench.offer(messages[0])
    [result] = await bench.results_until(messages[0])
    assert (result.gateway, result.bind, result.attempt) == (DEAD_GATEWAY, "main-2", 1)
    # It is recorded only after this gateway has claimed the message, and looked.
    bench.offer(messages[1])
    await bench.until(lambda: bool(bench.queues.ready) or bench.holds(messages[1]))
    await bench.claims.record(recorded[1:])
    grace_over.set()
    [result] = await bench.results_until(messages[1])
    assert result.gateway == DEAD_GATEWAY
    await bench.forgotten()
    assert not bench.script.submitted


async def test_what_was_processed_ends_without_waiting_for_a_bind(bench: Bench) -> None:
    bench.esme.back_off(60)
    person = bench.person()
    messages = [bench.owe(person) for _ in range(50)]
    pairs = [ToClaim(message.message_id, person.subject_id) for message in messages]
    await bench.claims.claim(pairs, DEAD_GATEWAY)
    bench.processed(messages[-1])
    for message in messages:
        bench.offer(message)
    await bench.forgotten()


async def test_what_may_have_been_sent_is_unknown_and_a_reply_goes_again(bench: Bench) -> None:
    person = bench.person()
    message = bench.owe(person, "registration")
    await bench.claims.claim([ToClaim(message.message_id, person.subject_id)], DEAD_GATEWAY)
    results = await bench.results_until(bench.offer(message))
    assert outline(results) == [(Outcome.UNKNOWN, False, 1), (Outcome.SUBMITTED, True, 2)]
    assert len(bench.script.texts_to(person.number)) == 1


async def test_what_may_have_been_sent_is_unknown_and_a_broadcast_stays(bench: Bench) -> None:
    person = bench.person()
    message = bench.owe(person, BROADCAST)
    await bench.claims.claim([ToClaim(message.message_id, person.subject_id)], DEAD_GATEWAY)
    results = await bench.results_until(bench.offer(message))
    assert outline(results) == [(Outcome.UNKNOWN, True, 1)]
    assert not bench.script.submitted


async def begun(bench: Bench) -> tuple[Person, MobileTerminated]:
    """Return a message that waits with one part taken and one refused for now."""
    person = bench.person()
    bench.script.fault = reacts(0, Status.ESME_RTHROTTLED)
    message = bench.offer(bench.owe(person, "registration"))
    await bench.script.until(lambda: len(bench.script.to(person.number)) == 2, "two parts")
    await bench.until(lambda: len(bench.queues.ready) == 1)
    return person, message


async def given_up_in_flight(bench: Bench) -> tuple[Person, asyncio.Event]:
    """Give up the partition of somebody whose first part is answered once the event is set."""
    person = bench.person()
    answer_it = asyncio.Event()
    bench.script.fault = held_until(answer_it, person)
    bench.offer(bench.owe(person, "registration"))
    await bench.script.until(lambda: bool(bench.script.to(person.number)), "the first part")
    await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=0.01)
    return person, answer_it


async def withdrawing(bench: Bench, within_s: float = PATIENCE_S) -> asyncio.Task[None]:
    """Begin to give up the partition, and return with what is not begun handed over."""
    partitions = {TopicPartition("lane-1", 0)}
    task = asyncio.create_task(bench.sender.withdraw(partitions, within_s=within_s))
    await asyncio.sleep(0)
    return task


# -- giving partitions up --------------------------------------------------------------------


async def test_unsent_messages_are_given_back(bench: Bench) -> None:
    bench.esme.back_off(60)
    mine = [bench.offer(bench.owe(bench.person()), partition=0) for _ in range(20)]
    kept = bench.offer(bench.owe(bench.person()), partition=1, lane=0)
    await bench.until(lambda: bench.holds(kept))
    await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=PATIENCE_S)
    assert bench.store.tables.claims == {kept.message_id: (1, GATEWAY)}
    bench.esme._backoff_until = 0
    await bench.result(bench.offer(mine[0], partition=1))
    assert bench.published.results[-1].attempt == 1


async def test_what_was_sent_in_part_is_finished(bench: Bench) -> None:
    person, message = await begun(bench)
    await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=PATIENCE_S)
    assert outline(bench.published.results) == [(Outcome.SUBMITTED, True, 1)]
    assert parts_to(bench, person) == [1, 2, 2, 3]
    assert bench.holds(message)


async def test_what_could_not_be_finished_in_time_is_left_to_the_next_owner(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, message = await begun(bench)
    with monkeypatch.context() as held_back:
        held_back.setattr(bench.esme, "_delay", lambda: 0.01)
        await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=0.01)
    await bench.result(bench.offer(bench.owe(bench.person()), partition=1))
    assert parts_to(bench, person) == [1, 2]
    assert bench.holds(message)


async def test_whoever_was_given_up_is_served_when_the_partition_comes_back(bench: Bench) -> None:
    person, first = await begun(bench)
    bench.esme.back_off(0.2)
    await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=0.01)
    bench.offer(first)
    following = bench.offer(bench.owe(person))
    bench.processed(first)
    assert (await bench.result(following)).outcome is Outcome.SUBMITTED


async def test_what_was_in_flight_when_given_up_holds_nobody_up_for_ever(bench: Bench) -> None:
    person, answer_it = await given_up_in_flight(bench)
    following = bench.offer(bench.owe(person))
    bench.script.fault = None
    answer_it.set()
    assert (await bench.result(following)).outcome is Outcome.SUBMITTED


async def test_a_part_that_is_answered_after_that_is_the_last(bench: Bench) -> None:
    person, answer_it = await given_up_in_flight(bench)
    answer_it.set()
    await bench.result(bench.offer(bench.owe(bench.person()), partition=1))
    assert parts_to(bench, person) == [1]


async def test_what_is_being_claimed_is_given_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, asked, go_on = bench.claims.claim, asyncio.Event(), asyncio.Event()

    async def slow(messages: Sequence[ToClaim], gateway: str) -> Sequence[ClaimRow]:
        asked.set()
        await go_on.wait()
        return await claim(messages, gateway)

    monkeypatch.setattr(bench.claims, "claim", slow)
    bench.offer(bench.owe(bench.person()))
    await asked.wait()
    withdrawn = await withdrawing(bench)
    go_on.set()
    await withdrawn
    assert not bench.store.tables.claims


async def test_what_another_gateway_claimed_costs_no_attempt_when_it_is_given_up(
    bench: Bench, grace_over: asyncio.Event
) -> None:
    person = bench.person()
    message = bench.owe(person)
    await bench.claims.claim([ToClaim(message.message_id, person.subject_id)], DEAD_GATEWAY)
    bench.offer(message)
    # ClaimRow with it, and sent at once: so the other one is being settled.
    await bench.result(bench.offer(bench.owe(bench.person()), partition=1))
    withdrawn = await withdrawing(bench)
    grace_over.set()
    await withdrawn
    following = bench.offer(bench.owe(person), partition=1)
    assert (await bench.result(following)).outcome is Outcome.SUBMITTED
    assert bench.store.tables.claims[message.message_id] == (1, DEAD_GATEWAY)
    assert message.message_id not in {result.message_id for result in bench.published.results}


async def test_another_gateways_claim_is_not_given_back(bench: Bench) -> None:
    bench.esme.back_off(60)
    person = bench.person()
    message = bench.owe(person)
    await bench.claims.claim([ToClaim(message.message_id, person.subject_id)], DEAD_GATEWAY)
    bench.offer(message)
    own = bench.offer(bench.owe(bench.person()))
    await bench.until(lambda: bench.holds(own))
    await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=PATIENCE_S)
    assert bench.store.tables.claims == {message.message_id: (1, DEAD_GATEWAY)}


async def test_what_was_sent_is_waited_for(bench: Bench) -> None:
    message = bench.offer(bench.owe(bench.person()))
    await bench.script.until(lambda: bool(bench.script.submitted), "the message")
    await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=PATIENCE_S)
    assert outline(bench.published.results) == [(Outcome.SUBMITTED, True, 1)]
    assert bench.holds(message)


# -- pauses before the next attempt ----------------------------------------------------------


async def pausing(bench: Bench) -> tuple[Person, MobileTerminated]:
    """Return a message that pauses, because the SMS centre has not answered its first attempt."""
    person = bench.person()
    bench.script.fault = reacts(SILENT)
    message = bench.offer(bench.owe(person))
    await bench.result(message, final=False)
    return person, message


async def test_a_pause_ends_when_the_partition_is_handed_over() -> None:
    async with open_bench(first_pause_s=MAX_PAUSE_S) as bench:
        person, _ = await pausing(bench)
        await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=PATIENCE_S)
        assert outline(bench.published.results) == [
            (Outcome.UNKNOWN, False, 1),
            (Outcome.SUBMITTED, True, 2),
        ]
        assert len(bench.script.to(person.number)) == 2


async def test_a_pause_that_begins_after_that_takes_no_attempt_of_the_next_owner() -> None:
    async with open_bench(first_pause_s=MAX_PAUSE_S) as bench:
        person = bench.person()
        end_silence = bench.stay_silent_to(person)
        message = bench.offer(bench.owe(person))
        await bench.script.until(lambda: bool(bench.script.to(person.number)), "the message")
        withdrawn = await withdrawing(bench, within_s=1)  # a pause that begins now lasts longer
        end_silence()
        await withdrawn
        assert outline(bench.published.results) == [(Outcome.UNKNOWN, False, 1)]
        assert bench.store.tables.claims == {message.message_id: (1, GATEWAY)}
        # The next message of the person, from another partition, need not wait for it.
        following = bench.offer(bench.owe(person), partition=1)
        assert (await bench.result(following)).outcome is Outcome.SUBMITTED
        assert bench.store.tables.claims[message.message_id] == (1, GATEWAY)


async def test_a_sender_that_stops_takes_no_attempt_for_what_pauses() -> None:
    async with open_bench(first_pause_s=MAX_PAUSE_S) as bench:
        _, message = await pausing(bench)
    assert bench.store.tables.claims == {message.message_id: (1, GATEWAY)}
