"""Lets requests of one account do what takes the CPU for long one after the other.

A list of 1,000 numbers takes up to 0.2 s to read. All requests share one event loop, so an account
with many such lists at once would hold up everybody; so it holds up itself.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class AccountTurns:
    """The turns of all accounts. For one event loop."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}

    @asynccontextmanager
    async def of(self, account: str) -> AsyncIterator[None]:
        """Wait until no other request of the account is in here; others go on meanwhile."""
        turn = self._turns.setdefault(account, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[account]
