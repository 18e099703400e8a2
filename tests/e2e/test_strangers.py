"""People outside the directory stop what accounts send them, whichever way it came."""

import asyncio
import json
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from inbound.kafka.connection import KafkaConnection
from inbound.kafka.producer import Producer
from inbound.smpp.status import Status
from schemas.notify import order_id_of
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_service import STARTED, STOPPED, UNKNOWN_NUMBER, Service, eventually, free_port
from tests.integration.ingress.smpp_world import bind, close_all
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

STOP, START = "CLIENT sms stop", "CLIENT sms start"
RIGHTS = ("send", "strangers", "broadcasts", "kafka")


@dataclass(frozen=True)
class Ways:
    """All ways to send a message of one account. Each returns why it was refused, or None."""

    service: Service
    http: httpx.AsyncClient
    ports: Mapping[str, int]
    account: Mapping[str, Any]
    token: str

    async def smsc(self, number: str, text: str) -> object:
        asked = {**self._signed(), "fmt": 3, "charset": "utf-8", "phones": number, "mes": text}
        return (await self.http.post("/sys/send.php", data=asked)).json().get("error_code")

    async def smsc_json(self, number: str, text: str) -> object:
        asked = {**self._signed(), "phones": number, "mes": text}
        return (await self.http.post("/rest/send/", json=asked)).json().get("error_code")

    async def smsc_mail(self, number: str, text: str) -> object:
        mail, signed = EmailMessage(), self._signed()
        mail.set_content(f"{signed['login']}:{signed['psw']}:::0,0,:{number}:{text}")

        def send() -> object:
            with smtplib.SMTP("127.0.0.1", self.ports["mail"], timeout=PATIENCE_S) as smtp:
                try:
                    smtp.send_message(mail, "shop@example.org", ["send@example.org"])
                except smtplib.SMTPDataError as error:
                    return error.smtp_code, "ERROR = 8 " in str(error.smtp_error)
            return None

        return await asyncio.to_thread(send)

    async def bytehand(self, number: str, text: str) -> object:
        asked = {"id": self.account["id"], "key": self.account["key"], "to": number, "text": text}
        return (await self.http.get("/send", params=asked)).json()["status"] or None

    async def bytehand_2(self, number: str, text: str) -> object:
        headers, asked = {"X-Service-Key": self.account["key"]}, {"receiver": number, "text": text}
        answer = await self.http.post("/v2/sms/messages", json=asked, headers=headers)
        return answer.json().get("code")

    async def smspay(self, number: str, text: str) -> object:
        signed = {"user_id": self.account["id"], "service_id": self.account["service_id"]}
        asked = {**signed, "msisdn": number[1:], "text": text}
        word = (await self.http.get("/users/send_bulk.php", params=asked)).text
        return None if word == "MSG_OK" else word

    async def smpp(self, number: str, text: str) -> object:
        program = await bind(self.ports["smpp"], dict(self.account))
        answer = await program.submit(
            text, destination_addr=number[1:], source_addr="", registered_delivery=0
        )
        return answer.status or None

    async def api(self, number: str, text: str) -> object:
        answer = await self.http.post(
            f"http://127.0.0.1:{self.ports['api']}/v1/messages",
            json={"to": number, "text": text},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        return answer.json().get("reason")

    async def kafka(self, number: str, text: str) -> object:
        account, event_id = self.account["login"], str(uuid4())
        value = json.dumps({"to": number, "text": text, "account": account}).encode()
        headers = [("ce_type", b"ru.scserv.order.requested.v1"), ("ce_source", b"/crm")]
        producer = Producer(KafkaConnection(self.service.bootstrap))
        producer.send(
            self.service.names.notify,
            value,
            key=b"C-1",
            headers=[*headers, ("ce_id", event_id.encode())],
        )
        producer.flush()
        producer.close()
        order_id = order_id_of(account, "/crm", event_id)
        query: Final = "SELECT reason FROM orders WHERE order_id = %s"
        await eventually(
            lambda: bool(self.service.rows(query, order_id)), lambda: "the record made no order"
        )
        return self.service.value(query, order_id)

    def all(self) -> dict[str, Callable[[str, str], Awaitable[object]]]:
        """Return every way by its name."""
        return {name: getattr(self, name) for name in REFUSED}

    def _signed(self) -> dict[str, str]:
        return {"login": self.account["login"], "psw": self.account["password"]}


REFUSED: Final[Mapping[str, object]] = {
    "smsc": 8,
    "smsc_json": 8,
    "smsc_mail": (550, True),
    "bytehand": 11,
    "bytehand_2": 11,
    "smspay": "INVALID_MSISDN",
    "smpp": Status.ESME_RX_R_APPN,
    "api": "opted_out",
    "kafka": "opted_out",
}
"""What each way says of a message to a person who has opted out."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ways(service: Service) -> AsyncIterator[Ways]:
    ports = {name: free_port() for name in ("http", "mail", "smpp", "api")}
    service.extra_environment |= {
        "SCSERV_INGRESS__PORT": str(ports["http"]),
        "SCSERV_SMTP_SERVER__ON": "true",
        "SCSERV_SMTP_SERVER__PORT": str(ports["mail"]),
        "SCSERV_SMPP_SERVER__PORT": str(ports["smpp"]),
        "SCSERV_API__PORT": str(ports["api"]),
    }
    await service.start("ingress", "scheduler", "api")
    rights = [word for right in RIGHTS for word in ("--grant", right)]
    created = await service.command("accounts", "create", "shop", *rights, "--json")
    assert created.status == 0, created.err
    token = await service.command(
        *("tokens", "create", "--name", "shop", "--scope", "send", "--account", "shop")
    )
    assert token.status == 0, token.err
    base = f"http://127.0.0.1:{ports['http']}"
    async with httpx.AsyncClient(base_url=base, timeout=PATIENCE_S) as http:
        yield Ways(service, http, ports, json.loads(created.out), token.out.strip())
    close_all()


async def broadcast(service: Service, folder: Path, number: str, text: str) -> dict[str, Any]:
    """Create a broadcast to one number, start it if it has a recipient; return the draft."""
    table = folder / "audience.csv"
    table.write_text(f"msisdn\n{number}\n", "utf-8")
    made = await service.command(
        *("broadcast", "create", "--name", "News", "--text", text, "--account", "shop"),
        *("--audience", str(table), "--json"),
    )
    draft: dict[str, Any] = json.loads(made.out)
    if draft["recipients"]:
        started = await service.command("broadcast", "start", draft["id"])
        assert started.status == 0, started.err
    return draft


async def test_whom_a_broadcast_reached_stops_every_way_and_starts_it_again(
    service: Service, ways: Ways, tmp_path: Path
) -> None:
    number = "+79998887755"
    async with service.phone(number) as phone, asyncio.timeout(PATIENCE_S):

        async def received(texts: int) -> list[str]:
            return [(await phone.receive()).text for _ in range(texts)]

        assert (await broadcast(service, tmp_path, number, "Sale"))["recipients"] == 1
        assert await received(1) == ["Sale"]
        await service.text(number, STOP)
        assert await received(2) == [ACKNOWLEDGEMENT, STOPPED]
        told = {name: await send(number, f"{name} 1") for name, send in ways.all().items()}
        assert told == REFUSED
        draft = await broadcast(service, tmp_path, number, "Another sale")
        assert (draft["recipients"], draft["excluded_by_reason"]) == (0, {"opted_out": 1})
        await service.text(number, START)
        assert await received(2) == [ACKNOWLEDGEMENT, STARTED]
        told = {name: await send(number, f"{name} 2") for name, send in ways.all().items()}
        assert set(told.values()) == {None}
        assert {*await received(len(told))} == {f"{name} 2" for name in told}
    assert not [text for text in service.script.texts_to(number) if text.endswith(" 1")]


@pytest.mark.parametrize(("n", "way"), [*enumerate(REFUSED)])
async def test_a_stop_counts_however_short_after_a_refused_one(
    service: Service, ways: Ways, n: int, way: str
) -> None:
    """Before the first order a number is told that it is not registered; an order changes that."""
    number = f"+7999888660{n}"
    send = ways.all()[way]
    async with service.phone(number) as phone, asyncio.timeout(PATIENCE_S):
        await service.text(number, STOP)
        texts = [(await phone.receive()).text for _ in range(2)]
        assert texts == [ACKNOWLEDGEMENT, UNKNOWN_NUMBER]
        assert await send(number, "Hello") is None
        assert (await phone.receive()).text == "Hello"
        await service.text(number, STOP)
        texts = [(await phone.receive()).text for _ in range(2)]
        assert texts == [ACKNOWLEDGEMENT, STOPPED]
        assert await send(number, "Hello again") == REFUSED[way]
    assert "Hello again" not in service.script.texts_to(number)
