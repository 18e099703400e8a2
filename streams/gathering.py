"""Makes batches of what arrives one by one: while one is processed, the next fills up.

Faust's own `take` does not fill its buffer while a batch is processed, and then waits a fixed time:
under load that gives batches of a few records, each a transaction, while hundreds wait.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import suppress
from typing import TypeVar

Item = TypeVar("Item")


async def gathered(items: AsyncIterable[Item], limit: int) -> AsyncGenerator[list[Item], None]:
    """Yield everything that has arrived since the last batch, up to `limit`, in order.

    At most `limit` items wait meanwhile. Ends with `items`, and raises what they raise, after what
    arrived before.
    """
    waiting: deque[Item] = deque()
    arrived, room = asyncio.Event(), asyncio.Event()

    async def gather() -> None:
        async for item in items:
            waiting.append(item)
            arrived.set()
            while len(waiting) >= limit:
                room.clear()
                await room.wait()

    gathering = asyncio.create_task(gather())
    gathering.add_done_callback(lambda _: arrived.set())
    try:
        while True:
            await arrived.wait()
            arrived.clear()
            while waiting:
                batch = [waiting.popleft() for _ in range(min(limit, len(waiting)))]
                room.set()
                yield batch
            if gathering.done():
                gathering.result()
                return
    finally:
        gathering.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await gathering
