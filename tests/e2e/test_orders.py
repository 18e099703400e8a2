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


async def ordered(service: Service, number: str, *options: str, status: int = 0) -> dict[str, Any]:
    """Order a message and return the answer."""
    ran = await service.command("notify", "--phone", number, "--json", *options)
    assert ran.status == status, ran.err
    answer: dict[str, Any] = json.loads(ran.out)
    return answer | {"why": ran.err}


async def test_a_template_is_sent_in_the_client_s_language(service: Service) -> None:
    """A new version changes what is sent from then on, and each order names its version."""
    client, other = service.new_client(), service.new_client()
    languages = service.folder / "languages.csv"
    languages.write_text(f"client_id,language\n{service._client_ids[client.number]},en\n")
    assert (await service.command("clients", "languages", str(languages))).status == 0
    texts = ("--ru", "Заявка {ticket} выполнена {day}.", "--en", "{ticket} was done on {day}.")
    fields = ("--field", "ticket:code:10", "--field", "day:date")
    created = await service.command("templates", "create", "visit", *texts, *fields)
    assert created.out.splitlines()[0] == "created visit, version 1"
    values = ("--template", "visit", "--field", "ticket=A-7", "--field", "day=2026-01-31")
    first = await ordered(service, client.number, *values)
    await ordered(service, other.number, *values)
    await service.command("templates", "change", "visit", "--en", "Done: {ticket}, {day}")
    second = await ordered(service, client.number, *values)
    for answer in (first, second):
        await becomes(service, answer["id"], "sent")
    russian = "Заявка A-7 выполнена 31.01.2026."
    await eventually(
        lambda: service.script.texts_to(other.number) == [russian], lambda: "no Russian text"
    )
    assert service.script.texts_to(client.number) == [
        "A-7 was done on 31 Jan 2026.",
        "Done: A-7, 31 Jan 2026",
    ]
    accepted = [e for e in service.events(client.number) if e.type == "order.accepted"]
    assert [(e.data["template_version"], e.data["language"]) for e in accepted] == [
        (1, "en"),
        (2, "en"),
    ]
    refused = await ordered(service, client.number, "--template", "visit", status=1)
    assert refused["reason"] == "template_fields"
    assert "the field ticket is missing" in refused["why"]


async def test_an_account_sends_what_it_has_the_right_to(service: Service) -> None:
    stranger = "+79998887766"
    text = ("--text", TEXT, "--account", "shop", "--sender", "Magazin")
    refused = await ordered(service, stranger, *text, status=1)
    assert refused["reason"] == "account_unknown"
    await service.command("accounts", "create", "shop", "--per-day", "1")
    refused = await ordered(service, stranger, *text, status=1)
    assert refused["reason"] == "recipient_not_a_client"
    assert "scserv accounts change shop --grant strangers" in refused["why"]
    await service.command("accounts", "change", "shop", "--grant", "strangers")
    refused = await ordered(service, stranger, *text, status=1)
    assert refused["reason"] == "sender_not_approved"
    await service.command("accounts", "senders", "add", "shop", "Magazin")
    await service.command("accounts", "senders", "approve", "shop", "Magazin")
    answer = await ordered(service, stranger, *text)
    await becomes(service, answer["id"], "sent")
    assert service.script.texts_to(stranger) == [TEXT]
    refused = await ordered(service, stranger, *text, status=1)
    assert refused["reason"] == "daily_limit"
    shown = json.loads((await service.command("accounts", "show", "shop", "--json")).out)
    assert shown["used"]["day"] == 1


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


@pytest.mark.drill
async def test_orders_survive_the_kill_of_every_role(service: Service) -> None:
    """Each order is sent once, or it is unknown and not sent again."""
    service.revive()
    client = service.new_client()
    orders: list[str] = []
    roles: tuple[Role, ...] = ("relay", "gateway", "worker")
    for number, role in enumerate(roles * 2):
        _, answer = await notify(service, client.number, text=f"Заявка {number} выполнена.")
        orders.append(answer["id"])
        (await service.alive(role)).kill()

    def states() -> list[str]:
        return [state_of(service, order_id) for order_id in orders]

    await eventually(lambda: {*states()} <= {"sent", "unknown"}, lambda: f"{states()}")
    texts = service.script.texts_to(client.number)
    assert len(texts) == len(set(texts))
    assert len(texts) >= states().count("sent")
