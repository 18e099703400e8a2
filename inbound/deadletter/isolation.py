"""A Kafka record as the processors see it, and a batch of them with poison taken out.

Poison is a message that can never be processed; it costs the others of its batch nothing but
a second try. What an outage causes is no poison: it is tried again, and then the process
ends and is restarted.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay
from tenacity.wait import wait_random_exponential

from inbound.errors import PoisonError, RetryableError, SetupError
from inbound.kafka.decoding import TopicRecord
from inbound.store.errors import Conflict, StoreFault

log = logging.getLogger(__name__)

Read = TypeVar("Read")

GIVE_UP_AFTER_S = 30

NO_POISON = (RetryableError, SetupError, StoreFault, OSError, MemoryError)
"""Errors for which no message is to blame, whichever was in work."""


Poison = tuple[TopicRecord, Exception]
"""A record and why it can't be processed."""


class UnreadableError(PoisonError):
    """Some records of a batch can't be read. Nothing was done for any of the batch."""

    def __init__(self, poison: Sequence[Poison]) -> None:
        super().__init__(f"{len(poison)} records can't be read")
        self.poison = poison


def read_all(records: Sequence[TopicRecord], read: Callable[[TopicRecord], Read]) -> list[Read]:
    """Return what `read` makes of each record. Raises `UnreadableError` with all it refuses."""
    found: list[Read] = []
    poison: list[Poison] = []
    for record in records:
        try:
            found.append(read(record))
        except PoisonError as error:
            poison.append((record, error))
    if poison:
        raise UnreadableError(poison)
    return found


class BatchProcessor:
    """Runs a batch through one transaction; what can't be processed is set aside.

    Retryable failures are tried again for `GIVE_UP_AFTER_S` and then raised: the worker
    ends and is restarted, and Kafka delivers the batch again. Any other error is looked
    for by halves, and the message that causes it is parked. `split` takes a record that
    holds many messages apart, so that one of them does not take the others with it.
    `report` is told why processing waits, and None when it goes on.
    """

    def __init__(
        self,
        process: Callable[[Sequence[TopicRecord]], Awaitable[None]],
        park: Callable[[Sequence[Poison]], Awaitable[None]],
        split: Callable[[TopicRecord], Sequence[TopicRecord]] = lambda record: [record],
        report: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        self._process = process
        self._park = park
        self._split = split
        self._report = report
        self._waiting = False

    async def __call__(self, records: Sequence[TopicRecord]) -> None:
        """Process `records`; when this returns their offsets may be committed."""
        poison: list[Poison] = []
        await self._sift(records, poison)
        if poison:
            await self._park(poison)

    async def _sift(self, records: Sequence[TopicRecord], poison: list[Poison]) -> None:
        """Process what can be, in order, and collect the rest."""
        try:
            await self._with_retries(records)
        except UnreadableError as error:
            poison += error.poison
            unreadable = {id(record) for record, _ in error.poison}
            if rest := [record for record in records if id(record) not in unreadable]:
                await self._sift(rest, poison)
        except NO_POISON:
            raise
        except Exception as error:  # noqa: BLE001 — whatever it is, the partition must go on
            smaller = records if len(records) > 1 else self._split(records[0])
            if len(smaller) == 1:
                poison.append((records[0], error))
                return
            middle = len(smaller) // 2
            await self._sift(smaller[:middle], poison)
            await self._sift(smaller[middle:], poison)

    async def _with_retries(self, records: Sequence[TopicRecord]) -> None:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RetryableError),
            wait=wait_random_exponential(multiplier=0.05, max=3),
            stop=stop_after_delay(GIVE_UP_AFTER_S),
            before_sleep=self._say,
            reraise=True,
        ):
            with attempt:
                await self._process(records)
        if self._waiting:
            self._waiting = False
            self._report(None)

    def _say(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Conflict):
            return  # another worker was first: nothing to do about it
        log.warning("processing waits: %s", error)
        self._waiting = True
        self._report(str(error))
