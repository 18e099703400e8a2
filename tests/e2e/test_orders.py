"""Orders on the whole service: from `scserv notify` to a phone, and consent at the claim."""

import asyncio
import base64
import json
from typing import Any
from uuid import UUID

import pytest

from tests.e2e import poison
from tests.fix_service import Role, Service, eventually
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "Заявка 7 выполнена."
STOP = base64.b64encode(b"CLIENT sms stop").decode()


async def notify(
    service: Service, number: str, *options: str, text: str = TEXT
) -> tuple[int, dict[str, Any]]:
    """Order a message as an operator would; return the exit status and the answer."""
    ran = await service.command("notify", "--phone", number, "--text", text, "--json", *options)
    assert number[1:] not in ran.out + ran.err
    return ran.status, json.loads(ran.out)


# Without a phone that receives it, a message that the centre accepted stays `sent`.


def state_of(service: Service, order_id: str) -> str:
    return str(service.value("SELECT state FROM orders WHERE order_id = %s", UUID(order_id)))


async def becomes(service: Service, order_id: str, state: str) -> None:
    await eventually(
        lambda: state_of(service, order_id) == state,
        lambda: f"the order is {state_of(service, order_id)}, not {state}",
    )


async def test_a_notification_reaches_the_phone(service: Service) -> None:
    client = service.new_client()
    async with service.phone(client.number) as phone, asyncio.timeout(PATIENCE_S):
        status, answer = await notify(service, client.number)
        received = await phone.receive()
    assert (status, answer["state"], answer["parts"]) == (0, "queued", 1)
    assert (received.text, received.sender) == (TEXT, "SCSERV")
    await becomes(service, answer["id"], "delivered")
    assert [event.type for event in service.events(client.number)] == [
        "order.accepted",
        "message.submitted",
        "message.delivered",
    ]
    assert TEXT not in str(service.rows("SELECT data::text FROM events"))


async def test_an_opted_out_client_gets_service_messages_only(service: Service) -> None:
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    status, answer = await notify(service, client.number)
    assert (status, answer["state"], answer["reason"]) == (1, "refused", "opted_out")
    status, answer = await notify(service, client.number, "--kind", "service", text="Код 1234")
    assert status == 0
    await becomes(service, answer["id"], "sent")
    assert service.script.texts_to(client.number)[-1] == "Код 1234"
    assert [event.type for event in service.events(client.number)][-3:] == [
        "order.refused",
        "order.accepted",
        "message.submitted",
    ]


async def test_the_same_id_is_the_same_order(service: Service) -> None:
    client = service.new_client()
    _, first = await notify(service, client.number, "--once", "visit-1")
    _, again = await notify(service, client.number, "--once", "visit-1")
    assert first["id"] == again["id"]
    await becomes(service, first["id"], "sent")
    assert service.script.texts_to(client.number) == [TEXT]


async def test_a_message_queued_before_a_stop_is_withheld(service: Service) -> None:
    client = service.new_client()
    await service.stop(service.one("gateway"))
    _, answer = await notify(service, client.number)
    poison.put(
        service,
        service.names.mo,
        [poison.text(client.number, payload=STOP)],
        number=client.number,
    )
    await eventually(lambda: service.accepted(client.number) == ["sms_stop"], lambda: "no request")
    await service.start("gateway")
    await becomes(service, answer["id"], "withheld")
    await service.script.replies(client.number)
    assert TEXT not in service.script.texts_to(client.number)
    (withheld,) = [e for e in service.events(client.number) if e.type == "message.withheld"]
    assert (withheld.data["order_id"], withheld.data["reason"]) == (answer["id"], "opted_out")


async def test_orders_survive_the_kill_of_every_role(service: Service) -> None:
    """Each order is sent once, or it is unknown and not sent again."""
    service.revive()
    client = service.new_client()
    orders: list[str] = []
    roles: tuple[Role, ...] = ("relay", "gateway", "worker")
    for number, role in enumerate(roles * 2):
        _, answer = await notify(service, client.number, text=f"Заявка {number} выполнена.")
        orders.append(answer["id"])
        service.one(role).kill()

    def states() -> list[str]:
        return [state_of(service, order_id) for order_id in orders]

    await eventually(lambda: {*states()} <= {"sent", "unknown"}, lambda: f"{states()}")
    texts = service.script.texts_to(client.number)
    assert len(texts) == len(set(texts))
    assert len(texts) >= states().count("sent")
