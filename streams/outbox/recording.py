"""Records final results in the database, in the claims of their messages.

A gateway that takes a message over learns its result from the claim, without Kafka and without the
worker. Results gather for `GATHER_S`, because Kafka has nearly all of them within that time. At
most `limit` results are neither in the database nor in Kafka; beyond that the sender pauses. From
half of it on results don't gather, because Kafka is slow or unavailable.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from inbound.errors import RetryableError
from inbound.store.claims.port import Claims
from inbound.store.claims.rows import record_of
from schemas.messages import SubmitResult
from schemas.reading import read_json
from streams.outbox.phases import Fetched

log = logging.getLogger(__name__)

GATHER_S: Final = 0.05
RETRY_S: Final = 1.0
MOST_IN_STATEMENT: Final = 500


@dataclass(slots=True, eq=False)
class UnrecordedResult:
    """One final result on its way into the database."""

    result: SubmitResult
    is_safe: bool = False
    """Whether the database or Kafka has it."""


class ResultRecorder:
    """Records results; `run` until cancelled. An outage of the database only delays it."""

    def __init__(self, claims: Claims, limit: int) -> None:
        self._claims = claims
        self._limit = limit
        self._waiting: list[UnrecordedResult] = []
        self._unsafe = 0
        self._added = asyncio.Event()
        self._hurry = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def add(self, result: SubmitResult) -> UnrecordedResult:
        """Queue a final result. Never blocks: wait for `room` before."""
        recording = UnrecordedResult(result)
        self._waiting.append(recording)
        self._unsafe += 1
        self._added.set()
        if self._unsafe * 2 >= self._limit:
            self._hurry.set()
        if self._unsafe >= self._limit:
            self._room.clear()
        return recording

    def settle(self, recording: UnrecordedResult) -> None:
        """Take note that the database or Kafka has a result. Safe to repeat."""
        if recording.is_safe:
            return
        recording.is_safe = True
        self._unsafe -= 1
        if self._unsafe * 2 < self._limit:
            self._hurry.clear()
        if self._unsafe < self._limit:
            self._room.set()

    async def room(self) -> None:
        """Wait until fewer results than the limit are in neither the database nor Kafka."""
        await self._room.wait()

    async def gather(self, at_most_s: float) -> None:
        """Wait for more results, and no longer once half of the limit is reached."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._hurry.wait()

    async def run(self) -> None:
        """Record until cancelled, one statement at a time."""
        while True:
            await self._added.wait()
            await self.gather(GATHER_S)
            batch = self._waiting[:MOST_IN_STATEMENT]
            if await self._record(batch):
                del self._waiting[: len(batch)]
                for recording in batch:
                    self.settle(recording)
            else:
                await asyncio.sleep(RETRY_S)
                # Results that Kafka has need not wait for the database, so the list stays bounded.
                self._waiting = [one for one in self._waiting if not one.is_safe]
            if not self._waiting:
                self._added.clear()

    async def _record(self, batch: Sequence[UnrecordedResult]) -> bool:
        try:
            await self._claims.record([record_of(recording.result) for recording in batch])
        except RetryableError as error:
            results = "1 result is" if len(batch) == 1 else f"{len(batch)} results are"
            log.warning("%s not recorded in the database yet: %s", results, error)
            return False
        return True


def recorded_result(data: str, fetched: Fetched) -> SubmitResult:
    """Return the result that was recorded for a message, as its gateway published it."""
    message = fetched.message
    return SubmitResult(
        **read_json(data),
        message_id=message.message_id,
        subject_id=message.subject_id,
        request_id=message.request_id,
        order_id=message.order_id,
        key=fetched.key,
        purpose=message.purpose,
        template=message.template,
        arrived_at=message.arrived_at,
        traceparent=fetched.traceparent,
    )
