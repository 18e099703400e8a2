"""What a centre does to the sender under test, and how tests look at what came of it."""

import asyncio
from collections.abc import Iterable

from inbound.local.simulator.faults import Proceed
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status
from schemas.messages import Outcome, SubmitResult
from tests.e2e.script import Fault
from tests.integration.streams.outbox.bench import (
    Bench,
    Person,
)

SILENT = None
Reaction = int | None


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


def unresolved(result: SubmitResult) -> list[tuple[int, int | None, str]]:
    return [(one.part, one.status, one.bind) for one in result.attempts or ()]


def parts_to(bench: Bench, person: Person) -> list[int]:
    """Which part each submit_sm to a person carried, in order."""
    return [submit.part.sequence for submit in bench.script.to(person.number) if submit.part]
