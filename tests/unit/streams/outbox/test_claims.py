"""How long a result of another gateway may be on its way before it counts as unknown."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from aiokafka import TopicPartition

from inbound.store.claims.memory import MemoryClaims
from inbound.store.claims.rows import ClaimRow
from inbound.store.transactions.memory import MemoryStore
from schemas.lanes import Lane
from schemas.messages import MobileTerminated, Purpose
from streams.outbox.claims import Claimer
from streams.outbox.phases import Fetched

GRACE = timedelta(seconds=5)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class OldClaims(MemoryClaims):
    """Every message was claimed by somebody else so many seconds ago."""

    def __init__(self, age_s: float) -> None:
        super().__init__(MemoryStore())
        self._age_s = age_s

    async def claim(self, messages: Sequence[tuple[UUID, UUID]], gateway: str) -> list[ClaimRow]:
        return [ClaimRow(id_, False, 1, "+79161234567", None, self._age_s) for id_, _ in messages]


def fetched() -> Fetched:
    message = MobileTerminated(
        message_id=uuid4(),
        subject_id=uuid4(),
        request_id=uuid4(),
        purpose=Purpose.ACKNOWLEDGEMENT,
        template="acknowledgement",
        arrived_at=NOON,
        not_after=NOON + timedelta(hours=1),
    )
    return Fetched(Lane.URGENT, TopicPartition("lane", 0), 0, "k", message)


@pytest.mark.parametrize(
    ("age_s", "held_for_s", "left_s"),
    [
        (1, 100, 4),  # claimed just now: by one that does not know that it lost the partition
        (100, 1, 4),  # taken over just now: the worker may not have got to its results
        (100, 100, 0),
        (0, 0, 5),
    ],
)
async def test_the_grace_begins_with_the_claim_or_with_the_takeover(
    age_s: float, held_for_s: float, left_s: float
) -> None:
    owned_since = time.monotonic() - held_for_s
    claimer = Claimer(OldClaims(age_s), "gateway-2", GRACE)
    [(_, earlier)] = await claimer.claim([fetched()], lambda _: owned_since)
    assert earlier is not None
    assert not earlier.is_processed
    assert max(0, earlier.result_due - time.monotonic()) == pytest.approx(left_s, abs=1)
