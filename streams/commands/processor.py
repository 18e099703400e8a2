"""Turns MOs into accepted requests: one batch of records, one transaction.

An MO that is not a command leaves no event or subject, only a count and, for some days, a record
of when and why, without the text (`streams.commands.rejected`). If it belongs to an account, it is
passed on (`streams.commands.account_texts`). Commands of one number are in one partition, and are
decided in its order.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from inbound.deadletter.isolation import read_all
from inbound.directory.port import Directory
from inbound.directory.size import DirectorySize
from inbound.handlers.decision import Decision, Disposition
from inbound.handlers.definitions import definition_of, is_carried_out
from inbound.handlers.registrations import ceilings
from inbound.handlers.unknown_numbers import admit, unknown_number_ceilings
from inbound.kafka.decoding import TopicRecord
from inbound.keys import SubjectHasher
from inbound.ops import metrics
from inbound.parsers.commands import NoCommand, parse, why_not
from inbound.store.mo.rows import InboxRow
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store, Transaction
from inbound.subjects import StateCache, Subjects
from streams.commands.account_texts import AccountTexts
from streams.commands.assembler import Assembler
from streams.commands.effects import Effects
from streams.commands.model import Clients, CommandSettings, ParsedCommand
from streams.commands.registrations import RegistrationBudget
from streams.commands.rejected import RejectedMos
from streams.commands.texts import OtherText, ReceivedText, has_parts, read_text


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
        self._size = DirectorySize(directory, clock)
        self._hasher = hasher
        self._cache = cache
        self._settings = settings
        self._clock = clock

    async def __call__(self, records: Sequence[TopicRecord]) -> None:
        """Process one batch. Blocks on directory and database; safe to repeat.

        Raises `RetryableError` when either can't answer, `PoisonError` for a record that
        is no text.
        """
        rejected = RejectedMos(self._hasher if self._settings.record_rejected else None)
        texts = read_all(records, read_text)
        commands, others = ([], []) if has_parts(texts) else self._sort(texts, rejected)
        if commands or others or has_parts(texts) or rejected.records():
            async with self._store.transaction() as transaction:
                assembler = None
                if has_parts(texts):
                    # After a rebalance two workers may have the same partition for a moment.
                    await transaction.lock_names(
                        {f"{one.topic}[{one.partition}]" for one in records}
                    )
                    assembler = Assembler(transaction, self._hasher)
                    commands, others = self._sort(await assembler.assemble(texts), rejected)
                subjects = Subjects(transaction, self._cache)
                changes = Changes()
                decided, budget = await self._decide(transaction, commands, subjects, changes)
                for parsed, decision in decided:
                    if decision.disposition is not Disposition.ACCEPTED:
                        rejected.add(decision.disposition.value, parsed.text.mo)
                await AccountTexts(transaction, self._hasher).take(others, rejected, changes)
                if assembler is not None:
                    rejected.add_dropped(await assembler.store())
                changes.rejected_mos = rejected.records()
                await transaction.write(changes)
            subjects.remember()
            self._report(decided)
            if budget is not None:
                budget.report()
        rejected.report()

    def _sort(
        self, texts: Sequence[ReceivedText], rejected: RejectedMos
    ) -> tuple[list[ParsedCommand], list[OtherText]]:
        commands: list[ParsedCommand] = []
        others: list[OtherText] = []
        for text in texts:
            command = parse(text.body) if text.body is not None else None
            if command is None:
                reason = why_not(text.body) if text.body is not None else NoCommand.UNDECODABLE
                others.append(OtherText(text, reason.value))
            elif text.mo.source is None:
                rejected.add("no_reply_address", text.mo)
            else:
                hash_ = self._hasher.hash(text.mo.source)
                commands.append(ParsedCommand(text, command, text.mo.source, hash_))
        return commands, others

    async def _decide(
        self,
        transaction: Transaction,
        commands: Sequence[ParsedCommand],
        subjects: Subjects,
        changes: Changes,
    ) -> tuple[list[tuple[ParsedCommand, Decision]], RegistrationBudget | None]:
        if not commands:
            return [], None
        senders = await transaction.known_senders(
            [each.request_id for each in commands], {each.number_hash for each in commands}
        )
        # By id: after a rebalance Kafka may bring a record twice in one batch.
        fresh = list(
            {
                each.request_id: each for each in commands if each.request_id not in senders.seen
            }.values()
        )
        clients = await self._look_up(fresh)
        subject_ids = senders.subjects
        await subjects.load(subject_ids.values(), senders.states)
        unknown = {
            each.request_id: each.text.mo.centre
            for each in fresh
            if not _is_served(each, clients, subjects, subject_ids)
        }
        admitted = await self._admit(transaction, unknown)
        beyond = unknown.keys() - admitted
        dropped = [each for each in fresh if each.request_id in beyond]
        fresh = [each for each in fresh if each.request_id not in beyond]
        strangers = {
            each.number_hash: each.number for each in fresh if each.number_hash not in subject_ids
        }
        if strangers:
            added = await transaction.add_subjects(strangers)
            subjects.add_new(added.values())
            subject_ids |= added
        # Last before the decisions: from here to commit other batches with registrations wait.
        budget = await self._budget(transaction, clients)
        effects = Effects(self._settings, subjects, clients, budget, changes, clock=self._clock)
        decided = [
            (parsed, effects.decide(parsed, subject_ids[parsed.number_hash])) for parsed in fresh
        ]
        if budget is not None:
            changes.registrations = list(budget.counted())
        changes.unknown_numbers = Counter(
            unknown[parsed.request_id]
            for parsed, decision in decided
            if decision.disposition is Disposition.ACCEPTED and parsed.request_id in unknown
        )
        decided += ((each, Decision(Disposition.UNKNOWN_NUMBER_CEILING)) for each in dropped)
        changes.inbox = [InboxRow(each.request_id, each.text.mo.arrived_at) for each in fresh]
        changes.events = subjects.events
        changes.states = subjects.states()
        changes.wants_command_callbacks = senders.wants_command_callbacks
        return decided, budget

    async def _admit(self, transaction: Transaction, unknown: Mapping[UUID, str]) -> set[UUID]:
        """Return those of the commands of unknown numbers, with their centres, within the ceilings.

        Once a ceiling is reached no batch waits for another.
        """
        if not unknown or self._settings.policies.unknown_number == "silent":
            return set(unknown)
        limits = unknown_number_ceilings(self._settings.policies, await self._size.get())
        if not limits.limit:
            return set(unknown)
        centres = list(unknown.values())
        admitted = admit(centres, await transaction.unknown_numbers_used(lock=False), limits)
        if any(admitted):
            admitted = admit(centres, await transaction.unknown_numbers_used(lock=True), limits)
        return {id_ for id_, is_in in zip(unknown, admitted, strict=True) if is_in}

    async def _budget(
        self, transaction: Transaction, clients: Clients
    ) -> RegistrationBudget | None:
        """Read the use of the ceilings; None if no client asks for registration data."""
        if not clients.registrations:
            return None
        size = await self._size.get()
        limited = ceilings(self._settings.policies, size).limit
        return RegistrationBudget(await transaction.registrations_used(lock=limited), size)

    async def _look_up(self, commands: Sequence[ParsedCommand]) -> Clients:
        """Ask the directory once for all; secrets only of those who asked for theirs."""
        asked = {
            each.number for each in commands if definition_of(each.command).may_send_registration
        }
        others = {each.number for each in commands} - asked
        registrations = await self._directory.registrations(list(asked)) if asked else {}
        known = await self._directory.known(list(others)) if others else set()
        return Clients(known | registrations.keys(), registrations)

    @staticmethod
    def _report(decided: Sequence[tuple[ParsedCommand, Decision]]) -> None:
        accepted = Counter(
            parsed.command.value
            for parsed, decision in decided
            if decision.disposition is Disposition.ACCEPTED
        )
        for command, count in accepted.items():
            metrics.ACCEPTED.add(count, {"command": command})


def _is_served(
    parsed: ParsedCommand, clients: Clients, subjects: Subjects, subject_ids: Mapping[bytes, UUID]
) -> bool:
    """Whether a command is carried out for its sender. If it is, no ceiling may drop it."""
    subject_id = subject_ids.get(parsed.number_hash)
    return is_carried_out(
        parsed.command,
        client_known=parsed.number in clients.known,
        is_recipient=subject_id is not None and subjects[subject_id].is_recipient,
    )
