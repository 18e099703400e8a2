"""Long messages, which programs submit in parts: each part is stored and answered by itself.

A program with a window of one sends the second part after the answer to the first, so an answer
can't wait for the whole message. The order is placed when the last part arrives; a message that
stays incomplete expires, and its program gets the receipt that says so.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from inbound.errors import RetryableError
from inbound.ingress.smpp.outages import Outage
from inbound.ingress.smpp.placing import REPEATS_WITHIN
from inbound.ingress.smpp.sealing import open_pdu
from inbound.ingress.smpp.submission import Submission, SubmissionError, join, read
from inbound.smpp.pdu import SubmitSm, decode
from inbound.store.connection_pool import ConnectionPool
from inbound.store.sealing import Sealer
from inbound.store.smpp import parts
from inbound.store.smpp.parts import AddedPart, SubmittedPartsKey
from inbound.store.smpp.rows import NewPart, SubmittedPart

log = logging.getLogger(__name__)

WAIT: Final = timedelta(minutes=5)
"""How long a part waits for the next one."""
SWEEP_S: Final = 15.0

_LEFT_BEHIND: Final = timedelta(seconds=15)
_AT_ONCE: Final = 100


PlaceMessage = Callable[[SubmittedPartsKey, Sequence[SubmittedPart]], Awaitable[None]]


class Whole(NamedTuple):
    """A message whose parts are all there: their ids in order, without repeating equal ones."""

    submission: Submission
    text: str
    message_ids: Sequence[int]
    link: UUID
    registered: int


@dataclass(frozen=True, slots=True)
class LongMessages:
    """The parts of long messages. `open_links` gives the ids of the links that are open."""

    pool: ConnectionPool
    sealer: Sealer
    country: str
    open_links: Callable[[], Collection[UUID]]
    clock: Callable[[], datetime]

    async def add(self, part: NewPart, *, own_id: bool) -> AddedPart:
        """Store a part; raises as `parts.add_part`, and RetryableError."""
        return await self.pool.run(
            parts.add_part,
            part,
            own_id=own_id,
            repeats_since=self.clock() - REPEATS_WITHIN,
            open_links=self.open_links(),
        )

    def whole(self, stored: Sequence[SubmittedPart], parts_key: bytes) -> Whole:
        """Join the parts of a message. Raises SubmissionError.

        Times, sender and the wish for a receipt are those of the first part.
        """
        read_parts: list[Submission] = []
        for one in stored:
            pdu = decode(open_pdu(self.sealer, one.pdu or b"", parts_key))
            if not isinstance(pdu, SubmitSm):
                raise TypeError("a part is a submit_sm")
            read_parts.append(read(pdu, self.country, one.arrived_at))
        ids = tuple(dict.fromkeys(one.message_id for one in stored))
        registered = next((one.registered for one in stored if one.registered), 0)
        text = join(read_parts)
        return Whole(read_parts[0], text, ids, stored[-1].link, registered)

    async def reject(self, key: SubmittedPartsKey) -> None:
        """End a message that can't become an order: its program gets a receipt."""
        await self.pool.run(parts.reject_parts, key, self.clock())

    async def sweep(self, place: PlaceMessage) -> None:
        """End incomplete messages, and hand complete ones that were left behind to `place`.

        A process that was killed after the last part was stored leaves such ones.
        """
        now = self.clock()
        expired = await self.pool.run(parts.expire_parts, now - WAIT, now)
        if expired:
            log.info("%d long messages over SMPP stayed incomplete and have expired", expired)
        found = await self.pool.run(parts.find_complete, now - _LEFT_BEHIND, _AT_ONCE)
        for key in found:
            await place(key, await self.pool.run(parts.find_parts, key))

    async def run(self, place: PlaceMessage) -> None:
        """Sweep until cancelled."""
        outage = Outage("parts of long messages over SMPP")
        while True:
            try:
                await self.sweep(place)
                outage.works()
            except RetryableError as error:
                outage.waits(error)
            await asyncio.sleep(SWEEP_S)


__all__ = ["LongMessages", "SubmissionError", "Whole"]
