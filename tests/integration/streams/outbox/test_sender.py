"""Each message once; what was sent and not answered is `unknown`, said so, and policy decides."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from inbound.gateway.sending_binds import FULL_QUEUES
from inbound.local.simulator.faults import Proceed
from inbound.smpp.esme import Esme
from inbound.smpp.message_ids import IdForm
from inbound.smpp.pdu import SubmitSm, SubmitSmResp
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status
from schemas.messages import MobileTerminated, Outcome
from streams.outbox import back_offs
from tests.integration.streams.outbox.bench import (
    BROADCAST,
    GATEWAY,
    WINDOW,
    Bench,
    open_bench,
)
from tests.integration.streams.outbox.reactions import (
    SILENT,
    held_until,
    outline,
    reacts,
    unresolved,
)
from tests.patience import PATIENCE_S

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


async def test_a_refusal_for_good_is_rejected(bench: Bench) -> None:
    person = bench.person()
    bench.script.fault = reacts(Status.ESME_RINVDSTADR)
    message = bench.offer(bench.owe(person))
    result = await bench.result(message)
    assert outline([result]) == [(Outcome.REJECTED, True, 1)]
    assert [part.status for part in result.parts] == [Status.ESME_RINVDSTADR]
    assert len(bench.script.to(person.number)) == 1


async def test_broadcasts_that_nobody_answers_leave_room_for_an_acknowledgement(
    bench: Bench,
) -> None:
    people = [bench.person() for _ in range(2 * WINDOW)]
    bench.stay_silent_to(*people)
    for person in people:
        bench.offer(bench.owe(person, BROADCAST), lane=2)
    await bench.script.until(lambda: len(bench.script.submitted) == WINDOW - 1, "broadcasts")
    acknowledgement = bench.offer(bench.owe(bench.person()), lane=0)
    await bench.result(acknowledgement)
    assert len(bench.published.results) == 1


async def test_every_unresolved_attempt_is_reported(bench: Bench) -> None:
    bench.script.fault = reacts(Status.ESME_RTHROTTLED, SILENT, Status.ESME_RMSGQFUL)
    began = bench.now[0]
    message = bench.offer(bench.owe(bench.person()))
    unknown, submitted = await bench.results_until(message)
    assert unresolved(unknown) == [(1, Status.ESME_RTHROTTLED, "main-1"), (1, None, "main-1")]
    assert unresolved(submitted) == [(1, Status.ESME_RMSGQFUL, "main-1")]
    assert [part.status for part in unknown.parts] == [None]
    assert (unknown.sent_at, submitted.sent_at, submitted.gateway) == (began, began, GATEWAY)


async def test_a_phone_whose_queue_is_full_holds_up_nobody_else(bench: Bench) -> None:
    full = bench.person()

    async def fault(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        if pdu.destination_addr == full.number[1:]:
            return pdu.answer(Status.ESME_RMSGQFUL)
        return await proceed(pdu, session)

    bench.script.fault = fault
    bench.offer(bench.owe(full))
    await bench.script.until(lambda: bool(bench.script.to(full.number)), "the first attempt")
    for message in [bench.offer(bench.owe(bench.person())) for _ in range(10)]:
        await bench.result(message)
    assert bench.bind.throttles == 0


async def test_a_phone_whose_queue_stays_full_for_long_gets_its_message_in_the_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_offs, "BACK_OFF_S", 0.001)
    pauses: list[float] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def noted(delay: float, callback: Any, *arguments: Any) -> asyncio.TimerHandle:
        if getattr(callback, "__qualname__", "") == "BackOffs.end":
            pauses.append(round(delay / 0.001))
        return call_later(delay, callback, *arguments)

    monkeypatch.setattr(loop, "call_later", noted)
    bench.script.fault = reacts(*[Status.ESME_RMSGQFUL] * 7)
    await bench.result(bench.offer(bench.owe(bench.person())))
    assert pauses == [1, 2, 4, 8, 16, 16, 16]


async def test_phones_whose_queues_stay_full_are_no_sign_of_trouble_however_many(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More wait than a window has room for, and no one else does; real trouble is still noticed."""
    held: list[float] = []
    monkeypatch.setattr(bench.bind, "hold", held.append)
    waiting: list[Callable[[], None]] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def at_once_the_first_time(delay: float, callback: Any, *arguments: Any) -> asyncio.TimerHandle:
        if getattr(callback, "__qualname__", "") == "BackOffs.end":
            if delay > back_offs.BACK_OFF_S:
                waiting.append(partial(callback, *arguments))
            delay = 0 if delay == back_offs.BACK_OFF_S else 3600
        return call_later(delay, callback, *arguments)

    monkeypatch.setattr(loop, "call_later", at_once_the_first_time)
    phones: list[MobileTerminated] = []
    while len(phones) <= WINDOW:
        bench.script.fault = reacts(Status.ESME_RMSGQFUL, Status.ESME_RMSGQFUL)
        phones.append(bench.offer(bench.owe(bench.person())))
        await bench.until(lambda: len(waiting) == len(phones))
        await bench.result(bench.offer(bench.owe(bench.person())))
    assert held == []
    for end in waiting:
        end()
    for message in phones:
        await bench.result(message)
    monkeypatch.setattr(loop, "call_later", lambda _, *work: call_later(3600, *work))
    bench.script.fault = reacts(*[Status.ESME_RSYSERR] * WINDOW)
    for _ in range(WINDOW):
        bench.offer(bench.owe(bench.person()))
    await bench.until(lambda: bool(held))
    assert held == [back_offs.BACK_OFF_S]


async def test_a_centre_whose_queue_is_full_gets_a_pause(bench: Bench) -> None:
    bench.script.fault = reacts(*[Status.ESME_RMSGQFUL] * FULL_QUEUES)
    for message in [bench.offer(bench.owe(bench.person())) for _ in range(FULL_QUEUES)]:
        await bench.result(message)
    assert bench.bind.throttles == 1


async def test_full_queues_with_accepted_messages_between_them_are_those_of_phones(
    bench: Bench,
) -> None:
    for _ in range(FULL_QUEUES):
        bench.script.fault = reacts(Status.ESME_RMSGQFUL)
        await bench.result(bench.offer(bench.owe(bench.person())))
    assert bench.bind.throttles == 0


async def test_the_result_says_how_the_centre_writes_its_ids(bench: Bench) -> None:
    message = bench.offer(bench.owe(bench.person()))
    assert (await bench.result(message)).id_form is None
    bench.bind.answer_ids = IdForm.DECIMAL
    assert (await bench.result(bench.offer(bench.owe(bench.person())))).id_form == "decimal"


async def test_in_the_normal_case_no_attempt_is_reported(bench: Bench) -> None:
    result = await bench.result(bench.offer(bench.owe(bench.person())))
    assert (result.attempts, result.attempts_left_out) == (None, None)
    assert (result.sent_at, result.gateway) == (bench.now[0], GATEWAY)


async def test_one_persons_trouble_is_not_everybodys(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_offs, "BACK_OFF_S", PATIENCE_S)
    troubled, other = bench.person(), bench.person()
    refused = asyncio.Event()

    async def fault(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        if f"+{pdu.destination_addr}" != troubled.number:
            return await proceed(pdu, session)
        refused.set()
        return pdu.answer(Status.ESME_RDELIVERYFAILURE)

    bench.script.fault = fault
    bench.offer(bench.owe(troubled))
    async with asyncio.timeout(PATIENCE_S):
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
