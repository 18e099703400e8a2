"""Collects what a gateway sets aside, in place of the dead letters in the database."""

import asyncio
from collections.abc import Callable, Sequence

from inbound.errors import RetryableError
from inbound.store.dead_letters.rows import DeadLetter


class SetAside:
    """Notes dead letters. While `away` it raises as a database does that is away."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.tried = 0
        self.away = False
        self._called = asyncio.Event()

    async def __call__(self, letters: Sequence[DeadLetter]) -> None:
        self.tried += 1
        self._called.set()
        if self.away:
            raise RetryableError("the database is away")
        self.letters += letters

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until a call makes a condition true."""
        while not condition():
            self._called.clear()
            await self._called.wait()
