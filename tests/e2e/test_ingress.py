"""Programs of other services on the whole service: from their request to the phone and back."""

import asyncio
import json
import smtplib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.fix_service import Service, free_port
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "Заявка 4711 выполнена."
KILLS = 5


@dataclass(frozen=True)
class Program:
    """An HTTP client of the ingress, with the credentials of an account."""

    http: httpx.AsyncClient
    credentials: dict[str, Any]
    mail_port: int

    def send_mail(self, phone: str, text: str) -> None:
        """Send a message by mail. Blocks."""
        head = f"{self.credentials['login']}:{self.credentials['password']}:::0,0,"
        mail = EmailMessage()
        mail.set_content(f"{head}:{phone}:{text}")
        with smtplib.SMTP("127.0.0.1", self.mail_port, timeout=PATIENCE_S) as smtp:
            smtp.send_message(mail, "shop@example.org", ["send@example.org"])

    async def smsc(self, path: str, **fields: Any) -> Any:
        """Ask in SMSC's dialect; return the JSON answer."""
        signed = {"login": self.credentials["login"], "psw": self.credentials["password"]}
        answer = await self.http.post(path, data={**signed, "fmt": 3, "charset": "utf-8", **fields})
        return answer.json()

    async def has_status(self, phone: str, message_id: str | int, status: int) -> None:
        """Wait until SMSC's dialect says that a message has this status."""
        async with asyncio.timeout(PATIENCE_S):
            asked = {"phone": phone, "id": message_id}
            while (found := await self.smsc("/sys/status.php", **asked)).get("status") != status:
                assert "error" not in found, found
                await asyncio.sleep(0.1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(service: Service) -> AsyncIterator[Program]:
    """The service with an ingress, and a program with an account of its own."""
    port, mail_port = free_port(), free_port()
    service.extra_environment |= {
        "SCSERV_INGRESS__PORT": str(port),
        "SCSERV_SMPP_SERVER__PORT": "0",
        "SCSERV_SMTP_SERVER__ON": "true",
        "SCSERV_SMTP_SERVER__PORT": str(mail_port),
    }
    await service.start("ingress")
    ran = await service.command("accounts", "create", "shop", "--json")
    assert ran.status == 0, ran.err
    base = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, timeout=PATIENCE_S) as http:
        yield Program(http, json.loads(ran.out), mail_port)


async def test_a_message_in_each_dialect_reaches_the_phone(
    service: Service, program: Program
) -> None:
    number, shop = service.new_client().number, program.credentials
    async with service.phone(number) as phone, asyncio.timeout(PATIENCE_S):
        sent = await program.smsc("/sys/send.php", phones=number, mes="SMSC")
        assert (await phone.receive()).text == "SMSC"
        asked: dict[str, Any] = {"id": shop["id"], "key": shop["key"], "to": number}
        answer = await program.http.get("/send", params={**asked, "text": "BYTEHAND"})
        assert answer.json()["status"] == 0
        assert (await phone.receive()).text == "BYTEHAND"
        headers = {"X-Service-Key": shop["key"]}
        body = {"receiver": number, "text": "BYTEHAND 2"}
        answer = await program.http.post("/v2/sms/messages", json=body, headers=headers)
        assert answer.json()["result"] == "created"
        assert (await phone.receive()).text == "BYTEHAND 2"
        asked = {"user_id": shop["id"], "service_id": shop["service_id"], "msisdn": number[1:]}
        answer = await program.http.get("/users/send_bulk.php", params={**asked, "text": TEXT})
        assert answer.text == "MSG_OK"
        assert (await phone.receive()).text == TEXT
        await asyncio.to_thread(program.send_mail, number, "SMTP")
        assert (await phone.receive()).text == "SMTP"
        await program.has_status(number, sent["id"], 1)
    log = service.log_of("ingress")
    assert "POST /sys/send.php 200" in log
    for secret in (number[1:], shop["key"], shop["password"], str(shop["service_id"]), TEXT):
        assert secret not in log


@pytest.mark.drill
async def test_a_kill_during_a_request_loses_and_doubles_nothing(
    service: Service, program: Program
) -> None:
    """A program that gives its messages ids may repeat a request until it is answered."""
    client = service.new_client()
    service.revive(service.one("ingress"))

    async def send(number: int) -> int:
        fields = {"phones": client.number, "mes": f"Заявка {number} выполнена.", "id": number}
        while True:
            try:
                answer = await program.smsc("/sys/send.php", **fields)
            except (httpx.TransportError, ValueError):
                await asyncio.sleep(0.2)
                continue
            if "error" not in answer:
                return int(answer["id"])
            assert answer["error"] == "service is not available", answer
            await asyncio.sleep(0.2)

    ids: list[int] = []
    async with asyncio.timeout(PATIENCE_S):
        for kill in range(KILLS):
            ingress = await service.alive("ingress")
            sending = [asyncio.create_task(send(1000 + 10 * kill + one)) for one in range(10)]
            await asyncio.sleep(0.005 * kill)
            ingress.kill()
            ids += await asyncio.gather(*sending)
    assert ids == [1000 + one for one in range(10 * KILLS)]
    for message_id in ids:
        await program.has_status(client.number, message_id, 0)
    texts = service.script.texts_to(client.number)
    assert sorted(texts) == sorted(f"Заявка {message_id} выполнена." for message_id in ids)
