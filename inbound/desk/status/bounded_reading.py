"""Reads a source within a time limit, also while the source hangs.

A reading that takes longer goes on, because nothing interrupts a client that waits for a server
that hangs. Until it ends its source counts as silent, so that readings don't pile up.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from inbound.store.connections import CONNECT_SECONDS
from inbound.store.errors import StoreUnavailable

ANSWER_WITHIN_S: Final = CONNECT_SECONDS + 1.0
"""A second more than for a connection, so that it is known why there is none."""

Found = TypeVar("Found")


class BoundedReading:
    """Readings of one source. Call it from one event loop only."""

    def __init__(self, where: str, within_s: float = ANSWER_WITHIN_S) -> None:
        """`where` names the database in errors."""
        self._where = where
        self._within_s = within_s
        self._overdue: asyncio.Future[Any] | None = None

    async def read(self, read: Callable[[], Awaitable[Found]]) -> Found:
        """Return what `read` returns, or raise what it raises.

        Raises StoreUnavailable after the time limit, and at once while an earlier reading that has
        exceeded it goes on.
        """
        if self._overdue is None or self._overdue.done():
            reading = asyncio.ensure_future(read())
            reading.add_done_callback(_retrieve)
            await asyncio.wait({reading}, timeout=self._within_s)
            if reading.done():
                return reading.result()
            self._overdue = reading
        raise StoreUnavailable(
            f"PostgreSQL at {self._where} has not answered within {self._within_s:g} s"
        )


def _retrieve(reading: "asyncio.Future[Any]") -> None:
    """Retrieve what a reading raised: nobody may wait for it any more."""
    if not reading.cancelled():
        reading.exception()
