"""Programs that order messages during a campaign, and a person who sends broadcasts.

Orders come over HTTP and through `sms.notify.v1`, with an identity each, and are sent again with it
until they are accepted, as a careful program does. Each has a text of its own, so its copies can be
told apart.
"""

import asyncio
import json
import random
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from inbound.kafka.connection import KafkaConnection
from schemas.cloudevents import TYPE_PREFIX
from schemas.notify import OrderRequested, order_id_of
from tests.chaos.deployment import Deployment
from tests.fix_service import free_port

_SOURCE: Final = "/campaign"
_AGAIN_S: Final = 0.5
_ANSWER_WITHIN_S: Final = 10.0
_BROADCAST_RATE: Final = 20
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def order_text(number: int) -> str:
    """Return the text of an order; no reply looks like it."""
    return f"Заказ {number} готов"


def broadcast_text(number: int) -> str:
    """Return the text of a broadcast."""
    return f"Рассылка {number}"


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An order that the service has taken; `is_refused` if it said so at once."""

    order_id: UUID | None
    number: str
    text: str
    is_refused: bool = False


class OrderTraffic:
    """Places orders at a steady rate, and a broadcast to everybody now and then, until stopped."""

    def __init__(
        self,
        deployment: Deployment,
        numbers: list[str],
        rng: random.Random,
        per_second: float,
        broadcast_every_s: float,
    ) -> None:
        self.placed: list[PlacedOrder] = []
        self.broadcasts: dict[UUID, str] = {}
        self.is_paused = False
        self._deployment = deployment
        self._numbers = numbers
        self._rng = rng
        self._period_s = 1 / per_second
        self._broadcast_every_s = broadcast_every_s
        self._port = 0
        self._token = ""
        self._count = 0
        self._open: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()

    async def prepare(self) -> None:
        """Start the API and get a token, while nothing is at fault yet."""
        self._port = free_port()
        self._deployment.extra_environment["SCSERV_API__PORT"] = str(self._port)
        self._deployment.revive(*await self._deployment.start("api"))
        said = await self._command("tokens", "create", "--name", "campaign", "--scope", "send")
        self._token = said.split()[-1]

    async def run(self) -> None:
        """Place orders until stopped; return when the service has taken all of them."""
        producer = AIOKafkaProducer(
            **KafkaConnection(self._deployment.bootstrap).client_arguments(),
            enable_idempotence=False,
            acks="all",
            request_timeout_ms=5000,
        )
        async with httpx.AsyncClient(
            base_url=f"http://{self._deployment.api_host}:{self._port}",
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=_ANSWER_WITHIN_S,
        ) as http:
            await producer.start()
            broadcasts = asyncio.create_task(self._send_broadcasts())
            try:
                while not self._stop.is_set():
                    await self._wait(self._period_s)
                    if not self.is_paused and not self._stop.is_set():
                        self._begin(http, producer)
                await asyncio.gather(broadcasts, *self._open)
            finally:
                broadcasts.cancel()
                for task in self._open:
                    task.cancel()
                await producer.stop()

    def stop(self) -> None:
        """Place no more orders."""
        self._stop.set()

    def _begin(self, http: httpx.AsyncClient, producer: AIOKafkaProducer) -> None:
        self._count += 1
        number = self._rng.choice(self._numbers)
        text = order_text(self._count)
        if self._rng.random() < 0.5:
            work = self._over_http(http, number, text)
        else:
            work = self._through_kafka(producer, number, text)
        task = asyncio.create_task(work)
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _over_http(self, http: httpx.AsyncClient, number: str, text: str) -> None:
        key = {"Idempotency-Key": str(uuid4())}
        while True:
            with suppress(httpx.HTTPError):
                answer = await http.post(
                    "/v1/messages", json={"to": number, "text": text}, headers=key
                )
                if answer.status_code == httpx.codes.ACCEPTED:
                    id_ = UUID(answer.json()["id"])
                    self.placed.append(PlacedOrder(id_, number, text))
                    return
                if "reason" in _json(answer):
                    self.placed.append(PlacedOrder(None, number, text, is_refused=True))
                    return
            await asyncio.sleep(_AGAIN_S)

    async def _through_kafka(self, producer: AIOKafkaProducer, number: str, text: str) -> None:
        event_id = str(uuid4())
        headers = [
            ("ce_type", f"{TYPE_PREFIX}{OrderRequested.TYPE}".encode()),
            ("ce_source", _SOURCE.encode()),
            ("ce_id", event_id.encode()),
        ]
        value = json.dumps({"to": number, "text": text}).encode()
        while True:
            try:
                await producer.send_and_wait(
                    self._deployment.names.notify, value, key=event_id.encode(), headers=headers
                )
                break
            except KafkaError:
                await asyncio.sleep(_AGAIN_S)
        self.placed.append(PlacedOrder(order_id_of("default", _SOURCE, event_id), number, text))

    async def _send_broadcasts(self) -> None:
        while not self._stop.is_set():
            text = broadcast_text(len(self.broadcasts) + 1)
            created = await self._command(
                *("broadcast", "create", "--name", text, "--text", text, "--audience", "all"),
                *("--rate", str(_BROADCAST_RATE), "--json"),
            )
            id_ = UUID(_UUID.findall(created)[0])
            self.broadcasts[id_] = text
            await self._command("broadcast", "start", str(id_))
            await self._wait(self._broadcast_every_s)

    async def _command(self, *words: str) -> str:
        """Run a command until it succeeds: PostgreSQL may be away. Return what it said.

        A draft that is created again, because its command failed at the end, is never started.
        """
        while True:
            status, said = await self._deployment.scserv(*words)
            if status == 0 or "has been started" in said:
                return said
            await asyncio.sleep(_AGAIN_S)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
