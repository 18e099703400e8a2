"""Shares a lookup among callers who ask the same at the same time.

Fifty requests with one token need its row fifty times within milliseconds. A caller never gets
the answer of a lookup that had begun when it asked: a token that was revoked before a request came
is not valid for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, ParamSpec, TypeVar

Asked = ParamSpec("Asked")
Found = TypeVar("Found")


class SharedLookups(Generic[Asked, Found]):
    """Looks up one thing once at a time. For one event loop; arguments have to be hashable."""

    def __init__(self, find: Callable[Asked, Awaitable[Found]]) -> None:
        self._find = find
        self._running: dict[object, asyncio.Task[Found]] = {}
        self._waiting: dict[object, asyncio.Task[Found]] = {}

    async def find(self, *args: Asked.args, **kwargs: Asked.kwargs) -> Found:
        """Return what a lookup that begins after this call finds; raise what it raises.

        When the caller is cancelled the lookup goes on, for the others.
        """
        key = args, tuple(sorted(kwargs.items()))
        lookup = self._waiting.get(key)
        if lookup is None:
            lookup = asyncio.create_task(self._look_up(key, *args, **kwargs))
            lookup.add_done_callback(_retrieve)
            self._waiting[key] = lookup
        return await asyncio.shield(lookup)

    async def _look_up(self, key: object, *args: Asked.args, **kwargs: Asked.kwargs) -> Found:
        if before := self._running.get(key):
            await asyncio.wait([before])
        # From here on a caller comes too late for this lookup.
        mine = self._running[key] = self._waiting.pop(key)
        try:
            return await self._find(*args, **kwargs)
        finally:
            if self._running.get(key) is mine:
                del self._running[key]


def _retrieve(lookup: "asyncio.Task[Found]") -> None:
    if not lookup.cancelled():
        lookup.exception()  # every caller may be gone
