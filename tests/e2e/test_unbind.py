"""An SMS centre that unbinds while its answers are outstanding, as before maintenance."""

import asyncio
from typing import Any

import pytest

from inbound.smpp.session import Session
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_service import STOPPED, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

LATE_S = 0.1


async def test_a_message_that_is_answered_after_the_unbind_is_sent_once(service: Service) -> None:
    client = service.new_client()
    unbinding: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()

    async def unbind_first(pdu: Any, session: Session, proceed: Any) -> Any:
        service.script.fault = None
        unbinding.append(loop.create_task(session.unbind()))
        answer = await proceed(pdu, session)
        late: asyncio.Future[Any] = loop.create_future()
        loop.call_later(LATE_S, late.set_result, answer)
        return late

    service.script.fault = unbind_first
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    await asyncio.gather(*unbinding)
    # The fulfilment needs the next bind, and the acknowledgement is not sent again.
    assert service.script.texts_to(client.number) == [ACKNOWLEDGEMENT, STOPPED]
    outcomes = [e.type for e in service.events(client.number) if e.type.startswith("message.")]
    assert outcomes == ["message.submitted", "message.submitted"]
