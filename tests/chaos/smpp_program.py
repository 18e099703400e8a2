"""A program that submits over SMPP during a campaign, and reads the receipts of its messages.

It binds again after every loss, and submits again what it got no answer to, as a careful program
does. The service recognises a message that comes again for a minute; what has no answer by then is
given up, and may have been sent or not.
"""

import asyncio
import json
import random
import time
from collections import defaultdict
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from inbound.errors import ScservError
from inbound.keys import VaultCipher
from inbound.smpp import receipts
from inbound.smpp.bind_settings import BindSettings
from inbound.smpp.errors import NotSentError, SmppError
from inbound.smpp.esme import Esme
from inbound.smpp.pdu import DeliverSm, RequestPdu, ResponsePdu, SubmitSm, SubmitSmResp
from inbound.smpp.session import Session
from inbound.smpp.status import Status, is_temporary
from inbound.store.sealing import Sealer
from tests.chaos.balance import Balance
from tests.chaos.deployment import Deployment
from tests.chaos.orders import PlacedOrder
from tests.fix_service import VAULT_KEY, free_port

_AGAIN_S: Final = 0.5
_AGAIN_WITHIN_S: Final = 40.0
_UCS_2: Final = 8
_OPEN_STATES: Final = frozenset({"scheduled", "queued", "sent"})


def program_text(number: int) -> str:
    """Return the text of a message; no reply, order or broadcast looks like it."""
    return f"Программа {number}"


class SmppProgram:
    """Submits at a steady rate until stopped. Every text is another one."""

    def __init__(
        self, deployment: Deployment, numbers: list[str], rng: random.Random, per_second: float
    ) -> None:
        self.is_paused = False
        self.told: set[str] = set()
        """The ids of which a receipt came."""
        self._answered: dict[str, tuple[str, str]] = {}
        """Of each text: the number, and the id that the service gave to it."""
        self._refused: dict[str, str] = {}
        self._unsure: dict[str, str] = {}
        self._deployment = deployment
        self._numbers = numbers
        self._rng = rng
        self._period_s = 1 / per_second
        self._esme: Esme | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()

    async def prepare(self) -> None:
        """Start the ingress and make an account, while nothing is at fault yet."""
        port = free_port()
        self._deployment.extra_environment |= {
            "SCSERV_INGRESS__PORT": str(free_port()),
            "SCSERV_SMPP_SERVER__PORT": str(port),
        }
        self._deployment.revive(*await self._deployment.start("ingress"))
        status, said = await self._deployment.scserv("accounts", "create", "program", "--json")
        if status:
            raise ScservError(f"the program has no account: {said}")
        account: dict[str, Any] = json.loads(said.splitlines()[-1])
        settings = BindSettings(
            self._deployment.api_host,
            port,
            account["login"],
            account["password"],
            name="program",
            window=50,
            enquire_link_s=2,
            response_timeout_s=8,
            reconnect_min_s=0.1,
            reconnect_max_s=1,
        )
        self._esme = Esme(settings, self._on_request)

    async def run(self) -> None:
        """Submit until stopped; return when every message is answered or given up."""
        esme = self._bound()
        running = asyncio.create_task(esme.run())
        number = 0
        try:
            while not self._stop.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._period_s):
                        await self._stop.wait()
                if self.is_paused or self._stop.is_set():
                    continue
                number += 1
                task = asyncio.create_task(
                    self._submit(esme, self._rng.choice(self._numbers), program_text(number))
                )
                self._open.add(task)
                task.add_done_callback(self._open.discard)
            await asyncio.gather(*self._open)
            # Its receipts go on coming until the campaign cancels it.
            await asyncio.Event().wait()
        finally:
            running.cancel()
            for task in self._open:
                task.cancel()

    def stop(self) -> None:
        """Submit no more messages."""
        self._stop.set()

    @property
    def is_answered(self) -> bool:
        """Whether every message is answered or given up."""
        return self._stop.is_set() and not self._open

    def placed(self) -> list[PlacedOrder]:
        """Return what the service has taken, as far as the program knows."""
        refused = (
            PlacedOrder(None, number, text, is_refused=True)
            for text, number in self._refused.items()
        )
        return [*refused, *self._found()]

    def texts(self) -> set[str]:
        """Return every text that was submitted."""
        return {*self._answered, *self._refused, *self._unsure}

    def check(self, result: Balance) -> None:
        """Add what went wrong between the program and the service."""
        orders = self._orders_by_text()
        rows = self._deployment.rows(
            "SELECT message_id, order_id, coalesce(orders.state, smpp_messages.state)"
            " FROM smpp_messages LEFT JOIN orders USING (order_id)"
        )
        ids = {str(message_id): (order_id, state) for message_id, order_id, state in rows}
        for text, (number, message_id) in self._answered.items():
            order_id, state = ids.get(message_id, (None, None))
            is_lost = order_id is None or order_id not in orders[text]
            result.say("lost", int(is_lost), f"{number}: {text} was answered and is no order")
            untold = state not in _OPEN_STATES and message_id not in self.told
            result.say("lost", int(untold), f"{number}: no receipt for {text}, which is {state}")
        for text in self.texts():
            more = max(len(orders[text]) - 1, 0)
            result.say("doubled", more, f"{text} is {more + 1} orders")

    def _found(self) -> list[PlacedOrder]:
        """Return the orders of what was answered, and of what was given up and is one."""
        orders = self._orders_by_text()
        numbers = {text: number for text, (number, _) in self._answered.items()} | self._unsure
        return [
            PlacedOrder(order_id, number, text)
            for text, number in numbers.items()
            for order_id in orders[text]
        ]

    def _orders_by_text(self) -> dict[str, list[UUID]]:
        sealer = Sealer(VaultCipher(VAULT_KEY))
        found: dict[str, list[UUID]] = defaultdict(list)
        for order_id, sealed in self._deployment.rows(
            "SELECT order_id, sealed FROM orders JOIN order_contents USING (order_id)"
            " WHERE account = 'program'"
        ):
            found[sealer.open_order_text(sealed, order_id)].append(order_id)
        return found

    async def _submit(self, esme: Esme, number: str, text: str) -> None:
        """Submit a message until it is answered for good, or too old to be recognised."""
        give_up_at: float | None = None
        while give_up_at is None or time.monotonic() < give_up_at:
            await esme.slot()
            sent, session = esme.submit(_message(number, text)), esme.session
            try:
                answer = await sent
            except NotSentError:
                continue
            except SmppError:
                give_up_at = give_up_at or time.monotonic() + _AGAIN_WITHIN_S
                if session is not None:
                    session.abort("no answer")
                continue
            if is_temporary(answer.status):
                give_up_at = give_up_at or time.monotonic() + _AGAIN_WITHIN_S
                await asyncio.sleep(_AGAIN_S)
                continue
            self._note(number, text, answer)
            return
        self._unsure[text] = number

    def _note(self, number: str, text: str, answer: SubmitSmResp) -> None:
        if not answer.status:
            self._answered[text] = number, answer.message_id
        elif answer.status == Status.ESME_RSUBMITFAIL:
            self._unsure[text] = number  # its first copy came over a link that is still open
        else:
            self._refused[text] = number

    async def _on_request(self, request: RequestPdu[Any], _: Session) -> ResponsePdu:
        read = receipts.read(request) if isinstance(request, DeliverSm) else None
        if read is not None:
            self.told.update(read.message_ids[:1])
        answer: ResponsePdu = request.answer()
        return answer

    def _bound(self) -> Esme:
        if self._esme is None:
            raise ScservError("call prepare first")
        return self._esme


def _message(number: str, text: str) -> SubmitSm:
    return SubmitSm(
        source_addr_ton=5,
        source_addr="SCSERV",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr=number[1:],
        registered_delivery=1,
        data_coding=_UCS_2,
        short_message=text.encode("utf-16-be"),
    )
