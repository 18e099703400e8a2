"""Parts of one message: one after the other, whatever the centre answers."""

import asyncio
import time
from random import Random

import pytest

from inbound.gateway import sending_binds
from inbound.local.simulator.faults import Proceed
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.rate import TokenBucket
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status
from inbound.smpp.user_data import part_of
from schemas.messages import Outcome
from streams.outbox import back_offs
from tests.integration.streams.outbox.bench import (
    LONG_BROADCAST,
    Bench,
)
from tests.integration.streams.outbox.reactions import (
    SILENT,
    held_until,
    outline,
    parts_to,
    reacts,
)


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
    monkeypatch.setattr(back_offs, "BACK_OFF_S", 0.01)
    draw, taken = Random(7), list[tuple[str, int]]()

    async def fault(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        if draw.random() < 0.4:
            return pdu.answer(refusal)
        part = part_of(pdu)
        taken.append((pdu.destination_addr, part.sequence if part else 0))
        return await proceed(pdu, session)

    monkeypatch.setattr(sending_binds, "LONGEST_THROTTLE_PAUSE_S", 0.01)
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
