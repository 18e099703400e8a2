"""Erases a person: deletes everything that identifies them, and keeps a record of the erasure.

One transaction: all or nothing, whenever the process is killed. The subject's
stream gets `person.erased` as its next event, so a worker that decides for the same person at
the same time conflicts, decides again, and then finds a new person.

Queued messages end as `message.erased`; submitted ones end as the SMS centre reports. Scheduled
orders end with `person.erased`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from pydantic_core import to_json
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay
from tenacity.wait import wait_random_exponential

from inbound.errors import RetryableError
from inbound.handlers.decision import message_id
from inbound.handlers.registrations import decide_refusal
from inbound.keys import SubjectHasher
from inbound.store.people.rows import ErasedRows, NewErasure, PersonToErase
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store, Transaction
from inbound.subjects import StateCache, Subjects
from schemas.events import PersonErased
from schemas.messages import Purpose
from schemas.registration_events import RefusalCause

GIVE_UP_AFTER_S = 30


@dataclass(frozen=True, slots=True)
class CommittedErasure:
    """An erasure that is committed.

    `open_requests` and `open_orders` had no final state yet; scheduled orders are among neither.
    """

    record: int
    subject_id: UUID | None
    removed: ErasedRows
    open_requests: int
    open_orders: int = 0


class Eraser:
    """Erases one person after the other. `clock` is passed in for tests."""

    def __init__(
        self, store: Store, hasher: SubjectHasher, *, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._hasher = hasher
        self._clock = clock

    async def erase(self, number: str, *, actor: str, reason: str) -> CommittedErasure | None:
        """Erase the person with this E.164 number.

        Returns None, and leaves no trace, if nothing is stored. `reason` must be checked
        (`inbound.store.access.audit.check_reason`): it is kept for ever. Blocks on the database;
        safe to repeat. Raises RetryableError when it stays unavailable.
        """
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RetryableError),
            wait=wait_random_exponential(multiplier=0.05, max=1),
            stop=stop_after_delay(GIVE_UP_AFTER_S),
            reraise=True,
        ):
            with attempt:
                async with self._store.transaction() as transaction:
                    return await self._erase(transaction, number, actor, reason)
        raise AssertionError("tenacity returns or raises")

    async def _erase(
        self, transaction: Transaction, number: str, actor: str, reason: str
    ) -> CommittedErasure | None:
        number_hash = self._hasher.hash(number)
        subject_id = (await transaction.find_subjects([number_hash])).get(number_hash)
        subjects = Subjects(transaction, StateCache())
        open_: tuple[UUID, ...] = ()
        orders = 0
        if subject_id is not None:
            await subjects.load([subject_id])
            open_ = tuple(subjects[subject_id].open)
            orders = len(subjects[subject_id].orders)
        secrets = tuple(message_id(request, Purpose.FULFILMENT) for request in open_)
        removed = await transaction.erase(PersonToErase(number, number_hash, subject_id, secrets))
        if not any(asdict(removed).values()):
            return None
        counts = to_json({name: count for name, count in asdict(removed).items() if count})
        record = await transaction.record_erasure(NewErasure(actor, reason, subject_id, counts))
        if subject_id is not None:
            now = self._clock()
            subjects.append(subject_id, [PersonErased(at=now)], None)
            for request_id in open_:
                # The transaction has removed the hold itself.
                ended = decide_refusal(subjects[subject_id], request_id, RefusalCause.ERASED, now)
                subjects.append(subject_id, ended.events, None)
            await transaction.write(Changes(events=subjects.events, states=subjects.states()))
        return CommittedErasure(record, subject_id, removed, len(open_), orders - removed.orders)
