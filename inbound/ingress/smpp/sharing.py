"""Tells the other processes of the SMPP server about the links of this one, and learns of theirs.

So an account has as many links as it may in all processes together, and its rate holds over all of
them. While the database does not answer nothing is taken either.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Final
from uuid import UUID

from inbound.errors import RetryableError
from inbound.ingress.smpp.links import AccountLinks
from inbound.ingress.smpp.outages import Outage
from inbound.ops import server_metrics
from inbound.store.connection_pool import ConnectionPool
from inbound.store.smpp.links import renew_links

log = logging.getLogger(__name__)

SHARE_EVERY_S: Final = 1.0

_SHORTEST_S: Final = 0.1


@dataclass(slots=True)
class Sharing:
    """Renews the links of this process again and again; `process` names it."""

    pool: ConnectionPool
    links: AccountLinks
    process: UUID
    clock: Callable[[], float] = time.monotonic
    _shared_at: float = field(default=-inf, init=False)

    async def share(self) -> None:
        """Tell and learn once. Raises RetryableError."""
        submitted = self.links.submitted()
        now = self.clock()
        elapsed = max(now - self._shared_at, _SHORTEST_S)
        self._shared_at = now
        per_s = {link: count / elapsed for link, count in submitted.items()}
        closed = self.links.take_closed()
        kept = await self.pool.run(renew_links, self.process, per_s, closed)
        self.links.share(kept.others)
        if ended := self.links.end_replaced(submitted.keys() - kept.own):
            server_metrics.SMPP_SERVER_LINKS.set(len(self.links))
            log.info("%d links ended: their accounts have bound again to another process", ended)

    async def run(self) -> None:
        """Share until cancelled: every second, and at once when a link has closed.

        A program that binds again elsewhere must not find its closed link counted.
        """
        outage = Outage("counts of links over SMPP")
        while True:
            try:
                await self.share()
                outage.works()
            except RetryableError as error:
                outage.waits(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(SHARE_EVERY_S):
                    await self.links.has_closed.wait()
