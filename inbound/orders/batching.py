"""Shares a transaction among orders that arrive within milliseconds of each other.

A transaction costs much the same for one order as for hundreds, because it takes the log lock.
Callers wait in a queue. One task takes what has gathered, places it and answers; what arrives
meanwhile is the next batch. The queue is bounded: beyond it callers are told to come back.

A caller that goes away changes nothing: what it has queued is placed all the same, once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

from inbound.errors import RetryableError
from inbound.orders.intake import MOST_IN_BATCH
from inbound.orders.ports import Placed
from schemas.orders import Order

MOST_WAITING: Final = 5000
GATHER_S: Final = 0.002

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class TooManyWaitingError(RetryableError):
    """The queue of orders is full."""


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Answer]):
    orders: Sequence[Item]
    answer: "asyncio.Future[Sequence[Answer]]"


class Batcher(Generic[Item, Answer]):
    """Gathers the orders of concurrent callers into batches. For one event loop.

    `place` places a batch, as that of an `Intake` does; an item is one order with whatever `place`
    needs to know of it. `most_waiting` counts orders that are in no batch yet.
    """

    def __init__(
        self,
        place: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        gather_s: float = GATHER_S,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._place = place
        self._gather_s = gather_s
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting[Item, Answer]] = deque()
        self._count = 0
        self._leader: asyncio.Task[None] | None = None

    async def place(self, orders: Sequence[Item]) -> Sequence[Answer]:
        """Place up to `MOST_IN_BATCH` orders in one transaction with others; return the answers.

        Durable when it returns. Raises TooManyWaitingError at once when the queue is full: then
        nothing was placed. Otherwise blocks and raises as `Intake.place` does. When the caller is
        cancelled, the orders are placed none the less.
        """
        if len(orders) > MOST_IN_BATCH:
            raise ValueError(f"at most {MOST_IN_BATCH} orders at once")
        if self._count + len(orders) > self._most_waiting:
            raise TooManyWaitingError("too many orders wait to be placed")
        answer: asyncio.Future[Sequence[Answer]] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(orders, answer)
        self._waiting.append(waiting)
        self._count += len(orders)
        if self._leader is None:
            self._leader = asyncio.create_task(self._lead())
        return await asyncio.shield(answer)

    async def close(self) -> None:
        """Wait until everything in the queue has its answer."""
        while self._leader is not None:
            await asyncio.shield(self._leader)

    async def _lead(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(self._gather_s)
                await self._place_batch(self._take_batch())
        finally:
            self._leader = None

    def _take_batch(self) -> list[_Waiting[Item, Answer]]:
        batch: list[_Waiting[Item, Answer]] = []
        size = 0
        while self._waiting and size + len(self._waiting[0].orders) <= MOST_IN_BATCH:
            batch.append(self._waiting.popleft())
            size += len(batch[-1].orders)
        self._count -= size
        return batch

    async def _place_batch(self, batch: Sequence[_Waiting[Item, Answer]]) -> None:
        """Place a batch; if that fails because of its content, each caller's part alone."""
        try:
            placed = await self._place([order for one in batch for order in one.orders])
        except Exception as error:  # noqa: BLE001 — goes to the callers
            if len(batch) == 1 or isinstance(error, RetryableError):
                for one in batch:
                    _fail(one, error)
            else:
                for one in batch:
                    await self._place_batch([one])
            return
        answers = iter(placed)
        for one in batch:
            one.answer.set_result([next(answers) for _ in one.orders])


OrderBatcher: TypeAlias = Batcher[Order, Placed]


def _fail(waiting: _Waiting[Item, Answer], error: Exception) -> None:
    waiting.answer.set_exception(error)
    waiting.answer.exception()  # retrieve it: the caller may be gone
