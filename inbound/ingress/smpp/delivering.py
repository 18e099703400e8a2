"""Delivers to programs, in order, until it is acknowledged: receipts and texts of phones.

Both wait in PostgreSQL while a program is away. Those of one account go over one link at a time,
the newest that receives; accounts don't wait for each other. When one is answered, the next one
takes its place in the window, so a slow answer holds up no more than its own place, and what else
there is about the same message or from the same phone. What was sent and not acknowledged is sent
again.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Final
from uuid import UUID

from inbound.errors import RetryableError
from inbound.ingress.smpp.links import AccountLinks, Link
from inbound.ingress.smpp.outages import Outage
from inbound.ingress.smpp.outstanding import DeliverAnswer, Outstanding
from inbound.ingress.smpp.receipts import receipt
from inbound.ingress.smpp.sealing import Addresses
from inbound.ingress.smpp.texts import text_pdus
from inbound.keys import UnsealError
from inbound.ops import server_metrics
from inbound.smpp.errors import SmppError
from inbound.smpp.pdu import DeliverSm
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

_RENEW_S: Final = LEASE.total_seconds() / 3
"""An answer may take longer than the lease."""
_BACK_OFF_S: Final = 2.0
_LONG_BREAK_S: Final = 3.0
_LAST_ANSWERS_S: Final = 1.0
"""For answers when the process ends."""
_MEASURE_EVERY: Final = 40
"""Looks."""


@dataclass(slots=True, eq=False)
class _Serving:
    """An account that is served. Times are in seconds of the event loop's clock."""

    account: str
    outstanding: Outstanding = field(default_factory=Outstanding)
    pauses_until: float = -inf
    """Nothing is begun before: the program has refused something for now, or not answered."""
    is_paused: bool = False
    """Whether nothing could be begun when places were last filled, because of the pause."""
    has_skipped: bool = False
    """Whether places may be free although something waits, because it was about the same."""
    answered_at: float = -inf
    is_mute: bool = False
    """Whether something was not answered in time, and nothing else for as long as a lease."""
    renew_at: float = -inf


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
        self._serving: dict[str, _Serving] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
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
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            with suppress(RetryableError):  # then the leases run out
                for account in self._held:
                    await self._pool.run(deliveries.release, account, self._holder)

    async def _look(self) -> bool:
        """Serve the accounts for which something waits; return whether the database was asked."""
        bound = self._links.accounts()
        for account in self._held - bound - self._serving.keys():
            self._held.discard(account)
            await self._pool.run(deliveries.release, account, self._holder)
        # What comes before the newest that was sent, an account that is served takes by itself.
        after = dict.fromkeys(bound - self._serving.keys(), 0) | {
            one.account: one.outstanding.newest for one in self._serving.values() if self._free(one)
        }
        if not after:
            return False
        for account in await self._pool.run(deliveries.accounts_with_deliveries, after):
            if (serving := self._serving.get(account)) is not None:
                serving.outstanding.wake()
            else:
                serving = self._serving[account] = _Serving(account)
                self._tasks[account] = asyncio.create_task(self._serve(serving))
        return True

    async def _measure(self) -> None:
        waiting = await self._pool.run(deliveries.count_waiting)
        server_metrics.SMPP_SERVER_WAITING.set(waiting.rows)

    async def _serve(self, serving: _Serving) -> None:
        # If one can't be made, those before it have to be settled, or they are sent again.
        limit_s = _RENEW_S
        try:
            await self._deliver_until_done(serving)
        except asyncio.CancelledError:
            limit_s = _LAST_ANSWERS_S
            raise
        finally:
            try:
                await self._end(serving, limit_s)
            finally:
                del self._serving[serving.account], self._tasks[serving.account]

    async def _end(self, serving: _Serving, limit_s: float) -> None:
        """Wait for answers, as long as allowed, and settle what was answered."""
        try:
            await serving.outstanding.wait_for_all(limit_s)
        finally:
            self._count_answers(serving)
            if acknowledged := serving.outstanding.acknowledged:
                await self._pool.run(deliveries.finish, acknowledged)

    async def _deliver_until_done(self, serving: _Serving) -> None:
        """Fill each place again when it is free, until all is answered and nothing can be sent.

        Nothing waits then, or no link receives, or another process delivers to the account.
        """
        while True:
            try:
                is_done = await self._fill(serving)
            except RetryableError as error:
                self._outage.waits(error)
                await asyncio.sleep(_LONG_BREAK_S)
                continue
            if is_done:
                return
            await serving.outstanding.wait(self._longest_wait(serving))

    async def _fill(self, serving: _Serving) -> bool:
        """Settle what is answered and send as many others; return whether there is no more to do.

        Raises RetryableError.
        """
        outstanding, now = serving.outstanding, asyncio.get_running_loop().time()
        self._count_answers(serving)
        if serving.is_mute:
            # Another process may have a link that answers.
            await self._pool.run(deliveries.release, serving.account, self._holder)
            serving.is_mute, serving.renew_at = False, serving.pauses_until
        outstanding.send_more()  # before others take the room
        serving.is_paused = now < serving.pauses_until
        free = self._free(serving)
        taken: Sequence[WaitingDelivery] = ()
        if free or outstanding.acknowledged or (outstanding and serving.renew_at <= now):
            acknowledged = list(outstanding.acknowledged)
            taken = await self._pool.run(
                deliveries.take,
                serving.account,
                self._holder,
                self._clock(),
                limit=free,
                acknowledged=acknowledged,
                outstanding=outstanding.topics,
            )
            del outstanding.acknowledged[: len(acknowledged)]
            serving.renew_at = now + _RENEW_S
        if taken:
            self._held.add(serving.account)
        self._begin(serving, taken)
        if outstanding or now < serving.pauses_until:
            return False
        return not taken and (bool(free) or self._links.receiver(serving.account) is None)

    def _begin(self, serving: _Serving, taken: Sequence[WaitingDelivery]) -> None:
        """Send what was taken; what there is no room for is taken again later."""
        serving.has_skipped = False
        for one in taken:
            link = self._links.receiver(serving.account)
            if link is None or not self._free(serving):
                return
            if one.topic in serving.outstanding.topics:
                serving.has_skipped = True
            else:
                serving.outstanding.begin(one, link.session, self._pdus(one, link))

    def _free(self, serving: _Serving) -> int:
        """How many deliveries may be begun now."""
        link = self._links.receiver(serving.account)
        if link is None or asyncio.get_running_loop().time() < serving.pauses_until:
            return 0
        return min(AT_ONCE - len(serving.outstanding), link.session.window_free())

    def _count_answers(self, serving: _Serving) -> None:
        """Look at the answers; those that were not taken are sent again after a pause."""
        now = asyncio.get_running_loop().time()
        is_unanswered = False
        for one in serving.outstanding.take_answered():
            # All answers are looked at, because each is counted.
            if all([_is_done(answer) for answer in one.answers]):  # noqa: C419
                serving.outstanding.acknowledged.append(one.id)
            else:
                serving.pauses_until = now + _BACK_OFF_S
            if any(answer.exception() is None for answer in one.answers):
                serving.answered_at = now
            else:
                is_unanswered = True
        if is_unanswered and now - serving.answered_at > LEASE.total_seconds():
            serving.is_mute = True

    def _longest_wait(self, serving: _Serving) -> float:
        """How long to wait for answers. Nothing wakes us when a program reads again."""
        now, link = asyncio.get_running_loop().time(), self._links.receiver(serving.account)
        if serving.has_skipped and self._free(serving):
            return 0.0
        until = serving.renew_at if serving.outstanding else inf
        if serving.is_paused or now < serving.pauses_until:
            until = min(until, serving.pauses_until)
        elif not serving.outstanding or link is None or not link.session.window_free():
            until = min(until, now + LOOK_EVERY_S)
        return max(0.0, until - now)

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


def _is_done(answer: DeliverAnswer) -> bool:
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
