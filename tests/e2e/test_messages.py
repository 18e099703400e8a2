"""Messages of programs on the whole service: over HTTP and through Kafka, to the phone and back."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from standardwebhooks import Webhook

from inbound.kafka.connection import KafkaConnection
from inbound.kafka.producer import Producer
from schemas.notify import order_id_of
from tests.fix_service import Service, eventually, free_port
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/messages"
TEXT = "Заявка 4711 выполнена."
KILLS = 5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token that sends, and the service with an API."""
    port = free_port()
    service.extra_environment["SCSERV_API__PORT"] = str(port)
    await service.start("api")
    ran = await service.command("tokens", "create", "--name", "crm", "--scope", "send")
    assert ran.status == 0, ran.err
    headers = {"Authorization": f"Bearer {ran.out.strip()}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=PATIENCE_S
    ) as client:
        yield client


async def becomes(api: httpx.AsyncClient, order_id: str, state: str) -> dict[str, Any]:
    """Wait until a message has this state; return its report."""
    async with asyncio.timeout(PATIENCE_S):
        while (report := (await api.get(f"{PATH}/{order_id}")).json()).get("state") != state:  # noqa: ASYNC110 — it tells only who asks
            await asyncio.sleep(0.1)
    return dict(report)


async def test_a_message_reaches_the_phone_and_is_reported(
    service: Service, api: httpx.AsyncClient
) -> None:
    client = service.new_client()
    body = {"to": client.number, "text": TEXT, "kind": "notification"}
    async with service.phone(client.number) as phone, asyncio.timeout(PATIENCE_S):
        answer = await api.post(PATH, json=body)
        received = await phone.receive()
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert (received.text, received.sender) == (TEXT, "SCSERV")
    report = await becomes(api, answer.json()["id"], "delivered")
    assert [(one["event"], one["state"]) for one in report["history"]] == [
        ("order.accepted", "queued"),
        ("message.submitted", "sent"),
        ("message.delivered", "delivered"),
    ]
    assert client.number[1:] not in service.log_of("api") + json.dumps(report)


async def test_records_of_other_services_become_messages(
    service: Service, api: httpx.AsyncClient
) -> None:
    client, event_id = service.new_client(), str(uuid4())
    order = json.dumps({"to": client.number, "text": TEXT}).encode()
    headers = [("ce_type", b"ru.scserv.order.requested.v1"), ("ce_source", b"/crm")]
    identity = ("ce_id", event_id.encode())
    producer = Producer(KafkaConnection(service.bootstrap))
    for value, names in ((order, [identity]), (b"no order", []), (order, [identity])):
        producer.send(service.names.notify, value, key=b"C-1", headers=[*headers, *names])
    producer.flush()
    producer.close()
    order_id = str(order_id_of("default", "/crm", event_id))
    await becomes(api, order_id, "sent")
    await eventually(
        lambda: service.value("SELECT count(*) FROM dead_letters") == 1, lambda: "no dead letter"
    )
    assert service.script.texts_to(client.number) == [TEXT]
    accepted, _ = service.events(client.number)
    assert (accepted.type, accepted.data["order_id"]) == ("order.accepted", order_id)
    service.execute("DELETE FROM dead_letters")


@pytest.mark.drill
async def test_a_kill_during_a_request_loses_and_doubles_nothing(
    service: Service, api: httpx.AsyncClient
) -> None:
    """A client repeats its request until it is answered, as docs/API.md says."""
    client = service.new_client()
    service.revive(service.one("api"))

    async def send(number: int) -> str:
        body = {"to": client.number, "text": f"Заявка {number} выполнена."}
        headers = {"Idempotency-Key": f"case-{number}"}
        while True:
            try:
                answer = await api.post(PATH, json=body, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(0.2)
                continue
            if answer.status_code == 202:
                return str(answer.json()["id"])
            assert answer.status_code in {429, 503}, answer.text
            await asyncio.sleep(0.2)

    ids: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        for kill in range(KILLS):
            api_process = await service.alive("api")
            sending = [asyncio.create_task(send(10 * kill + one)) for one in range(10)]
            await asyncio.sleep(0.005 * kill)
            api_process.kill()
            ids += await asyncio.gather(*sending)
    assert len(set(ids)) == 10 * KILLS
    for order_id in ids:
        await becomes(api, order_id, "sent")
    texts = service.script.texts_to(client.number)
    assert sorted(texts) == sorted(f"Заявка {number} выполнена." for number in range(10 * KILLS))


async def test_an_account_is_called_when_its_message_has_ended(
    service: Service, api: httpx.AsyncClient
) -> None:
    calls: asyncio.Queue[tuple[bytes, dict[str, str]]] = asyncio.Queue()

    async def answer(request: web.Request) -> web.Response:
        calls.put_nowait((await request.read(), dict(request.headers)))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/sms", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await service.start("scheduler")
    url = f"http://127.0.0.1:{port}/sms"
    ran = await service.command("callbacks", "set", "default", url, "--allow-private")
    assert (ran.status, ran.out[:6]) == (0, "whsec_"), ran.err
    client = service.new_client()
    async with service.phone(client.number) as phone, asyncio.timeout(PATIENCE_S):
        placed = await api.post(PATH, json={"to": client.number, "text": TEXT})
        await phone.receive()
        signed = await calls.get()
    body = Webhook(ran.out.strip()).verify(*signed)
    assert (body["type"], body["data"]["id"]) == ("message.delivered", placed.json()["id"])
    assert ran.out.strip() not in service.log_of("scheduler")
    await runner.cleanup()
