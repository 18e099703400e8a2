"""Claims messages before they are sent, and finds out what became of other gateways' claims.

Every call waits for the database as long as it takes: nothing is sent without a claim, and until
then the messages are safe in Kafka.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_random_exponential,
)

from inbound.errors import RetryableError
from inbound.handlers.order_results import is_order_awaited
from inbound.handlers.results import is_awaited
from inbound.handlers.state import stored_state
from inbound.store.claims.port import Claims
from inbound.store.claims.rows import ClaimRow, ToClaim
from inbound.store.log.rows import StoredState
from schemas.messages import MobileTerminated, SubmitResult
from schemas.orders import WithheldReason
from streams.outbox.phases import Claim, EarlierClaim, Fetched
from streams.outbox.recording import recorded_result

log = logging.getLogger(__name__)

ATTEMPTS_PER_HOUR: Final = 6
"""At most this many of one message, in case gateways take it over from each other in a loop."""

Answer = TypeVar("Answer")
ClaimReply = tuple[Claim, EarlierClaim | None]


class Claimer:
    """Claims messages for one gateway. `grace` is how long a result may be on its way.

    `per_hour` is how many attempts of a message are claimed within an hour, whatever happens.
    """

    def __init__(
        self, claims: Claims, gateway: str, grace: timedelta, per_hour: int = ATTEMPTS_PER_HOUR
    ) -> None:
        self._claims = claims
        self._per_hour = per_hour
        self._gateway = gateway
        self._grace_s = grace.total_seconds()
        self._waiting = False

    async def claim(
        self, messages: Sequence[Fetched], owned_since: Callable[[Fetched], float]
    ) -> list[ClaimReply]:
        """Claim messages; return our claim of each, and another gateway's earlier one.

        A result of that gateway may be on its way until the grace has passed since it claimed
        and since we own the partition; `owned_since` says when that was, in seconds of the
        monotonic clock. Blocks on the database as long as it takes.
        """
        wanted = [_to_claim(one) for one in messages]
        checked_at, rows = await self._dated(lambda: self._claims.claim(wanted, self._gateway))
        now = time.monotonic()
        contested = [one for one, row in zip(messages, rows, strict=True) if not row.first]
        states = await self._states(contested) if contested else {}
        replies: list[ClaimReply] = []
        for fetched, row in zip(messages, rows, strict=True):
            earlier = None
            if not row.first:
                due = max(owned_since(fetched), now - row.age_s) + self._grace_s
                recorded = None if row.result is None else recorded_result(row.result, fetched)
                processed = not _is_awaited(fetched.message, states)
                earlier = EarlierClaim(due, processed, recorded)
            replies.append((_claim(row, checked_at), earlier))
        return replies

    async def recheck(
        self, messages: Sequence[Fetched]
    ) -> tuple[float, list[WithheldReason | None]]:
        """Return which of these messages are withheld, and when that was asked.

        Blocks on the database as long as it takes.
        """
        wanted = [_to_claim(one) for one in messages]
        return await self._dated(lambda: self._claims.withheld(wanted))

    async def reclaim(self, fetched: Fetched) -> tuple[Claim | None, SubmitResult | None]:
        """Claim the next attempt of a message whose last one has an unknown outcome.

        Return no claim if another gateway recorded the final result meanwhile, which is then
        returned, or if the message has had all attempts of this hour.
        """
        wanted = _to_claim(fetched)
        checked_at, row = await self._dated(
            lambda: self._claims.reclaim(wanted, self._gateway, per_hour=self._per_hour)
        )
        if row is None:
            return None, await self._recorded(fetched)
        return _claim(row, checked_at), None

    async def release(self, unsent: Sequence[Fetched]) -> None:
        """Give claims back. Tried once: a process that stops doesn't wait for a database."""
        ids = [fetched.message.message_id for fetched in unsent]
        try:
            await self._claims.release(ids, self._gateway)
        except RetryableError as error:
            messages = "1 unsent message" if len(ids) == 1 else f"{len(ids)} unsent messages"
            log.warning("claims of %s stay: %s", messages, error)

    async def look_up(self, fetched: Fetched, result_due: float) -> EarlierClaim:
        """Wait until the earlier gateway's result is due; return what is known of it then.

        Blocks on the database as long as it takes.
        """
        await asyncio.sleep(max(0.0, result_due - time.monotonic()))
        if not _is_awaited(fetched.message, await self._states([fetched])):
            return EarlierClaim(result_due, is_processed=True)
        recorded = await self._recorded(fetched)
        return EarlierClaim(result_due, is_processed=False, recorded=recorded)

    async def _recorded(self, fetched: Fetched) -> SubmitResult | None:
        data = await self._patiently(lambda: self._claims.recorded(fetched.message.message_id))
        return None if data is None else recorded_result(data, fetched)

    async def _states(self, messages: Sequence[Fetched]) -> dict[UUID, StoredState]:
        subjects = {fetched.message.subject_id for fetched in messages}
        return await self._patiently(lambda: self._claims.states(subjects))

    async def _dated(self, call: Callable[[], Awaitable[Answer]]) -> tuple[float, Answer]:
        """Return what `call` returns, and when the call that succeeded began."""
        began = time.monotonic()

        async def dated() -> Answer:
            nonlocal began
            began = time.monotonic()
            return await call()

        answer = await self._patiently(dated)
        return began, answer

    async def _patiently(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return what `call` returns; retry for as long as the database is unavailable."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RetryableError),
            wait=wait_random_exponential(multiplier=0.1, max=3),
            before_sleep=self._note_wait,
        ):
            with attempt:
                answer = await call()
                if self._waiting:
                    self._waiting = False
                    log.info("sending continues: the database can be reached again")
                return answer
        raise AssertionError("tenacity gives up only on request")

    def _note_wait(self, state: RetryCallState) -> None:
        self._waiting = True
        log.warning("sending waits: %s", state.outcome.exception() if state.outcome else None)


def _to_claim(fetched: Fetched) -> ToClaim:
    message = fetched.message
    return ToClaim(
        message.message_id, message.subject_id, message.order_id, message.consent_needed is True
    )


def _claim(row: ClaimRow, checked_at: float) -> Claim:
    return Claim(
        *(row.attempt, row.number, row.secret, row.text, row.withheld, checked_at), row.address
    )


def _is_awaited(message: MobileTerminated, states: Mapping[UUID, StoredState]) -> bool:
    stored = states.get(message.subject_id)
    state = None if stored is None else stored_state(stored.state_version, stored.state)
    if state is None:
        return True  # no state can tell: the template's policy decides
    if message.order_id is not None:
        return is_order_awaited(state, message)
    if message.request_id is None:
        return True
    return is_awaited(state, message.request_id, message.purpose)
