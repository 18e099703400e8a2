"""Says what a start of `scserv up` waits for, when it takes a while."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

SAY_EVERY_S: Final = 5.0


class Waiting:
    """What is awaited now; `say` gets a line whenever that has not changed for a while."""

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._say = say
        self._sleep = sleep
        self._awaited = ""

    def wait_for(self, what: str) -> None:
        """Set what is awaited from now on; "" if nothing is."""
        self._awaited = what

    async def watch(self) -> None:
        """Say what is awaited, each thing once, until cancelled."""
        said = before = ""
        while True:
            await self._sleep(SAY_EVERY_S)
            if self._awaited and self._awaited == before != said:
                said = self._awaited
                self._say(f"waiting for {said}")
            before = self._awaited
