"""Isolates the messages of a batch that can never be processed, so that the rest goes on.

`Bisection` is the one algorithm, without IO: the worker runs it over Kafka records, the relay
over outbox rows, a retry over dead letters. An outage is no reason to set a message aside:
the batch is retried, and then the process ends and is restarted.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Generic, TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_delay,
    stop_any,
)
from tenacity.stop import stop_base
from tenacity.wait import wait_random_exponential

from inbound.errors import PoisonError, RetryableError, SetupError
from inbound.kafka.decoding import TopicRecord
from inbound.plurals import counted
from inbound.store.errors import Conflict, StoreFault
from inbound.store.turns import Turns

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Read = TypeVar("Read")

GIVE_UP_AFTER_S = 30
LOSES_AT_MOST = 3
"""How often a batch may lose to transactions of other processes before it is tried in halves."""

INFRASTRUCTURE_ERRORS = (RetryableError, SetupError, StoreFault, OSError, MemoryError)
"""Errors that no message causes, so nothing is set aside because of them."""

FailedRecord = tuple[TopicRecord, Exception]
"""A record and why it can't be processed."""


class _HasLostOften(stop_base):
    """Ends attempts when a batch has lost `LOSES_AT_MOST` times."""

    def __call__(self, retry_state: RetryCallState) -> bool:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        return isinstance(error, Conflict) and retry_state.attempt_number >= LOSES_AT_MOST


class UnreadableError(PoisonError):
    """Some records of a batch can't be decoded. None of the batch was processed."""

    def __init__(self, failed: Sequence[FailedRecord]) -> None:
        super().__init__(f"{counted(len(failed), 'record')} can't be read")
        self.failed = failed


def read_all(records: Sequence[TopicRecord], read: Callable[[TopicRecord], Read]) -> list[Read]:
    """Return the result of `read` for each record.

    Raises `UnreadableError` with all that it refuses.
    """
    found: list[Read] = []
    failed: list[FailedRecord] = []
    for record in records:
        try:
            found.append(read(record))
        except PoisonError as error:
            failed.append((record, error))
    if failed:
        raise UnreadableError(failed)
    return found


class Bisection(Generic[Item]):
    """Narrows a batch that fails down to the items that fail on their own. Pure.

    Iterate over the groups to try, and report each group that fails. The groups come in the
    order of the items, so what succeeds is processed in order:

        for group in bisection:
            try:
                process(group)
            except ValueError as error:
                bisection.failed(group, error)

    `split` takes an item that holds several messages apart, so that one of them does not take
    the others with it. `culprits` are the items that can't be processed, each with its error.
    """

    def __init__(
        self, items: Sequence[Item], split: Callable[[Item], Sequence[Item]] = lambda item: [item]
    ) -> None:
        self._groups = deque([items])
        self._split = split
        self.culprits: list[tuple[Item, Exception]] = []

    def __iter__(self) -> Iterator[Sequence[Item]]:
        """Yield the groups that are left to try."""
        while self._groups:
            if group := self._groups.popleft():
                yield group

    def failed(self, group: Sequence[Item], error: Exception) -> None:
        """Have both halves of `group` tried; blame an item that was alone."""
        if not self.halve(group):
            self.culprits.append((group[0], error))

    def halve(self, group: Sequence[Item]) -> bool:
        """Have both halves of `group` tried next; return False if it can't be taken apart."""
        smaller = group if len(group) > 1 else self._split(group[0])
        if len(smaller) == 1:
            return False
        self.try_halves(smaller)
        return True

    def try_halves(self, items: Sequence[Item]) -> None:
        """Have these tried next, in two groups."""
        middle = (len(items) + 1) // 2
        self._groups.extendleft((items[middle:], items[:middle]))

    def blame(self, group: Sequence[Item], culprits: Sequence[tuple[Item, Exception]]) -> None:
        """Blame these items of `group`, and have the others tried next."""
        self.culprits += culprits
        known = {id(item) for item, _ in culprits}
        self._groups.appendleft([item for item in group if id(item) not in known])


class BatchProcessor:
    """Runs a batch through one transaction and sets aside what can't be processed.

    Retryable failures are retried for `GIVE_UP_AFTER_S` and then raised: the worker ends and is
    restarted, and Kafka delivers the batch again. Any other error is narrowed down to the messages
    that cause it; they are handed to `set_aside`. `split` takes a record apart that holds many
    messages. `report` gets the reason while processing waits, and None once it goes on. Processors
    that share `turns` don't lose to each other for ever. Nor does a batch lose to other processes
    for ever: the larger it is and the longer it takes, the likelier it loses, so it is halved.
    """

    def __init__(
        self,
        process: Callable[[Sequence[TopicRecord]], Awaitable[None]],
        set_aside: Callable[[Sequence[FailedRecord]], Awaitable[None]],
        split: Callable[[TopicRecord], Sequence[TopicRecord]] = lambda record: [record],
        report: Callable[[str | None], None] = lambda _: None,
        turns: Turns | None = None,
    ) -> None:
        self._turns = turns or Turns()
        self._process = process
        self._set_aside = set_aside
        self._split = split
        self._report = report
        self._waiting = False

    async def __call__(self, records: Sequence[TopicRecord]) -> None:
        """Process `records`; when this returns their offsets may be committed."""
        bisection = Bisection(records, self._split)
        for group in bisection:
            try:
                await self._with_halves(group, bisection)
            except UnreadableError as error:
                bisection.blame(group, error.failed)
            except INFRASTRUCTURE_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 — whatever it is, the partition must go on
                bisection.failed(group, error)
        if bisection.culprits:
            await self._set_aside(bisection.culprits)

    async def _with_halves(
        self, group: Sequence[TopicRecord], bisection: Bisection[TopicRecord]
    ) -> None:
        patient = stop_after_delay(GIVE_UP_AFTER_S)
        try:
            await self._with_retries(group, stop_any(patient, _HasLostOften()))
        except Conflict:
            if not bisection.halve(group):
                await self._with_retries(group, patient)

    async def _with_retries(self, records: Sequence[TopicRecord], until: stop_base) -> None:
        has_lost = False
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RetryableError),
            wait=wait_random_exponential(multiplier=0.05, max=3),
            stop=until,
            before_sleep=self._report_wait,
            reraise=True,
        ):
            with attempt:
                async with self._turns.alone() if has_lost else self._turns.together():
                    try:
                        await self._process(records)
                    except Conflict:
                        has_lost = True
                        raise
        if self._waiting:
            self._waiting = False
            log.info("processing continues")
            self._report(None)

    def _report_wait(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Conflict):
            return  # another worker was first: the next attempt sees its result
        log.warning("processing waits: %s", error)
        self._waiting = True
        self._report(str(error))
