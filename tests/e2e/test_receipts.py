"""From the phone back to the log: delivery receipts over real SMPP, Kafka and PostgreSQL."""

import asyncio
from collections import Counter

import pytest

from tests.fix_service import Event, Service, eventually
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def delivered(service: Service, number: str, messages: int) -> list[Event]:
    """Wait for so many `message.delivered` of a number and return all of its events."""

    def count() -> int:
        return Counter(event.type for event in service.events(number))["message.delivered"]

    await eventually(
        lambda: count() >= messages, lambda: f"{count()} of {messages} messages are delivered"
    )
    return service.events(number)


async def test_both_messages_of_a_request_are_reported_as_delivered(service: Service) -> None:
    client = service.new_client(personal_code="1234", login="ivanov", password="1a2b3c4d")
    async with service.phone(client.number) as phone, asyncio.timeout(PATIENCE_S):
        await phone.text("CLIENT info")
        received = [await phone.receive(), await phone.receive()]
    assert [message.parts for message in received] == [1, 3]
    events = await delivered(service, client.number, 2)
    assert Counter(event.type for event in events) == {
        "request.accepted": 1,
        "message.submitted": 2,
        "request.completed": 1,
        "message.delivered": 2,
    }
    fates = {e.data["purpose"]: e.data for e in events if e.type == "message.delivered"}
    assert {purpose: fate["parts"] for purpose, fate in fates.items()} == {
        "acknowledgement": 1,
        "fulfilment": 3,
    }
    sent = {e.data["purpose"]: e.data for e in events if e.type == "message.submitted"}
    for purpose, fate in fates.items():
        assert fate["state"] == "delivered"
        assert fate["message_id"] == sent[purpose]["message_id"]
    traces = {event.metadata["traceparent"].split("-")[1] for event in events}
    assert len(traces) == 1
    assert service.sizes("early_receipts") == {"early_receipts": 0}


async def test_a_receipt_that_comes_after_the_worker_was_killed(service: Service) -> None:
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.script.replies(client.number)
    await service.completed(client.number)
    await service.kill(service.one("worker"))
    # The centre kept both replies for a phone that was off; now it comes.
    async with service.phone(client.number) as phone, asyncio.timeout(PATIENCE_S):
        for _ in range(2):
            await phone.receive()
        await service.start("worker")
        events = await delivered(service, client.number, 2)
    assert [event.type for event in events][-3:] == [
        "request.completed",
        "message.delivered",
        "message.delivered",
    ]
