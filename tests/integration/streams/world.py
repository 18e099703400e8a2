"""Both processors of a worker on one store, records as Kafka would bring them, and the rows."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Protocol
from uuid import UUID

import psycopg

from inbound.deadletter.isolation import BatchProcessor
from inbound.deadletter.writing import DeadLetterWriter
from inbound.directory.memory import MemoryDirectory
from inbound.directory.port import Registration
from inbound.handlers.orders import decide_order
from inbound.handlers.policies import Policies
from inbound.kafka.decoding import TopicRecord
from inbound.keys import SubjectHasher
from inbound.ops.health import Health
from inbound.store.dead_letters.limits import DeadLetterLimits
from inbound.store.errors import StoreUnavailable
from inbound.store.log.rows import RecordedEvent
from inbound.store.mo.rows import MoReading, RejectedMo, RejectedMoKey
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.memory import MemoryStore
from inbound.store.transactions.port import Store, Transaction
from inbound.store.transactions.postgres import PostgresStore
from inbound.subjects import StateCache, Subjects
from schemas.cloudevents import Attributes, to_headers
from schemas.messages import (
    MobileOriginated,
    MobileTerminated,
    Outcome,
    Part,
    ReceiptReceived,
    ReceiptsReceived,
    ReceiptState,
    SubmitResult,
    SubmitResults,
)
from schemas.order_facts import OrderFacts, OrderRequest
from schemas.orders import OrderKind
from schemas.topics import TopicNames
from streams.commands.model import CommandSettings
from streams.commands.processor import CommandProcessor
from streams.delivery.processor import DeliveryProcessor, split
from tests.fix_store import NOON, SUBJECT_KEY

NUMBER, STRANGER = "+79161234567", "+79990001122"
CODE, LOGIN, PASSWORD = "code-canary-71", "login-canary-72", "password-canary-73"
FEDERAL = "+79086228779"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Backend(Protocol):
    """A store and a look into it."""

    @property
    def store(self) -> Store:
        """The store itself."""

    def outbox(self) -> list[bytes]:
        """Values of the outbox in order."""

    def counts(self) -> dict[str, int]:
        """Rows of the tables that the processors write."""

    def for_receipts(self) -> dict[str, int]:
        """Rows that are kept for receipts."""

    def vault(self) -> set[UUID]:
        """Messages whose secret is kept."""

    def dead_letters(self) -> list[tuple[str, str]]:
        """Topic and reason of what was set aside."""

    def rejected_mos(self) -> list[RejectedMo]:
        """What is noted of texts that made no request, the oldest first."""

    def spoil_states(self, *, lose: bool) -> None:
        """Lose the folded states, or make them those of another version and wrong."""


TABLES = "inbox", "vault", "dead_letters"


@dataclass(slots=True)
class MemoryBackend:
    store: MemoryStore

    def outbox(self) -> list[bytes]:
        return [row.value or b"" for row in self.store.tables.outbox]

    def counts(self) -> dict[str, int]:
        tables = self.store.tables
        parts = sum(len(parts) for parts in tables.parts.values())
        return {name: len(getattr(tables, name)) for name in TABLES} | {"parts": parts}

    def for_receipts(self) -> dict[str, int]:
        return {"sent": len(self.store.tables.sent), "early": len(self.store.tables.early)}

    def vault(self) -> set[UUID]:
        return set(self.store.tables.vault)

    def dead_letters(self) -> list[tuple[str, str]]:
        return [(row.topic, row.reason) for row in self.store.tables.dead_letters.values()]

    def rejected_mos(self) -> list[RejectedMo]:
        return sorted(self.store.tables.rejected_mos.values(), key=_by_time)

    def spoil_states(self, *, lose: bool) -> None:
        states = self.store.tables.states
        for subject_id, state in list(states.items()):
            if lose:
                del states[subject_id]
            else:
                states[subject_id] = replace(state, state_version=99, state=b"{}")


@dataclass(slots=True)
class PostgresBackend:
    store: PostgresStore
    url: str

    def outbox(self) -> list[bytes]:
        return [value for (value,) in self._rows("SELECT value FROM outbox ORDER BY position")]

    def counts(self) -> dict[str, int]:
        found = self._rows(
            "SELECT 'inbox', count(*) FROM inbox UNION SELECT 'vault', count(*) FROM vault UNION"
            " SELECT 'dead_letters', count(*) FROM dead_letters UNION"
            " SELECT 'parts', count(*) FROM mo_parts WHERE NOT whole"
        )
        return dict(found)

    def for_receipts(self) -> dict[str, int]:
        return dict(
            self._rows(
                "SELECT 'sent', count(*) FROM smsc_messages"
                " UNION SELECT 'early', count(*) FROM early_receipts"
            )
        )

    def vault(self) -> set[UUID]:
        return {message_id for (message_id,) in self._rows("SELECT message_id FROM vault")}

    def dead_letters(self) -> list[tuple[str, str]]:
        return self._rows("SELECT topic, reason FROM dead_letters ORDER BY id")

    def rejected_mos(self) -> list[RejectedMo]:
        rows = self._rows(
            "SELECT number_hash, minute, kind, first_at, last_at, count, reading FROM rejected_mos"
        )
        return sorted(map(_rejected, rows), key=_by_time)

    def spoil_states(self, *, lose: bool) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            if lose:
                connection.execute("DELETE FROM subject_states")
            else:
                connection.execute("UPDATE subject_states SET state_version = 99, state = '{}'")

    def _rows(self, query: Any) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(query).fetchall()


def _rejected(row: Any) -> RejectedMo:
    reading = MoReading(**row[6]) if row[6] else None
    return RejectedMo(RejectedMoKey(*row[:3]), row[3], row[4], row[5], reading)


def _by_time(rejected: RejectedMo) -> tuple[datetime, str]:
    return rejected.first_at, rejected.key.kind


@dataclass(slots=True)
class FailingStore:
    """A store whose next commits fail, after everything was written."""

    store: Store
    failures: int = 0

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        async with self.store.transaction() as transaction:
            yield transaction
            if self.failures:
                self.failures -= 1
                raise StoreUnavailable("the database went away at the commit")

    async def close(self) -> None:
        await self.store.close()


class World:
    """A worker without Kafka. Time stands still unless a test moves `now`."""

    def __init__(
        self, backend: Backend, policies: Policies | None = None, *, record_rejected: bool = True
    ) -> None:
        self.backend = backend
        self.store = FailingStore(backend.store)
        self.now = NOON
        self.names = TopicNames()
        self.clients = {NUMBER: Registration("C-1", CODE, LOGIN, PASSWORD)}
        rules, cache = policies or Policies(), StateCache()
        self.hasher = SubjectHasher(SUBJECT_KEY)
        dead_letters = DeadLetterWriter(self.store, DeadLetterLimits(1000, 1_000_000), Health())
        self.commands = BatchProcessor(
            CommandProcessor(
                self.store,
                MemoryDirectory(self.clients),
                self.hasher,
                cache,
                CommandSettings(
                    rules, self.names, FEDERAL, timedelta(hours=24), record_rejected=record_rejected
                ),
                clock=lambda: self.now,
            ),
            dead_letters,
        )
        self.delivery = BatchProcessor(
            DeliveryProcessor(self.store, rules, self.names, cache, clock=lambda: self.now),
            dead_letters,
            split,
        )
        self._ids = count(1)

    # -- what Kafka brings ------------------------------------------------------------

    def part(self, sequence: int, text: str, reference: int = 7, **fields: Any) -> TopicRecord:
        """Return one of the two parts of a text."""
        part = Part(reference=reference, total=2, sequence=sequence)
        return self.text(text, part=part, **fields)

    def text(
        self,
        text: str | bytes,
        source: str | None = NUMBER,
        *,
        at: datetime | None = None,
        **fields: Any,
    ) -> TopicRecord:
        number = next(self._ids)
        values: dict[str, Any] = {
            "mo_id": UUID(int=number),
            "centre": "main",
            "bind": "main-1",
            "source": source,
            "destination": "79086228779",
            "data_coding": 0,
            "esm_class": 0,
            "alphabet": "gsm0338",
            "payload": text.encode("ascii") if isinstance(text, str) else text,
            "arrived_at": at or self.now,
        }
        mo = MobileOriginated(**(values | fields))
        headers = [("traceparent", TRACEPARENT.encode())]
        return TopicRecord(self.names.mo, 0, number, b"key", mo.to_json(), headers)

    def result(self, message: MobileTerminated, outcome: Outcome, **fields: Any) -> SubmitResult:
        values: dict[str, Any] = {
            "message_id": message.message_id,
            "subject_id": message.subject_id,
            "request_id": message.request_id,
            "order_id": message.order_id,
            "key": "key",
            "purpose": message.purpose,
            "template": message.template,
            "outcome": outcome,
            "centre": "main",
            "bind": "main-1",
            "arrived_at": message.arrived_at,
            "at": self.now,
            "traceparent": TRACEPARENT,
        }
        return SubmitResult(**(values | fields))

    def results(self, *results: SubmitResult) -> TopicRecord:
        value = SubmitResults(gateway="g", results=results).to_json()
        return TopicRecord(self.names.receipts, 0, next(self._ids), None, value)

    def receipt(self, *ids: str, number: str = NUMBER, **fields: Any) -> ReceiptReceived:
        values: dict[str, Any] = {
            "key": self.hasher.hash(number).hex(),
            "centre": "main",
            "bind": "main-1",
            "message_ids": ids,
            "state": ReceiptState.DELIVERED,
            "final": True,
            "arrived_at": self.now,
        }
        return ReceiptReceived(**(values | fields))

    def receipts(self, *receipts: ReceiptReceived) -> TopicRecord:
        value = ReceiptsReceived(receipts=receipts).to_json()
        headers = to_headers(Attributes(id="r", type=ReceiptsReceived.TYPE))
        return TopicRecord(self.names.receipts, 0, next(self._ids), None, value, headers)

    async def submitted(self, *messages: MobileTerminated) -> None:
        """The centre took these messages."""
        each = [self.result(message, Outcome.SUBMITTED) for message in messages]
        await self.delivery([self.results(*each)])

    async def ordered(self, number: str) -> None:
        """An order for this number was accepted."""
        request = OrderRequest(
            order_id=UUID(int=next(self._ids)),
            account="shop",
            kind=OrderKind.NOTIFICATION,
            template="text",
        )
        facts = OrderFacts(decided_at=self.now, valid_for_s=3600)
        async with self.store.transaction() as transaction:
            made = await transaction.subjects({self.hasher.hash(number): number})
            subjects = Subjects(transaction, StateCache())
            subjects.add_new(made.values())
            for subject_id in made.values():
                subjects.append(subject_id, [decide_order(request, facts)], None)
            await transaction.write(Changes(events=subjects.events, states=subjects.states()))

    # -- what was written -------------------------------------------------------------

    async def events(self) -> list[RecordedEvent]:
        async with self.backend.store.transaction() as transaction:
            return await transaction.read_events(0, 10_000)

    async def types(self) -> list[str]:
        return [event.type for event in await self.events()]

    def owed(self) -> list[MobileTerminated]:
        """Every message in the outbox."""
        return [MobileTerminated.model_validate_json(value) for value in self.backend.outbox()]

    async def everything(self) -> dict[str, object]:
        """All that can be compared; the time of the database is none of it."""
        events = [
            (e.position, e.stream_id, e.version, e.type, json.loads(e.data), json.loads(e.metadata))
            for e in await self.events()
        ]
        return {
            "events": events,
            "outbox": self.backend.outbox(),
            **self.backend.counts(),
            **self.backend.for_receipts(),
        }


def by_purpose(messages: Sequence[MobileTerminated]) -> list[str]:
    return [message.purpose.value for message in messages]
