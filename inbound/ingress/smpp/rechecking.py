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
from inbound.ops import metrics
from inbound.store.access.account_credentials import find_outdated
from inbound.store.connection_pool import ConnectionPool

log = logging.getLogger(__name__)

CHECK_EVERY_S: Final = 1.0

_OUTDATED: Final = "its credentials or its address are not those of the account any more"


@dataclass(frozen=True, slots=True)
class Rechecking:
    """Checks the links of this process again and again."""

    pool: ConnectionPool
    links: AccountLinks

    async def check(self) -> None:
        """End the links that could not bind again. Raises RetryableError."""
        if not (signed_in := self.links.signed_in()):
            return
        outdated = set(await self.pool.run(find_outdated, signed_in))
        if self.links.end(outdated, _OUTDATED):
            metrics.SMPP_SERVER_LINKS.set(len(self.links))
            for account in sorted({one.account for one in outdated}):
                log.info("links of account %s ended: %s", account, _OUTDATED)

    async def run(self) -> None:
        """Check until cancelled. While the database does not answer, nothing is taken either."""
        while True:
            try:
                await self.check()
            except RetryableError as error:
                log.warning("links over SMPP could not be checked: %s", error)
            await asyncio.sleep(CHECK_EVERY_S)
