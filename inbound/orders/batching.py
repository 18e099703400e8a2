"""Shares a transaction among orders that arrive within milliseconds of each other.

A transaction costs much the same for one order as for hundreds, because it takes the log lock.
Callers wait in a queue. One task takes the orders that have gathered, places them and answers;
those that arrive meanwhile are the next batch. The queue is bounded: beyond it callers are told to
come back.

Accounts take turns, so that one that orders thousands at once holds up another's single order for
a batch or two, and none fills the queue for the others.

If a caller goes away, its queued orders are still placed, once.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

from inbound.errors import RetryableError
from inbound.orders.intake import MOST_IN_BATCH
from inbound.orders.ports import Placed
from schemas.orders import Order

MOST_WAITING: Final = 10_000
"""An account may have half of what the others leave, and always one list."""
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

    `place` places a batch, like `Intake.place`; an item is one order with whatever `place` needs to
    know about it. `most_waiting` counts orders that are in no batch yet. `account_of` returns the
    account of an item; all items of a call belong to one account.
    """

    def __init__(
        self,
        place: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        account_of: Callable[[Item], str] = lambda _: "",
        gather_s: float = GATHER_S,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._place = place
        self._gather_s = gather_s
        self._most_waiting = most_waiting
        self._account_of = account_of
        self._waiting: dict[str, deque[_Waiting[Item, Answer]]] = {}
        self._counts: Counter[str] = Counter()
        self._leader: asyncio.Task[None] | None = None

    async def place(self, orders: Sequence[Item]) -> Sequence[Answer]:
        """Place up to `MOST_IN_BATCH` orders in one transaction with others; return the answers.

        Durable when it returns. Raises TooManyWaitingError at once when the queue is full: then
        nothing was placed. Otherwise blocks and raises as `Intake.place` does. If the caller is
        cancelled, the orders are placed all the same.
        """
        if len(orders) > MOST_IN_BATCH:
            raise ValueError(f"at most {MOST_IN_BATCH} orders at once")
        account = self._account_of(orders[0]) if orders else ""
        if self._is_full(account, len(orders)):
            raise TooManyWaitingError("too many orders wait to be placed")
        answer: asyncio.Future[Sequence[Answer]] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append(_Waiting(orders, answer))
        self._counts[account] += len(orders)
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

    def _is_full(self, account: str, more: int) -> bool:
        """Whether there is no room for this many more orders of an account."""
        total, own = self._counts.total(), self._counts[account]
        if not own:  # one list, whatever the others have
            return total + more > 2 * self._most_waiting
        return own + more > (self._most_waiting - (total - own)) // 2

    def _take_batch(self) -> list[_Waiting[Item, Answer]]:
        """Take what fits into a batch, of each account one call in turns.

        One that doesn't fit stays where it is, and is the first of a batch soon.
        """
        batch: list[_Waiting[Item, Answer]] = []
        size, before = 0, -1
        while before < size:
            before = size
            for account in list(self._waiting):
                number = len(self._waiting[account][0].orders)
                if size + number <= MOST_IN_BATCH:
                    batch.append(self._take(account))
                    size += number
        return batch

    def _take(self, account: str) -> _Waiting[Item, Answer]:
        """Take the next call of an account, whose turn comes again behind the others."""
        queue = self._waiting.pop(account)
        one = queue.popleft()
        self._counts[account] -= len(one.orders)
        if queue:
            self._waiting[account] = queue
        else:
            del self._counts[account]
        return one

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
