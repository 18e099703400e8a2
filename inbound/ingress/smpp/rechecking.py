"""Ends links that could not bind again: their credentials or their address are not valid any more.

A bind is checked once and may stay for months; an operator who replaces stolen credentials expects
that the links that use them end at once, too.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from inbound.errors import RetryableError
from inbound.ingress.smpp.links import AccountLinks
from inbound.ingress.smpp.outages import Outage
from inbound.ops import server_metrics
from inbound.store.access.account_credentials import find_outdated
from inbound.store.connection_pool import ConnectionPool

log = logging.getLogger(__name__)

CHECK_EVERY_S: Final = 1.0

_OUTDATED: Final = "its credentials or its address are not those of the account any more"


@dataclass(frozen=True, slots=True)
class LinkRechecker:
    """Checks the links of this process again and again."""

    pool: ConnectionPool
    links: AccountLinks

    async def check(self) -> bool:
        """End the links that could not bind again; return whether there were links to ask about.

        Raises RetryableError.
        """
        if not (signed_in := self.links.signed_in()):
            return False
        outdated = set(await self.pool.run(find_outdated, signed_in))
        if self.links.end(outdated, _OUTDATED):
            server_metrics.SMPP_SERVER_LINKS.set(len(self.links))
            for account in sorted({one.account for one in outdated}):
                log.info("links of account %s ended: %s", account, _OUTDATED)
        return True

    async def run(self) -> None:
        """Check until cancelled. While the database does not answer, nothing is taken either."""
        outage = Outage("checks of links over SMPP")
        while True:
            try:
                if await self.check():
                    outage.works()
            except RetryableError as error:
                outage.waits(error)
            await asyncio.sleep(CHECK_EVERY_S)
