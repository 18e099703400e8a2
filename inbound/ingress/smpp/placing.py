"""Places messages as orders: many in one transaction, each with the id that its program gets.

The same message twice within a minute is one message. Over a link that is still open a program
loops, and the second one is refused. After its link has ended it sends again what it got no answer
to, and gets an id of the first one's order: nothing is sent twice, and nothing is lost.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from typing_extensions import override

from inbound.errors import RetryableError
from inbound.ingress.smpp.statuses import status_of
from inbound.orders.intake import Intake
from inbound.orders.ports import Companion, Placed
from inbound.smpp.status import Status
from inbound.store.connection_pool import ConnectionPool
from inbound.store.smpp import messages
from inbound.store.smpp.rows import JoinedParts, SubmittedMessage
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Transaction
from schemas.orders import Order

REPEATS_WITHIN: Final = timedelta(minutes=1)
_MOST_UNCERTAIN: Final = 10_000


@dataclass(frozen=True, slots=True)
class Placement:
    """A message to place.

    `messages` has a row for each of its ids, without the order. `parts_key` is that of its parts.
    """

    order: Order
    messages: Sequence[SubmittedMessage]
    parts_key: bytes | None = None

    @property
    def first(self) -> SubmittedMessage:
        """The row of its first id."""
        return self.messages[0]

    def rows(self, order_id: UUID) -> list[SubmittedMessage]:
        """Return its rows with the order."""
        return [replace(one, order_id=order_id) for one in self.messages]

    def joined(self, order_id: UUID) -> list[JoinedParts]:
        """Return which parts have become the order."""
        if self.parts_key is None:
            return []
        return [JoinedParts(self.first.account, self.parts_key, order_id)]


@dataclass(slots=True)
class _Uncertain:
    """Messages whose transaction may have been committed although it was answered as failed."""

    since: dict[bytes, datetime] = field(default_factory=dict)

    def add(self, digests: Collection[bytes], now: datetime) -> None:
        """Remember messages; of too many, the oldest are forgotten."""
        self.since.update(dict.fromkeys(digests, now))
        while len(self.since) > _MOST_UNCERTAIN:
            del self.since[next(iter(self.since))]

    def take(self, digest: bytes, now: datetime) -> bool:
        """Whether a message is one of them; it is forgotten then."""
        since = self.since.pop(digest, None)
        return since is not None and now - since < REPEATS_WITHIN


class Placing:
    """Places batches of messages. For one event loop; `place` is what a `Batcher` calls."""

    def __init__(
        self,
        intake: Intake,
        pool: ConnectionPool,
        *,
        open_links: Callable[[], Collection[UUID]],
        clock: Callable[[], datetime],
    ) -> None:
        """`open_links` gives the ids of the links that are open."""
        self._intake = intake
        self._pool = pool
        self._open_links = open_links
        self._clock = clock
        self._uncertain = _Uncertain()

    async def place(self, placements: Sequence[Placement]) -> list[Status]:
        """Return the status of each message. What is answered with ESME_ROK is stored.

        Blocks on the database. Raises RetryableError; then the messages may have been stored, and
        it is safe to submit them again.
        """
        now = self._clock()
        try:
            return await self._place(placements, now)
        except RetryableError:
            self._uncertain.add([one.first.digest for one in placements], now)
            raise

    async def _place(self, placements: Sequence[Placement], now: datetime) -> list[Status]:
        digests = {one.first.digest for one in placements}
        recent = await self._pool.run(messages.find_recent, digests, now - REPEATS_WITHIN)
        before = {one.digest: one for one in recent}
        open_links = self._open_links()
        statuses: dict[int, Status] = {}
        new: dict[int, Placement] = {}
        again: list[tuple[Placement, UUID]] = []
        seen: set[bytes] = set()
        for place, one in enumerate(placements):
            earlier, digest = before.get(one.first.digest), one.first.digest
            is_resent = earlier is not None and (
                earlier.link not in open_links or self._uncertain.take(digest, now)
            )
            if earlier is not None and is_resent:
                again.append((one, earlier.order_id))
                statuses[place] = Status.ESME_ROK
            elif earlier is not None or digest in seen:
                statuses[place] = Status.ESME_RSUBMITFAIL
            else:
                new[place] = one
            seen.add(digest)
        if again:
            rows = [row for one, order_id in again for row in one.rows(order_id)]
            joined = [parts for one, order_id in again for parts in one.joined(order_id)]
            await self._pool.run(messages.add_ids, rows, joined)
        if new:
            fresh = list(new.values())
            placed = await self._intake.place([one.order for one in fresh], _Storing(fresh))
            statuses |= dict(zip(new, map(_status, placed), strict=True))
        return [statuses[place] for place in range(len(placements))]


class _Storing(Companion):
    """Writes the ids of messages in the transaction of their orders.

    A refused message gets no id, unless some of its parts have one already.
    """

    def __init__(self, placements: Sequence[Placement]) -> None:
        self._placements = placements

    @override
    async def begin(self, transaction: Transaction) -> None:
        pass

    @override
    def finish(self, changes: Changes, placed: Sequence[Placed]) -> None:
        writes = changes.orders.smpp
        for one, answer in zip(self._placements, placed, strict=True):
            if answer.is_repeated:  # an earlier attempt wrote them
                continue
            is_accepted = answer.reason is None
            rows = one.rows(answer.order_id)
            writes.messages.extend(row for row in rows if is_accepted or row.is_told)
            writes.joined.extend(one.joined(answer.order_id))


def _status(placed: Placed) -> Status:
    return Status.ESME_ROK if placed.reason is None else status_of(placed.reason)
