"""A Kafka record as the processors see it, whatever client fetched it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay
from tenacity.wait import wait_random_exponential

from inbound.errors import RetryableError

Headers = Sequence[tuple[str, bytes]]

GIVE_UP_AFTER_S = 30


@dataclass(frozen=True, slots=True)
class Record:
    """One record: where it stands, its key and value, its headers."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Headers = ()


class BatchProcessor:
    """Runs a batch through one transaction; a message that can't be processed is set aside.

    Retryable failures are tried again for `GIVE_UP_AFTER_S` and then raised: the worker
    ends and is restarted, and Kafka delivers the batch again. Any other error is looked
    for message by message, and the one that causes it is parked.
    """

    def __init__(
        self,
        process: Callable[[Sequence[Record]], Awaitable[None]],
        park: Callable[[Record, Exception], Awaitable[None]],
    ) -> None:
        self._process = process
        self._park = park

    async def __call__(self, records: Sequence[Record]) -> None:
        """Process `records`; when this returns their offsets may be committed."""
        try:
            await self._with_retries(records)
        except RetryableError:
            raise
        except Exception as error:  # noqa: BLE001 — whatever it is, the partition must go on
            if len(records) == 1:
                await self._park(records[0], error)
                return
            for record in records:
                await self([record])

    async def _with_retries(self, records: Sequence[Record]) -> None:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RetryableError),
            wait=wait_random_exponential(multiplier=0.05, max=3),
            stop=stop_after_delay(GIVE_UP_AFTER_S),
            reraise=True,
        ):
            with attempt:
                await self._process(records)
