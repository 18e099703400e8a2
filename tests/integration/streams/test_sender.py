"""Each message once; what was sent and not answered is `unknown`, said so, and policy decides."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest
from aiokafka import TopicPartition

from inbound.smpp.esme import Esme
from inbound.smpp.message_ids import IdForm
from inbound.smpp.pdu import SubmitSm, SubmitSmResp
from inbound.smpp.rate import TokenBucket
from inbound.smpp.segmentation import part_of
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status
from inbound.smsc.faults import Proceed
from inbound.store.rows import Claimed
from schemas.messages import Outcome, SubmitResult
from streams import links, submitting
from tests.e2e.script import Fault
from tests.integration.streams.bench import (
    BROADCAST,
    DEAD_GATEWAY,
    GATEWAY,
    LONG_BROADCAST,
    WINDOW,
    Bench,
    Person,
    open_bench,
)

SILENT = None
Reaction = int | None


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with open_bench() as bench:
        yield bench


def reacts(*reactions: Reaction) -> Fault:
    """Answer the first submit_sm with these statuses (`SILENT`: not at all), then as usual."""
    left = list(reactions)

    async def fault(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        status = left.pop(0) if left else Status.ESME_ROK
        if status is SILENT:
            return None
        return pdu.answer(status) if status else await proceed(pdu, session)

    return fault


def held_until(event: asyncio.Event, *people: Person) -> Fault:
    """Answer what goes to these people once the event is set, and all others at once."""
    numbers = {person.number[1:] for person in people}

    async def fault(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        if pdu.destination_addr in numbers and not event.is_set():
            return asyncio.ensure_future(later(pdu, session, proceed))
        return await proceed(pdu, session)

    async def later(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        await event.wait()
        return await proceed(pdu, session)

    return fault


def outline(results: Iterable[SubmitResult]) -> list[tuple[Outcome, bool, int]]:
    return [(result.outcome, result.final, result.attempt) for result in results]


def told(result: SubmitResult) -> list[tuple[int, int | None, str]]:
    return [(one.part, one.status, one.bind) for one in result.attempts or ()]


def parts_to(bench: Bench, person: Person) -> list[int]:
    """Which part each submit_sm to a person carried, in order."""
    return [submit.part.sequence for submit in bench.script.to(person.number) if submit.part]


# -- answers -----------------------------------------------------------------------------


async def test_an_answer_ends_it(bench: Bench) -> None:
    person = bench.person()
    message = bench.offer(bench.owe(person, "registration"))
    result = await bench.result(message)
    assert outline([result]) == [(Outcome.SUBMITTED, True, 1)]
    assert [part.status for part in result.parts] == [0, 0, 0]
    assert len({part.smsc_message_id for part in result.parts}) == 3
    [text] = bench.script.texts_to(person.number)
    assert "1a2b3c4d" in text
    await bench.forgotten()


async def test_the_same_message_from_kafka_again_is_left(bench: Bench) -> None:
    person = bench.person()
    message = bench.owe(person)
    bench.offer(message)
    bench.offer(message)
    await bench.result(message)
    bench.offer(message)
    await bench.forgotten()
    assert len(bench.script.to(person.number)) == 1


async def test_no_answer_is_unknown_and_a_reply_goes_again(bench: Bench) -> None:
    person = bench.person()
    bench.script.fault = reacts(SILENT)
    message = bench.offer(bench.owe(person))
    results = await bench.results_until(message)
    assert outline(results) == [(Outcome.UNKNOWN, False, 1), (Outcome.SUBMITTED, True, 2)]
    assert [part.status for part in results[0].parts] == [None]
    assert len(bench.script.to(person.number)) == 2


async def test_no_answer_is_unknown_and_a_broadcast_does_not_go_again(bench: Bench) -> None:
    person = bench.person()
    bench.script.fault = reacts(SILENT)
    message = bench.offer(bench.owe(person, BROADCAST))
    assert outline(await bench.results_until(message)) == [(Outcome.UNKNOWN, True, 1)]
    assert len(bench.script.to(person.number)) == 1


async def test_a_reply_goes_three_times_and_no_more(bench: Bench) -> None:
    person = bench.person()
    bench.script.fault = reacts(SILENT, SILENT, SILENT)
    message = bench.offer(bench.owe(person))
    assert outline(await bench.results_until(message)) == [
        (Outcome.UNKNOWN, False, 1),
        (Outcome.UNKNOWN, False, 2),
        (Outcome.UNKNOWN, True, 3),
    ]
    assert len(bench.script.to(person.number)) == 3


async def test_only_the_unanswered_part_goes_again_and_the_rest_behind_it(bench: Bench) -> None:
    person = bench.person()
    bench.script.fault = reacts(0, SILENT, 0)
    message = bench.offer(bench.owe(person, "registration"))
    results = await bench.results_until(message)
    assert outline(results) == [(Outcome.UNKNOWN, False, 1), (Outcome.SUBMITTED, True, 2)]
    assert parts_to(bench, person) == [1, 2, 2, 3]
    assert [part.status for part in results[-1].parts] == [0, 0, 0]


async def test_what_does_not_go_twice_is_still_sent_as_far_as_it_never_went(bench: Bench) -> None:
    person = bench.person()
    bench.script.fault = reacts(0, SILENT, 0)
    message = bench.offer(bench.owe(person, LONG_BROADCAST))
    (result,) = await bench.results_until(message)
    assert outline([result]) == [(Outcome.UNKNOWN, True, 1)]
    assert [part.status for part in result.parts] == [0, None, 0]
    assert parts_to(bench, person) == [1, 2, 3]


async def test_a_refusal_for_good_is_rejected(bench: Bench) -> None:
    person = bench.person()
    bench.script.fault = reacts(Status.ESME_RINVDSTADR)
    message = bench.offer(bench.owe(person))
    result = await bench.result(message)
    assert outline([result]) == [(Outcome.REJECTED, True, 1)]
    assert [part.status for part in result.parts] == [Status.ESME_RINVDSTADR]
    assert len(bench.script.to(person.number)) == 1


async def test_what_was_throttled_goes_later_and_nothing_twice(bench: Bench) -> None:
    person = bench.person()
    bench.script.fault = reacts(0, Status.ESME_RTHROTTLED, 0)
    message = bench.offer(bench.owe(person, "registration"))
    assert outline(await bench.results_until(message)) == [(Outcome.SUBMITTED, True, 1)]
    assert parts_to(bench, person) == [1, 2, 2, 3]
    numbers = [submit.pdu.sequence for submit in bench.script.to(person.number)]
    assert len(set(numbers)) == 4


class _Counting(TokenBucket):
    taken = 0

    def take(self) -> None:
        self.taken += 1


async def test_every_part_counts_for_the_rate_also_when_it_goes_again(bench: Bench) -> None:
    bench.esme._bucket = counted = _Counting(0, time.monotonic)
    bench.script.fault = reacts(0, Status.ESME_RTHROTTLED)
    await bench.result(bench.offer(bench.owe(bench.person(), "registration")))
    assert counted.taken == 4


@pytest.mark.parametrize("refusal", [Status.ESME_RMSGQFUL, Status.ESME_RSYSERR])
async def test_no_part_overtakes_another_however_the_centre_refuses(
    bench: Bench, refusal: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "RETRY_PAUSE_S", 0.01)
    draw, taken = Random(7), list[tuple[str, int]]()

    async def fault(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        if draw.random() < 0.4:
            return pdu.answer(refusal)
        part = part_of(pdu)
        taken.append((pdu.destination_addr, part.sequence if part else 0))
        return await proceed(pdu, session)

    monkeypatch.setattr(links, "LONGEST_PAUSE_S", 0.01)
    bench.script.fault = fault
    people = [bench.person() for _ in range(12)]
    messages = [bench.offer(bench.owe(person, "registration")) for person in people]
    for message in messages:
        await bench.result(message)
    for person in people:
        assert [part for number, part in taken if number == person.number[1:]] == [1, 2, 3]


async def test_others_go_between_the_parts_of_a_message(bench: Bench) -> None:
    long, short = bench.person(), bench.person()
    went_on = asyncio.Event()
    bench.script.fault = held_until(went_on, long)
    message = bench.offer(bench.owe(long, "registration"))
    await bench.script.until(lambda: bool(bench.script.to(long.number)), "the first part")
    bench.offer(bench.owe(short))
    await bench.script.until(lambda: bool(bench.script.to(short.number)), "the other's message")
    assert parts_to(bench, long) == [1]
    went_on.set()
    await bench.result(message)


async def test_the_rest_of_a_message_is_not_sent_once_a_part_was_refused(bench: Bench) -> None:
    person = bench.person()
    bench.script.fault = reacts(0, Status.ESME_RINVDSTADR)
    result = await bench.result(bench.offer(bench.owe(person, "registration")))
    assert outline([result]) == [(Outcome.REJECTED, True, 1)]
    assert parts_to(bench, person) == [1, 2]


async def test_broadcasts_that_nobody_answers_leave_room_for_an_acknowledgement(
    bench: Bench,
) -> None:
    bench.script.fault = reacts(*[SILENT] * (WINDOW - 1))
    for _ in range(2 * WINDOW):
        bench.offer(bench.owe(bench.person(), BROADCAST), lane=2)
    await bench.script.until(lambda: len(bench.script.submitted) == WINDOW - 1, "broadcasts")
    acknowledgement = bench.offer(bench.owe(bench.person()), lane=0)
    await bench.result(acknowledgement)
    # Before the first broadcast was given up.
    assert bench.published.results[0].message_id == acknowledgement.message_id


async def test_every_submit_that_settled_nothing_is_told(bench: Bench) -> None:
    bench.script.fault = reacts(Status.ESME_RTHROTTLED, SILENT, Status.ESME_RMSGQFUL)
    began = bench.now[0]
    message = bench.offer(bench.owe(bench.person()))
    unknown, submitted = await bench.results_until(message)
    assert told(unknown) == [(1, Status.ESME_RTHROTTLED, "main-1"), (1, None, "main-1")]
    assert told(submitted) == [(1, Status.ESME_RMSGQFUL, "main-1")]
    assert [part.status for part in unknown.parts] == [None]
    assert (unknown.sent_at, submitted.sent_at, submitted.gateway) == (began, began, GATEWAY)


async def test_the_result_says_how_the_centre_writes_its_ids(bench: Bench) -> None:
    (link,) = bench.sender._links
    message = bench.offer(bench.owe(bench.person()))
    assert (await bench.result(message)).id_form is None
    link.answer_ids = IdForm.DECIMAL
    assert (await bench.result(bench.offer(bench.owe(bench.person())))).id_form == "decimal"


async def test_in_the_normal_case_nothing_is_told_but_when_and_by_whom(bench: Bench) -> None:
    result = await bench.result(bench.offer(bench.owe(bench.person())))
    assert (result.attempts, result.attempts_left_out) == (None, None)
    assert (result.sent_at, result.gateway) == (bench.now[0], GATEWAY)


async def test_one_persons_trouble_is_not_everybodys(bench: Bench) -> None:
    troubled, other = bench.person(), bench.person()
    refused = asyncio.Event()

    async def fault(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        if f"+{pdu.destination_addr}" != troubled.number:
            return await proceed(pdu, session)
        refused.set()
        return pdu.answer(Status.ESME_RDELIVERYFAILURE)

    bench.script.fault = fault
    bench.offer(bench.owe(troubled))
    async with asyncio.timeout(5):
        await refused.wait()
    for _ in range(5):
        await bench.result(bench.offer(bench.owe(other)))
    assert len(bench.script.to(troubled.number)) == 1


# -- the link ----------------------------------------------------------------------------


async def test_a_link_lost_after_writing_is_unknown(bench: Bench) -> None:
    person = bench.person()
    cut = [True]

    async def fault(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        if cut:
            cut.clear()
            session.abort("the script cuts the link")
            return None
        return await proceed(pdu, session)

    bench.script.fault = fault
    message = bench.offer(bench.owe(person))
    results = await bench.results_until(message)
    assert outline(results) == [(Outcome.UNKNOWN, False, 1), (Outcome.SUBMITTED, True, 2)]


class _LosesTheLink(Esme):
    """Loses its link in the moment between the first submit and its first octet on the wire."""

    lost = 0

    def submit(self, pdu: SubmitSm) -> "asyncio.Future[SubmitSmResp]":
        answer = super().submit(pdu)
        if not self.lost and self.session is not None:
            self.lost += 1
            self.session.abort("the link is lost")
        return answer


async def test_a_link_lost_before_writing_costs_nothing() -> None:
    async with open_bench(_LosesTheLink) as bench:
        person = bench.person()
        message = bench.offer(bench.owe(person))
        assert outline(await bench.results_until(message)) == [(Outcome.SUBMITTED, True, 1)]
        assert bench.esme.health.reason == "bound"
        assert len(bench.script.to(person.number)) == 1


async def test_after_a_throttle_what_is_most_urgent_goes_first(bench: Bench) -> None:
    bench.script.fault = reacts(Status.ESME_RTHROTTLED)
    bulk, urgent = bench.person(), bench.person()
    bench.offer(bench.owe(bulk, BROADCAST), lane=2)
    await bench.script.until(lambda: bool(bench.script.submitted), "the broadcast")
    await bench.result(bench.offer(bench.owe(urgent), lane=0))
    await bench.script.until(lambda: len(bench.script.submitted) == 3, "the broadcast again")
    order = [submit.number for submit in bench.script.submitted]
    assert order == [bulk.number, urgent.number, bulk.number]


async def test_after_a_reconnect_what_is_most_urgent_goes_first(bench: Bench) -> None:
    await bench.result(bench.offer(bench.owe(bench.person())))
    assert bench.esme.session is not None
    bench.esme.session.abort("the link is lost")
    await bench.esme.session.wait_closed()
    for _ in range(2 * WINDOW):
        bench.offer(bench.owe(bench.person(), BROADCAST), lane=2)
    urgent = bench.person()
    await bench.result(bench.offer(bench.owe(urgent), lane=0))
    assert bench.script.submitted[1].number == urgent.number


# -- order and time -----------------------------------------------------------------------


async def test_a_persons_next_message_waits(bench: Bench) -> None:
    person, other = bench.person(), bench.person()
    answered = asyncio.Event()
    bench.script.fault = held_until(answered, person)
    messages = [bench.offer(bench.owe(person, template)) for template in ("stopped", "started")]
    await bench.script.until(lambda: bool(bench.script.to(person.number)), "the first message")
    bench.offer(bench.owe(other))
    # Sent after the other two were offered, and before the first is answered.
    await bench.script.until(lambda: bool(bench.script.to(other.number)), "the other's message")
    assert len(bench.script.to(person.number)) == 1
    answered.set()
    for message in messages:
        await bench.result(message)
    first, second = bench.script.texts_to(person.number)
    assert "отключены" in first
    assert "включены" in second


async def test_what_is_too_old_is_not_sent(bench: Bench) -> None:
    person = bench.person()
    message = bench.owe(person)
    bench.now[0] = message.not_after + timedelta(seconds=1)
    result = await bench.result(bench.offer(message))
    assert outline([result]) == [(Outcome.EXPIRED, True, 1)]
    assert not bench.script.to(person.number)


# -- erasure -----------------------------------------------------------------------------


async def test_an_erased_person_gets_nothing(bench: Bench) -> None:
    person = bench.person()
    message = bench.owe(person)
    del bench.store.tables.numbers[person.subject_id]
    assert outline([await bench.result(bench.offer(message))]) == [(Outcome.ERASED, True, 1)]
    assert not bench.script.submitted


async def test_an_erased_secret_sends_nothing(bench: Bench) -> None:
    message = bench.owe(bench.person(), "registration")
    bench.store.tables.vault.clear()
    assert outline([await bench.result(bench.offer(message))]) == [(Outcome.ERASED, True, 1)]
    assert not bench.script.submitted


async def test_a_person_erased_while_the_centre_is_silent_gets_nothing_more(bench: Bench) -> None:
    person = bench.person()
    bench.script.fault = reacts(SILENT)
    message = bench.offer(bench.owe(person))
    await bench.script.until(lambda: bool(bench.script.to(person.number)), "the first attempt")
    del bench.store.tables.numbers[person.subject_id]
    assert outline(await bench.results_until(message)) == [
        (Outcome.UNKNOWN, False, 1),
        (Outcome.ERASED, True, 2),
    ]
    assert len(bench.script.to(person.number)) == 1


# -- claimed before by a gateway that is gone ----------------------------------------------


async def test_what_was_sent_and_processed_is_not_sent_again(bench: Bench) -> None:
    person = bench.person()
    message = bench.owe(person)
    await bench.claims.claim([(message.message_id, person.subject_id)], DEAD_GATEWAY)
    bench.processed(message)
    bench.offer(message)
    await bench.forgotten()
    assert not bench.script.submitted
    assert not bench.published.results


async def test_a_result_that_is_still_on_its_way_is_waited_for(bench: Bench) -> None:
    person, other = bench.person(), bench.person()
    message = bench.owe(person)
    await bench.claims.claim([(message.message_id, person.subject_id)], DEAD_GATEWAY)
    bench.offer(message)
    # Claimed with it, and sent at once: so the first look at the state has been.
    await bench.result(bench.offer(bench.owe(other)))
    bench.processed(message)
    await bench.forgotten()
    assert not bench.script.to(person.number)


async def test_what_may_have_been_sent_is_unknown_and_a_reply_goes_again(bench: Bench) -> None:
    person = bench.person()
    message = bench.owe(person, "registration")
    await bench.claims.claim([(message.message_id, person.subject_id)], DEAD_GATEWAY)
    results = await bench.results_until(bench.offer(message))
    assert outline(results) == [(Outcome.UNKNOWN, False, 1), (Outcome.SUBMITTED, True, 2)]
    assert len(bench.script.texts_to(person.number)) == 1


async def test_what_may_have_been_sent_is_unknown_and_a_broadcast_stays(bench: Bench) -> None:
    person = bench.person()
    message = bench.owe(person, BROADCAST)
    await bench.claims.claim([(message.message_id, person.subject_id)], DEAD_GATEWAY)
    results = await bench.results_until(bench.offer(message))
    assert outline(results) == [(Outcome.UNKNOWN, True, 1)]
    assert not bench.script.submitted


# -- giving partitions up --------------------------------------------------------------------


async def test_unsent_messages_are_given_back(bench: Bench) -> None:
    bench.esme.hold(60)
    mine = [bench.offer(bench.owe(bench.person()), partition=0) for _ in range(20)]
    kept = bench.offer(bench.owe(bench.person()), partition=1, lane=0)
    await bench.until(lambda: bench.holds(kept))
    await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=5)
    assert bench.store.tables.claims == {kept.message_id: (1, GATEWAY)}
    bench.esme._held_until = 0
    await bench.result(bench.offer(mine[0], partition=1))
    assert bench.published.results[-1].attempt == 1


async def test_what_was_sent_in_part_is_finished(bench: Bench) -> None:
    person = bench.person()
    bench.script.fault = reacts(0, Status.ESME_RTHROTTLED)
    message = bench.offer(bench.owe(person, "registration"))
    await bench.script.until(lambda: len(bench.script.to(person.number)) == 2, "two parts")
    await bench.until(lambda: len(bench.sender._ready) == 1)
    await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=5)
    assert outline(bench.published.results) == [(Outcome.SUBMITTED, True, 1)]
    assert parts_to(bench, person) == [1, 2, 2, 3]
    assert bench.holds(message)


async def test_what_could_not_be_finished_in_time_is_left_to_the_next_owner(bench: Bench) -> None:
    person = bench.person()
    bench.script.fault = reacts(0, Status.ESME_RTHROTTLED)
    message = bench.offer(bench.owe(person, "registration"))
    await bench.script.until(lambda: len(bench.script.to(person.number)) == 2, "two parts")
    await bench.until(lambda: len(bench.sender._ready) == 1)
    bench.esme.hold(0.5)
    await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=0.01)
    await bench.result(bench.offer(bench.owe(bench.person()), partition=1))
    assert parts_to(bench, person) == [1, 2]
    assert bench.holds(message)


async def test_a_part_that_is_answered_after_that_is_the_last(bench: Bench) -> None:
    person = bench.person()
    answer_it = asyncio.Event()
    bench.script.fault = held_until(answer_it, person)
    bench.offer(bench.owe(person, "registration"))
    await bench.script.until(lambda: bool(bench.script.to(person.number)), "the first part")
    await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=0.01)
    answer_it.set()
    await bench.result(bench.offer(bench.owe(bench.person()), partition=1))
    assert parts_to(bench, person) == [1]


async def test_what_is_being_claimed_is_given_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, asked, go_on = bench.claims.claim, asyncio.Event(), asyncio.Event()

    async def slow(messages: Sequence[tuple[UUID, UUID]], gateway: str) -> Sequence[Claimed]:
        asked.set()
        await go_on.wait()
        return await claim(messages, gateway)

    monkeypatch.setattr(bench.claims, "claim", slow)
    bench.offer(bench.owe(bench.person()))
    await asked.wait()
    withdrawn = asyncio.create_task(
        bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=5)
    )
    await asyncio.sleep(0)
    go_on.set()
    await withdrawn
    assert not bench.store.tables.claims


async def test_another_gateways_claim_is_not_given_back(bench: Bench) -> None:
    bench.esme.hold(60)
    person = bench.person()
    message = bench.owe(person)
    await bench.claims.claim([(message.message_id, person.subject_id)], DEAD_GATEWAY)
    bench.offer(message)
    own = bench.offer(bench.owe(bench.person()))
    await bench.until(lambda: bench.holds(own))
    await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=5)
    assert bench.store.tables.claims == {message.message_id: (1, DEAD_GATEWAY)}


async def test_what_was_sent_is_waited_for(bench: Bench) -> None:
    message = bench.offer(bench.owe(bench.person()))
    await bench.script.until(lambda: bool(bench.script.submitted), "the message")
    await bench.sender.withdraw({TopicPartition("lane-1", 0)}, within_s=5)
    assert outline(bench.published.results) == [(Outcome.SUBMITTED, True, 1)]
    assert bench.holds(message)
