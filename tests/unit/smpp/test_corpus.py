"""The corpus over TCP, against a session in either role."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from inbound.smpp.listener import listen
from inbound.smpp.pdu import (
    BindPdu,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    RequestPdu,
    ResponsePdu,
    SubmitSmResp,
)
from inbound.smpp.session import Session, SessionRole
from inbound.smpp.status import Status
from tests.unit.smpp.corpus.malformed import (
    CASES,
    DELIVER,
    FATAL,
    SUBMIT,
    TAKEN,
    Case,
    Fatal,
    Taken,
    frame,
)
from tests.unit.smpp.peer import BIND, FAST, Peer, connect, deliver, esme_session, submit


class Opposite(NamedTuple):
    """A bound session as its peer sees it, and what its handler was given."""

    role: SessionRole
    peer: Peer
    served: list[RequestPdu[Any]]


async def welcome(_bind: BindPdu, _session: Session) -> int:
    return Status.ESME_ROK


@pytest.fixture(params=SessionRole, ids=lambda role: role.value)
async def opposite(request: pytest.FixtureRequest) -> AsyncIterator[Opposite]:
    served: list[RequestPdu[Any]] = []

    async def serve(pdu: RequestPdu[Any], _session: Session) -> ResponsePdu:
        served.append(pdu)
        answer: ResponsePdu = pdu.answer()
        return answer

    if request.param is SessionRole.ESME:
        async with esme_session(serve) as (_, peer):
            yield Opposite(SessionRole.ESME, peer, served)
        return
    listener = await listen("127.0.0.1", 0, on_bind=welcome, on_request=serve, settings=FAST)
    peer = await connect(listener.port)
    await peer.ask(BIND)
    yield Opposite(SessionRole.SMSC, peer, served)
    for session in list(listener.sessions):
        session.abort("the test ends")
    await listener.close()
    peer.close()


async def lives(opposite: Opposite) -> None:
    assert isinstance(await opposite.peer.ask(EnquireLink(sequence=8)), EnquireLinkResp)
    message = deliver(9) if opposite.role is SessionRole.ESME else submit(9)
    answer = await opposite.peer.ask(message)
    assert (answer.status, answer.sequence) == (Status.ESME_ROK, 9)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_malformed_frame_is_answered_and_the_session_lives(
    opposite: Opposite, case: Case
) -> None:
    opposite.peer.send(case.frame)
    if case.answer is not None:
        answer = await opposite.peer.read(case.answer)
        assert (answer.status, answer.sequence) == (case.status, case.sequence)
    assert not opposite.served
    await lives(opposite)


@pytest.mark.parametrize("taken", TAKEN, ids=lambda taken: taken.name)
async def test_unusual_message_is_accepted_unchanged(opposite: Opposite, taken: Taken) -> None:
    command = DELIVER if opposite.role is SessionRole.ESME else SUBMIT
    opposite.peer.send(frame(command, taken.body, taken.status, taken.sequence))
    answer = await opposite.peer.read(
        DeliverSmResp if opposite.role is SessionRole.ESME else SubmitSmResp
    )
    assert (answer.status, answer.sequence) == (Status.ESME_ROK, taken.sequence)
    assert [taken.seen(pdu) for pdu in opposite.served] == [taken.wanted]
    await lives(opposite)


@pytest.mark.parametrize("fatal", FATAL, ids=lambda fatal: fatal.name)
async def test_impossible_length_is_nacked_and_closes_the_link(
    opposite: Opposite, fatal: Fatal
) -> None:
    opposite.peer.send(fatal.octets)
    refused = GenericNack(status=Status.ESME_RINVCMDLEN, sequence=fatal.sequence)
    assert await opposite.peer.read(GenericNack) == refused
    assert await opposite.peer.at_end()


async def test_all_of_it_in_one_write_is_answered_in_order(opposite: Opposite) -> None:
    opposite.peer.send(*(case.frame for case in CASES))
    answers = [await opposite.peer.read(case.answer) for case in CASES if case.answer is not None]
    wanted = [(case.status, case.sequence) for case in CASES if case.answer is not None]
    assert [(answer.status, answer.sequence) for answer in answers] == wanted
    await lives(opposite)


def test_corpus_cases_are_unique() -> None:
    """No two cases with one name, and no two that are the same."""
    names = [*(c.name for c in CASES), *(f.name for f in FATAL), *(t.name for t in TAKEN)]
    assert len(set(names)) == len(names) >= 90
    assert len({case.frame for case in CASES}) == len(CASES)
