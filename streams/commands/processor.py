"""From arrived texts to accepted requests: one Kafka poll, one transaction.

Texts that are no command leave no event, no inbox row and no subject: a counter, and for some
days a note of when and why, without the text (`streams.commands.rejected`). Commands of one
number are in one partition and are decided in its order.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pydantic_core import to_json

from inbound.deadletter.isolation import read_all
from inbound.directory.port import Directory, Registration
from inbound.handlers.commands import decide_command
from inbound.handlers.decision import CommandRequest, Decision, Disposition
from inbound.handlers.definitions import definition_of
from inbound.handlers.policies import Policies
from inbound.kafka.decoding import TopicRecord
from inbound.keys import SubjectHasher
from inbound.ops import metrics, telemetry
from inbound.outbox.replies import to_row
from inbound.parsers.commands import NoCommand, parse, why_not
from inbound.store.claims.rows import Secret
from inbound.store.mo.rows import InboxRow
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store, Transaction
from inbound.subjects import StateCache, Subjects
from schemas.events import Command
from schemas.topics import TopicNames
from streams.commands.rejected import RejectedMos
from streams.commands.texts import Assembler, Text, arrival_of, has_parts, read_text


@dataclass(frozen=True, slots=True)
class Commanded:
    """A text that is a command, from a number that can be answered."""

    text: Text
    command: Command
    number: str
    number_hash: bytes

    @property
    def request_id(self) -> UUID:
        """Return the id of the request: that of the text."""
        return self.text.mo.mo_id


@dataclass(frozen=True, slots=True)
class Clients:
    """What the directory says of the numbers in one batch."""

    known: set[str]
    registrations: Mapping[str, Registration]


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """What a processor goes by. Rejected MOs are recorded unless `record_rejected` is off."""

    policies: Policies
    names: TopicNames
    federal_number: str
    secret_ttl: timedelta
    record_rejected: bool = True


class CommandProcessor:
    """Turns batches of `sms.mo.v1` into events, replies and inbox rows."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        hasher: SubjectHasher,
        cache: StateCache,
        settings: CommandSettings,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._directory = directory
        self._hasher = hasher
        self._cache = cache
        self._settings = settings
        self._valid_for = timedelta(seconds=settings.policies.reply_valid_for_s)
        self._clock = clock

    async def __call__(self, records: Sequence[TopicRecord]) -> None:
        """Process one batch. Blocks on directory and database; safe to repeat.

        Raises `RetryableError` when either can't answer, `PoisonError` for a record that
        is no text.
        """
        rejected = RejectedMos(self._hasher if self._settings.record_rejected else None)
        texts = read_all(records, read_text)
        commanded = [] if has_parts(texts) else self._commands(texts, rejected)
        if commanded or has_parts(texts) or rejected.records():
            async with self._store.transaction() as transaction:
                if has_parts(texts):
                    whole = await Assembler(transaction, self._hasher).assemble(texts)
                    commanded = self._commands(whole, rejected)
                subjects = Subjects(transaction, self._cache)
                changes = Changes()
                decided = await self._decide(transaction, commanded, subjects, changes)
                for one, decision in decided:
                    if decision.disposition is not Disposition.ACCEPTED:
                        rejected.add(decision.disposition.value, one.text.mo)
                changes.rejected_mos = rejected.records()
                await transaction.write(changes)
            subjects.remember()
            self._report(decided)
        rejected.report()

    def _commands(self, texts: Sequence[Text], rejected: RejectedMos) -> list[Commanded]:
        commanded = []
        for text in texts:
            command = parse(text.body) if text.body is not None else None
            if command is None:
                reason = why_not(text.body) if text.body is not None else NoCommand.UNDECODABLE
                rejected.add(reason.value, text.mo)
            elif text.mo.source is None:
                rejected.add("no_reply_address", text.mo)
            else:
                hash_ = self._hasher.hash(text.mo.source)
                commanded.append(Commanded(text, command, text.mo.source, hash_))
        return commanded

    async def _decide(
        self,
        transaction: Transaction,
        commanded: Sequence[Commanded],
        subjects: Subjects,
        changes: Changes,
    ) -> list[tuple[Commanded, Decision]]:
        if not commanded:
            return []
        seen = await transaction.seen([c.request_id for c in commanded])
        # By id: after a rebalance Kafka may bring a record twice in one batch.
        fresh = list({c.request_id: c for c in commanded if c.request_id not in seen}.values())
        clients = await self._look_up(fresh)
        subject_ids = await transaction.subjects({c.number_hash: c.number for c in fresh})
        await subjects.load(subject_ids.values())
        decided = [
            (one, self._apply(one, subject_ids[one.number_hash], subjects, clients, changes))
            for one in fresh
        ]
        changes.inbox = [InboxRow(c.request_id, c.text.mo.arrived_at) for c in fresh]
        changes.events = subjects.events
        changes.states = subjects.states()
        return decided

    async def _look_up(self, commanded: Sequence[Commanded]) -> Clients:
        """Ask the directory once for all; secrets only of those who asked for theirs."""
        asked = {c.number for c in commanded if definition_of(c.command).may_send_registration}
        others = {c.number for c in commanded} - asked
        registrations = await self._directory.registrations(list(asked)) if asked else {}
        known = await self._directory.known(list(others)) if others else set()
        return Clients(known | registrations.keys(), registrations)

    def _apply(
        self,
        one: Commanded,
        subject_id: UUID,
        subjects: Subjects,
        clients: Clients,
        changes: Changes,
    ) -> Decision:
        now = self._clock()
        mo = one.text.mo
        request = CommandRequest(
            request_id=one.request_id,
            command=one.command,
            arrived_at=mo.arrived_at,
            decided_at=now,
            client_known=one.number in clients.known,
            centre=mo.centre,
            bind=mo.bind,
            data_coding=mo.data_coding,
            parts=one.text.parts,
            arrival=arrival_of(one.text, self._settings.federal_number),
        )
        decision = decide_command(subjects[subject_id], request, self._settings.policies)
        traceparent = telemetry.span(
            "decide",
            one.text.traceparent,
            mo.arrived_at,
            now,
            attributes=[
                ("command", one.command.value),
                ("disposition", decision.disposition.value),
            ],
        )
        subjects.append(subject_id, decision.events, traceparent)
        for reply in decision.replies:
            row = to_row(
                reply,
                subject_id=subject_id,
                key=one.number_hash.hex(),
                now=now,
                valid_for=self._valid_for,
                traceparent=traceparent,
                names=self._settings.names,
            )
            changes.outbox.append(row)
        if decision.secret_for is not None:
            plaintext = _secret_fields(clients.registrations[one.number])
            secret = Secret(decision.secret_for, plaintext, now + self._settings.secret_ttl)
            changes.vault.append(secret)
        return decision

    @staticmethod
    def _report(decided: Sequence[tuple[Commanded, Decision]]) -> None:
        accepted = Counter(
            one.command.value
            for one, decision in decided
            if decision.disposition is Disposition.ACCEPTED
        )
        for command, count in accepted.items():
            metrics.ACCEPTED.add(count, {"command": command})


def _secret_fields(registration: Registration) -> bytes:
    """Return the template fields of a registration as JSON: only ever sealed."""
    return to_json(
        {
            "personal_code": registration.personal_code,
            "login": registration.login,
            "password": registration.password,
        }
    )
