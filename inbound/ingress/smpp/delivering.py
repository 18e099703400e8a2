"""Delivers to programs, in order, until it is acknowledged: receipts and texts of phones.

Both wait in PostgreSQL while a program is away. Those of one account go over one link at a time,
the newest that receives; accounts don't wait for each other. What was sent and not acknowledged is
sent again.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from inbound.errors import RetryableError
from inbound.ingress.smpp.links import AccountLinks, Link
from inbound.ingress.smpp.outages import Outage
from inbound.ingress.smpp.receipts import receipt
from inbound.ingress.smpp.sealing import Addresses
from inbound.ingress.smpp.texts import text_pdus
from inbound.keys import UnsealError
from inbound.ops import server_metrics
from inbound.smpp.errors import NotSentError, SmppError
from inbound.smpp.pdu import DeliverSm, DeliverSmResp
from inbound.smpp.status import is_temporary, name_of
from inbound.store.connection_pool import ConnectionPool
from inbound.store.mo.account_texts import TextContent
from inbound.store.sealing import Sealer
from inbound.store.smpp import deliveries
from inbound.store.smpp.deliveries import Holder
from inbound.store.smpp.rows import WaitingDelivery, WaitingReceipt, WaitingText

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.25
AT_ONCE: Final = 20
LEASE: Final = timedelta(seconds=15)
"""A process that was killed keeps others from delivering for this long."""

_BACK_OFF_S: Final = 2.0
_LONG_BREAK_S: Final = 3.0
_MEASURE_EVERY: Final = 40
"""Looks."""


class Delivering:
    """Looks for what waits for accounts that have a link to receive on. For one event loop."""

    def __init__(
        self,
        pool: ConnectionPool,
        sealer: Sealer,
        links: AccountLinks,
        *,
        holder: UUID,
        clock: Callable[[], datetime],
    ) -> None:
        """`holder` names this process among others."""
        self._pool = pool
        self._sealer = sealer
        self._links = links
        self._holder = Holder(holder, LEASE)
        self._clock = clock
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._held: set[str] = set()
        self._outage = Outage("deliveries over SMPP")

    async def run(self) -> None:
        """Deliver until cancelled."""
        looks = 0
        try:
            while True:
                pause = LOOK_EVERY_S
                try:
                    if await self._look():
                        self._outage.works()
                    if looks % _MEASURE_EVERY == 0:
                        await self._measure()
                except RetryableError as error:
                    self._outage.waits(error)
                    pause = _LONG_BREAK_S
                looks += 1
                await asyncio.sleep(pause)
        finally:
            for task in self._serving.values():
                task.cancel()
            await asyncio.gather(*self._serving.values(), return_exceptions=True)

    async def _look(self) -> bool:
        """Serve the accounts for which something waits; return whether the database was asked."""
        bound = self._links.accounts()
        for account in self._held - bound - self._serving.keys():
            self._held.discard(account)
            await self._pool.run(deliveries.release, account, self._holder)
        wanted = bound - self._serving.keys()
        if not wanted:
            return False
        for account in await self._pool.run(deliveries.accounts_with_deliveries, wanted):
            self._serving[account] = asyncio.create_task(self._serve(account))
        return True

    async def _measure(self) -> None:
        waiting = await self._pool.run(deliveries.count_waiting)
        server_metrics.SMPP_SERVER_WAITING.set(waiting.rows)

    async def _serve(self, account: str) -> None:
        try:
            while (link := self._links.receiver(account)) is not None:
                now = self._clock()
                taken = await self._pool.run(deliveries.take, account, self._holder, now, AT_ONCE)
                if not taken:
                    return
                self._held.add(account)
                if not await self._deliver(link, taken):
                    await asyncio.sleep(_BACK_OFF_S)
        except RetryableError as error:
            self._outage.waits(error)
            await asyncio.sleep(_LONG_BREAK_S)
        finally:
            del self._serving[account]

    async def _deliver(self, link: Link, taken: Sequence[WaitingDelivery]) -> bool:
        """Deliver as many as the window takes; return whether all of those were taken."""
        room = link.session.window_free()
        sent: list[tuple[WaitingDelivery, list[asyncio.Future[DeliverSmResp]]]] = []
        for one in taken:
            pdus = self._pdus(one, link)
            if sent and len(pdus) > room:
                break
            room -= len(pdus)
            sent.append((one, await _send_all(link, pdus)))
        await asyncio.wait([answer for _, answers in sent for answer in answers])
        # All answers are looked at, because each is counted.
        done = [one.id for one, answers in sent if all([_is_done(each) for each in answers])]  # noqa: C419
        if done:
            await self._pool.run(deliveries.finish, done)
        return len(done) == len(sent)

    def _pdus(self, one: WaitingDelivery, link: Link) -> list[DeliverSm]:
        if isinstance(one, WaitingText):
            content = TextContent.open(self._sealer, one.sealed, one.text_id)
            return text_pdus(content, one.id, link.options)
        addresses = Addresses.open(self._sealer, one.addresses, one.message_id)
        return [receipt(one, addresses, self._answer(one))]

    def _answer(self, one: WaitingReceipt) -> str:
        if one.answer is None or one.number_hash is None:
            return ""
        try:
            return self._sealer.open_network_answer(one.answer, one.number_hash)
        except UnsealError:
            # It waited in Kafka or for its message while the vault key was rotated.
            log.warning("message %d: the answer of the network can't be opened", one.message_id)
            return ""


async def _send_all(link: Link, pdus: Sequence[DeliverSm]) -> "list[asyncio.Future[DeliverSmResp]]":
    """Send the parts of one delivery; those of a text may be more than the window takes."""
    answers = []
    for pdu in pdus:
        with suppress(NotSentError):
            await link.session.slot()
        answers.append(link.session.send(pdu))
    return answers


def _is_done(answer: "asyncio.Future[DeliverSmResp]") -> bool:
    """Whether it was acknowledged, or refused for good, which sending again won't change."""
    try:
        status = answer.result().status
    except SmppError as error:
        log.info("a delivery over SMPP was not acknowledged: %s", error)
        server_metrics.SMPP_SERVER_DELIVERIES.add(1, {"outcome": "unanswered"})
        return False
    if not status:
        server_metrics.SMPP_SERVER_DELIVERIES.add(1, {"outcome": "acknowledged"})
        return True
    if is_temporary(status):
        server_metrics.SMPP_SERVER_DELIVERIES.add(1, {"outcome": "postponed"})
        return False
    log.warning("a program refused a delivery for good: %s", name_of(status))
    server_metrics.SMPP_SERVER_DELIVERIES.add(1, {"outcome": "refused"})
    return True
