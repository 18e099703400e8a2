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


async def gathered(
    items: AsyncIterable[Item], limit: int, every_s: float = 0.0
) -> AsyncGenerator[list[Item], None]:
    """Yield everything that has arrived since the last batch, up to `limit`, in order.

    A batch begins `every_s` after the one before at the earliest, unless it is full. At most
    `limit` items wait meanwhile. Ends with `items`, and raises what they raise, after what arrived
    before.
    """
    waiting: deque[Item] = deque()
    arrived, room, full = asyncio.Event(), asyncio.Event(), asyncio.Event()
    may_begin_at = 0.0

    async def gather() -> None:
        async for item in items:
            waiting.append(item)
            arrived.set()
            while len(waiting) >= limit:
                full.set()
                room.clear()
                await room.wait()

    def end(_: asyncio.Task[None]) -> None:
        arrived.set()
        full.set()

    gathering = asyncio.create_task(gather())
    gathering.add_done_callback(end)
    clock = asyncio.get_running_loop().time
    try:
        while True:
            await arrived.wait()
            arrived.clear()
            while waiting:
                if not full.is_set() and clock() < may_begin_at:
                    with suppress(TimeoutError):
                        async with asyncio.timeout_at(may_begin_at):
                            await full.wait()
                may_begin_at = clock() + every_s
                batch = [waiting.popleft() for _ in range(min(limit, len(waiting)))]
                if not gathering.done():
                    full.clear()
                room.set()
                yield batch
            if gathering.done():
                gathering.result()
                return
    finally:
        gathering.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await gathering
