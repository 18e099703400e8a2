"""How long a result of another gateway may be on its way before it counts as unknown."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from tenacity import wait_none

from inbound.store.claims.memory import MemoryClaims
from inbound.store.claims.rows import ClaimRow, ToClaim
from inbound.store.errors import StoreUnavailable
from inbound.store.transactions.memory import MemoryStore
from schemas.lanes import Lane
from schemas.messages import MobileTerminated, Purpose
from streams.outbox import claims as claims_module
from streams.outbox.claims import Claimer
from streams.outbox.phases import Fetched

GRACE = timedelta(seconds=5)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class OldClaims(MemoryClaims):
    """Every message was claimed by somebody else so many seconds ago."""

    def __init__(self, age_s: float) -> None:
        super().__init__(MemoryStore())
        self._age_s = age_s

    async def claim(self, messages: Sequence[ToClaim], gateway: str) -> list[ClaimRow]:
        return [
            ClaimRow(one.message_id, False, 1, "+79161234567", None, self._age_s)
            for one in messages
        ]


class AwayClaims(OldClaims):
    """The database is away for the first two calls."""

    def __init__(self) -> None:
        super().__init__(0)
        self.calls = 0

    async def claim(self, messages: Sequence[ToClaim], gateway: str) -> list[ClaimRow]:
        self.calls += 1
        if self.calls <= 2:
            raise StoreUnavailable("the database is away")
        return await super().claim(messages, gateway)


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
    began = time.monotonic()
    owned_since = began - held_for_s
    claimer = Claimer(OldClaims(age_s), "gateway-2", GRACE)
    [(_, earlier)] = await claimer.claim([fetched()], lambda _: owned_since)
    assert earlier is not None
    assert not earlier.is_processed
    if left_s:
        assert began + left_s <= earlier.result_due <= time.monotonic() + left_s
    else:
        assert earlier.result_due < began


async def test_the_end_of_an_outage_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(claims_module, "wait_random_exponential", lambda **_: wait_none())
    caplog.set_level("INFO", "streams.outbox")
    claimer = Claimer(AwayClaims(), "gateway-2", GRACE)
    for _ in range(2):
        await claimer.claim([fetched()], lambda _: 0.0)
    assert caplog.messages == [
        *["sending waits: the database is away"] * 2,
        "sending continues: the database can be reached again",
    ]
