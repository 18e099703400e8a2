"""Claims of the sender: what it may send, and what became of what others claimed.

Every call waits for the database as long as it takes: without a claim nothing is sent, and
messages are safe where they are, in Kafka.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from inbound.errors import RetryableError
from inbound.handlers.results import awaited
from inbound.handlers.state import stored_state
from inbound.store.claims.port import Claims
from inbound.store.log.rows import StoredState
from schemas.messages import MobileTerminated
from streams.outbox.jobs import Job

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class Claimer:
    """Claims jobs for one gateway. `grace` is how long a result may be on its way."""

    def __init__(self, claims: Claims, gateway: str, grace: timedelta) -> None:
        self._claims = claims
        self._gateway = gateway
        self._grace_s = grace.total_seconds()

    async def claim(self, jobs: Sequence[Job]) -> None:
        """Claim jobs; each gets its number and secret, and whether somebody was first.

        Of those the result may have been processed; if not, it may be on its way until the
        claim, and this gateway's hold on the partition, have lasted for the grace.
        """
        wanted = [(job.message_id, job.message.subject_id) for job in jobs]
        claimed = await _patiently(lambda: self._claims.claim(wanted, self._gateway))
        now = time.monotonic()
        for job, claim in zip(jobs, claimed, strict=True):
            job.number, job.secret, job.attempt = claim.number, claim.secret, claim.attempt
            job.contested = not claim.first
            job.unknown_from = max(job.held_since, now - claim.age_s) + self._grace_s
        if contested := [job for job in jobs if job.contested]:
            states = await self._states(contested)
            for job in contested:
                job.dealt_with = not _is_awaited(job.message, states)

    async def claim_again(self, job: Job) -> None:
        """Count one more attempt of a message whose last one has an unknown outcome."""
        ids = job.message_id, job.message.subject_id
        claim = await _patiently(lambda: self._claims.reclaim(*ids, self._gateway))
        job.number, job.secret, job.attempt = claim.number, claim.secret, claim.attempt

    async def release(self, unsent: Sequence[Job]) -> None:
        """Give claims back. Tried once: who stops does not wait for a database."""
        ids = [job.message_id for job in unsent if job.untouched]
        try:
            await self._claims.release(ids, self._gateway)
        except RetryableError as error:
            log.warning("the claims of %d unsent messages stay: %s", len(ids), error)

    async def was_dealt_with(self, job: Job) -> bool:
        """Wait while the result of a contested job may be on its way; was it processed then.

        Returns at once when the grace is over. Blocks on the database as long as it takes.
        """
        await asyncio.sleep(max(0.0, job.unknown_from - time.monotonic()))
        return not _is_awaited(job.message, await self._states([job]))

    async def _states(self, jobs: Sequence[Job]) -> dict[UUID, StoredState]:
        subjects = {job.message.subject_id for job in jobs}
        return await _patiently(lambda: self._claims.states(subjects))


def _is_awaited(message: MobileTerminated, states: Mapping[UUID, StoredState]) -> bool:
    stored = states.get(message.subject_id)
    state = None if stored is None else stored_state(stored.state_version, stored.state)
    if message.request_id is None or state is None:
        return True  # nobody can say: the template's policy decides
    return awaited(state, message.request_id, message.purpose)


async def _patiently(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Return what `call` returns, however long the database is away."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(RetryableError),
        wait=wait_random_exponential(multiplier=0.1, max=3),
        before_sleep=lambda state: log.warning(
            "sending waits: %s", state.outcome.exception() if state.outcome else None
        ),
    ):
        with attempt:
            return await call()
    raise AssertionError("tenacity gives up only when it is told to")
