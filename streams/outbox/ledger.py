"""Which messages this gateway has in hand, and what happens to copies of them.

The same message may be fetched twice: published twice by the relay, or its partition went and
came back. While the first one is in hand a copy only adds an offset to it; after it ended a
copy is recognised without asking the database.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, TypeVar
from uuid import UUID

from aiokafka import TopicPartition

from streams.outbox.offsets import OffsetTracker
from streams.outbox.phases import Fetched, Phase

PhaseT = TypeVar("PhaseT", bound=Phase)

REMEMBERED: Final = 10_000
"""How many finished messages are recognised without asking the database."""


@dataclass(slots=True, eq=False)
class Entry:
    """One message in hand: the phase it is in, and where copies of it were fetched."""

    fetched: Fetched
    phase: Phase
    copies: list[tuple[TopicPartition, int]] = field(default_factory=list)

    def expect(self, phase: type[PhaseT]) -> PhaseT:
        """Return the phase, which has to be of this type: its operation has just ended."""
        if not isinstance(self.phase, phase):
            found = type(self.phase).__name__
            raise RuntimeError(  # noqa: TRY004 — no argument is wrong
                f"a message is {found} instead of {phase.__name__}"
            )
        return self.phase


class Ledger:
    """All entries, and the offsets that wait for them."""

    def __init__(self, offsets: OffsetTracker) -> None:
        self._offsets = offsets
        self._entries: dict[UUID, Entry] = {}
        self._finished: OrderedDict[UUID, None] = OrderedDict()
        self._left = asyncio.Event()

    def admit(self, fetched: Fetched) -> Entry | None:
        """Return a new entry for a fetched message, None for a copy of a known one."""
        self._offsets.begin(fetched.partition, fetched.offset)
        message_id = fetched.message.message_id
        if (known := self._entries.get(message_id)) is not None:
            known.copies.append((fetched.partition, fetched.offset))
            return None
        if message_id in self._finished:
            self._offsets.finish(fetched.partition, fetched.offset)
            return None
        entry = self._entries[message_id] = Entry(fetched, fetched)
        return entry

    def finish(self, entry: Entry) -> None:
        """Take note that a message ended: its offsets may be committed."""
        fetched = entry.fetched
        self._offsets.finish(fetched.partition, fetched.offset)
        for partition, offset in entry.copies:
            self._offsets.finish(partition, offset)
        self._finished[fetched.message.message_id] = None
        if len(self._finished) > REMEMBERED:
            self._finished.popitem(last=False)
        self.forget(entry)

    def forget(self, entry: Entry) -> None:
        """Take out an entry; its offsets are the next owner's. Safe to repeat."""
        message_id = entry.fetched.message.message_id
        if self._entries.get(message_id) is entry:
            del self._entries[message_id]
            self._left.set()

    def of(self, partitions: Collection[TopicPartition]) -> list[Entry]:
        """Return the entries of these partitions."""
        return [one for one in self._entries.values() if one.fetched.partition in partitions]

    async def emptied(self, partitions: Collection[TopicPartition]) -> None:
        """Wait until these partitions have no entry."""
        while self.of(partitions):
            self._left.clear()
            await self._left.wait()
