"""Erasing on the whole service: what operator, phone, subscribers and a second text see."""

import asyncio
import json
from typing import Any

import pytest

from inbound.local.simulator.faults import Proceed
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.session import Answer, Session
from schemas.cloudevents import header
from tests.e2e import poison
from tests.fix_service import STOPPED, Service, eventually
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

REASON = "asked for it in writing"


async def erase(service: Service, number: str, reason: str = REASON) -> str:
    """Erase as an operator would; return what was said."""
    ran = await service.command("erase", "--phone", number, "--reason", reason, "--yes")
    assert ran.status == 0, ran.err
    assert number[1:] not in ran.out + ran.err
    return ran.out


def types_of(service: Service, subject_id: object) -> list[str]:
    """Return the events of a subject that no number leads to any more."""
    query = "SELECT type FROM events WHERE stream_id = %s ORDER BY version"
    return [type_ for (type_,) in service.rows(query, subject_id)]


async def test_erasure_is_complete_and_a_later_text_is_a_new_subject(service: Service) -> None:
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    subject = service.events(client.number)[0].stream_id
    said = await erase(service, client.number)
    assert f"erased {client.number[:5]}*****{client.number[-2:]}, subject {subject}" in said
    assert "sms.mo.v1: after 3 days" in said
    assert "removed: 1 client record" in said

    await service.text(client.number, "CLIENT sms stop")
    await service.script.replies(client.number, 4)
    await service.completed(client.number)
    assert service.events(client.number)[0].stream_id != subject
    # The client's data went too: the number belongs to no client until the next import.
    assert service.script.texts_to(client.number)[-1] != STOPPED
    await _subscribers_hear_of_it(service, str(subject))
    listed = await service.command("erasures", "--json")
    record = json.loads(listed.out.splitlines()[0])
    assert (record["subject_id"], record["reason"]) == (str(subject), REASON)


async def _subscribers_hear_of_it(service: Service, subject: str) -> None:
    def last_of(topic: str) -> Any:
        records = [r for r in service.records(topic) if r.key == subject.encode()]
        return records[-1] if records else None

    def heard() -> bool:
        event, state = last_of(service.names.events), last_of(service.names.subscriptions)
        return (
            event is not None
            and header(event.headers, "ce_type") == "ru.scserv.person.erased.v1"
            and state is not None
            and state.value is None
        )

    await eventually(heard, lambda: f"{last_of(service.names.subscriptions)}")


async def test_unknown_number_and_bad_reason_are_refused(service: Service) -> None:
    number = service.new_numbers(1)[0]
    before = service.sizes("audit", "erasures", "events")
    unknown = await service.command("erase", "--phone", number, "--reason", REASON, "--yes")
    assert unknown.status == 1
    assert "nothing to erase" in unknown.out
    named = await service.command("erase", "--phone", number, "--reason", f"{number}", "--yes")
    assert named.status == 2
    nothing = await service.command("erase", "--phone", "12", "--reason", REASON, "--yes")
    assert nothing.status == 2
    unasked = await service.command("erase", "--phone", number, "--reason", REASON)
    assert unasked.status == 2
    assert "nobody answers" in unasked.err
    for ran in (unknown, named, nothing, unasked):
        assert number[1:] not in ran.out + ran.err
    assert service.sizes("audit", "erasures", "events") == before


async def test_what_is_queued_is_not_sent(service: Service) -> None:
    client = service.new_client()
    await service.stop(service.one("gateway"))
    poison.put(service, service.names.mo, [poison.text(client.number)], number=client.number)
    await eventually(
        lambda: service.accepted(client.number) == ["client_info"], lambda: "no request"
    )
    subject = service.events(client.number)[0].stream_id
    assert service.value("SELECT count(*) FROM vault") == 1
    said = await erase(service, client.number)
    assert "still open: 1 request;" in said
    assert service.value("SELECT count(*) FROM vault") == 0
    await service.start("gateway")
    await eventually(
        lambda: types_of(service, subject)[-1] == "request.completed",
        lambda: f"{types_of(service, subject)}",
    )
    assert types_of(service, subject).count("message.erased") == 2
    assert service.script.to(client.number) == []


async def test_message_already_submitted_is_reported_as_it_was(service: Service) -> None:
    client = service.new_client()
    erased = asyncio.Event()

    async def wait(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        if pdu.destination_addr == client.number[1:] and not erased.is_set():
            async with asyncio.timeout(PATIENCE_S):
                await erased.wait()
        return await proceed(pdu, session)

    service.script.fault = wait
    service.extra_environment["SCSERV_SMPP__RESPONSE_TIMEOUT_S"] = f"{PATIENCE_S:.0f}"
    await service.stop(service.one("gateway"))
    await service.start("gateway")
    try:
        await service.text(client.number, "CLIENT sms stop")
        await service.script.until(lambda: bool(service.script.to(client.number)), "a submit_sm")
        subject = service.events(client.number)[0].stream_id
        await erase(service, client.number)
    finally:
        erased.set()
    await eventually(
        lambda: types_of(service, subject)[-1] == "request.completed",
        lambda: f"{types_of(service, subject)}",
    )
    after = types_of(service, subject)[2:]
    assert after[:2] == ["person.erased", "message.submitted"]
    assert "message.erased" in after, "the fulfilment has no number to go to"
    assert len(service.script.texts_to(client.number)) == 1
