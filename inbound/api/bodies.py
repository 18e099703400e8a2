"""Bodies of requests: how large they may be, and how long they may take."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from starlette.types import Message, Receive

from inbound.api.problems import ProblemKind, Refusal

MAX_BODY_BYTES: Final = 64 * 1024
MAX_SENDING_BODY_BYTES: Final = 4 * 1024 * 1024
MAX_LARGE_BODIES: Final = 8
BODY_TIMEOUT_S: Final = 10.0
MOST_DRAINED_BYTES: Final = 16 * 1024 * 1024
DRAIN_TIMEOUT_S: Final = 3.0


def busy(detail: str) -> Refusal:
    """Refuse a request because the service is too busy; it may be retried after a second."""
    return Refusal(ProblemKind.UNAVAILABLE, detail, {"Retry-After": "1"})


class LargeBodies:
    """Counts bodies larger than `MAX_BODY_BYTES`; only a few may be in memory."""

    def __init__(self) -> None:
        self._held = 0

    def take(self) -> None:
        """Make room for one. Raises Refusal if there is none."""
        if self._held >= MAX_LARGE_BODIES:
            raise busy("too many requests with large bodies at once; send this one again")
        self._held += 1

    def release(self) -> None:
        """Give the room of one back."""
        self._held -= 1


class Body:
    """Limits the time and the size of a body, whatever its headers say."""

    def __init__(self, receive: Receive, most: int, large: LargeBodies) -> None:
        self._receive = receive
        self._most = most
        self._large = large
        self._deadline = time.monotonic() + BODY_TIMEOUT_S
        self._size = 0
        self._is_large = False
        self._is_complete = False

    async def receive(self) -> Message:
        """Receive the next part. Raises Refusal beyond a limit."""
        if self._is_complete:  # only a disconnect can follow, at any time
            return await self._receive()
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(
                ProblemKind.BODY_TIMEOUT,
                f"the body has to arrive within {BODY_TIMEOUT_S:g} s; none of it was used",
                {"Connection": "close"},
            ) from None
        self._size += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        if self._size > self._most:
            if not self._is_complete:
                await drain(self._receive)
            raise too_large(self._most)
        if self._size > MAX_BODY_BYTES and not self._is_large:
            self._large.take()
            self._is_large = True
        return message

    def release(self) -> None:
        """The request has been answered."""
        if self._is_large:
            self._large.release()


async def drain(receive: Receive) -> None:
    """Read on for a while, and drop what comes.

    A connection that is closed while its client still sends is reset: the answer gets lost.
    """
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            while size < MOST_DRAINED_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def too_large(most: int) -> Refusal:
    """Refuse a body larger than this many bytes."""
    return Refusal(
        ProblemKind.TOO_LARGE,
        f"the body may have {most} bytes at most; send fewer items at a time",
        {"Connection": "close"},
    )
