"""Assembles long texts from their parts (concatenated MOs).

A part is stored until the others have arrived, on any bind of the same SMS centre and in any
gateway. The whole text takes the id of its first part and the arrival time of its last, so that
a redelivery is the same request.

A batch reads and writes its parts together. Beyond a quota the store drops the oldest texts; one
that becomes whole is decided before anything is dropped.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic_core import to_json

from inbound.keys import SubjectHasher
from inbound.parsers.numbers import last_digits
from inbound.smpp import alphabet, segmentation
from inbound.smpp.user_data import ConcatenatedPart
from inbound.store.mo.rows import DroppedParts, MessagePart, PartChanges, PartsKey, StoredPart
from inbound.store.transactions.port import Transaction
from schemas.reading import read_json
from streams.commands.texts import Assembled, ReceivedText

PARTS_WITHIN: Final = timedelta(minutes=2)
"""The parts of a text arrive within this time, except in an outage; no phone reuses a reference
sooner."""

_WIDE_REFERENCE_BITS: Final = 16


@dataclass(slots=True)
class _Text:
    """The parts of one text: `stored` wait in the store, `new` came in this batch.

    `whole` are the parts of the last text with this key, if it became whole in this batch.
    """

    stored: set[int] = field(default_factory=set)
    new: dict[int, MessagePart] = field(default_factory=dict)
    whole: tuple[MessagePart, ...] | None = None

    def is_whole(self, total: int) -> bool:
        """Whether no part is missing."""
        return len(self.stored | self.new.keys()) == total


class Assembler:
    """Assembles the parts in one batch with those stored before.

    Call `assemble` once, and `store` right before the batch is written.
    """

    def __init__(self, transaction: Transaction, hasher: SubjectHasher) -> None:
        self._transaction = transaction
        self._hasher = hasher
        self._texts: defaultdict[PartsKey, _Text] = defaultdict(_Text)
        self._waited: defaultdict[PartsKey, set[int]] = defaultdict(set)

    async def assemble(self, texts: Sequence[ReceivedText]) -> list[ReceivedText]:
        """Return the whole texts, each in the place of its last part. Blocks on the database."""
        parts = [_part_of(text, self._hasher) if text.mo.part else None for text in texts]
        keys = {part.key for part in parts if part is not None}
        for key, sequence in await self._transaction.waiting_parts(keys):
            self._waited[key].add(sequence)
            self._texts[key].stored.add(sequence)
        whole = []
        for text, part in zip(texts, parts, strict=True):
            # Without a sender there is no part, and no one to reply to: rejected as a whole text.
            complete = text if part is None else await self._add(text, part)
            if complete is not None:
                whole.append(complete)
        return whole

    async def store(self) -> list[DroppedParts]:
        """Store what waits now; return what was dropped because of a quota."""
        changes = PartChanges()
        for key, text in self._texts.items():
            changes.waiting += text.new.values()
            changes.whole += text.whole or ()
            gone = self._waited[key] - text.stored
            changes.removed += (StoredPart(key, sequence) for sequence in gone)
        return await self._transaction.store_parts(changes)

    async def _add(self, text: ReceivedText, part: MessagePart) -> ReceivedText | None:
        waiting = self._texts[part.key]
        waiting.new[part.sequence] = part
        waiting.stored.discard(part.sequence)
        if not waiting.is_whole(part.key.total):
            return None
        stored = await self._transaction.parts_of_text(part.key)
        kept = {one.sequence: one for one in stored.waiting if one.sequence in waiting.stored}
        waiting.stored = set(kept)  # the retention sweep may have deleted some meanwhile
        if not waiting.is_whole(part.key.total):
            return None
        together = kept | waiting.new
        parts = [together[sequence] for sequence in sorted(together)]
        before = stored.whole if waiting.whole is None else waiting.whole
        if leftovers := leftover_sequences(parts, before):
            waiting.stored -= leftovers
            for sequence in leftovers:
                waiting.new.pop(sequence, None)
            return None
        self._texts[part.key] = _Text(whole=tuple(parts))
        return _whole(text, parts)


def leftover_sequences(parts: Sequence[MessagePart], before: Sequence[MessagePart]) -> set[int]:
    """Return which of `parts` belong to the previous text of their reference. Pure.

    A part that is delivered again after its text was assembled waits for others that never
    come. When the phone reuses the reference, it must not be mixed into the new text. A part
    with the payload of the previous text's part, which arrived long before the others, is such
    a leftover.
    """
    previous = {part.sequence: part.payload for part in before}
    heard_at = {part.sequence: _heard_at(part) for part in parts}
    latest = max(heard_at.values())
    return {
        part.sequence
        for part in parts
        if previous.get(part.sequence) == part.payload
        and latest - heard_at[part.sequence] > PARTS_WITHIN
    }


def _heard_at(part: MessagePart) -> datetime:
    """Return when a part arrived by the clock that gateways share: wall clocks are stepped."""
    heard_at = read_json(part.data).get("heard_at")
    return datetime.fromisoformat(heard_at) if heard_at else part.received_at


def _part_of(text: ReceivedText, hasher: SubjectHasher) -> MessagePart | None:
    mo = text.mo
    if mo.part is None or mo.source is None:
        return None
    key = PartsKey(
        centre=mo.centre,
        number_hash=hasher.hash(mo.source),
        destination=last_digits(mo.destination),
        # An 8-bit 7 and a 16-bit 7 are two references.
        reference=mo.part.reference | (mo.part.width == _WIDE_REFERENCE_BITS) << 16,
        total=mo.part.total,
    )
    heard_at = mo.heard_at or mo.arrived_at
    data = to_json({"mo_id": mo.mo_id, "data_coding": mo.data_coding, "heard_at": heard_at})
    return MessagePart(key, mo.part.sequence, mo.payload, data, mo.arrived_at)


def _whole(last: ReceivedText, parts: Sequence[MessagePart]) -> ReceivedText:
    """Return the text of all parts, with the id of the first and the arrival of the last."""
    described = [read_json(part.data) for part in parts]
    body = segmentation.text_of(
        (
            ConcatenatedPart(0, 8, len(parts), part.sequence, part.payload, about["data_coding"])
            for part, about in zip(parts, described, strict=True)
        ),
        last.mo.alphabet,
    )
    names = (alphabet.name_of(about["data_coding"], last.mo.alphabet) for about in described)
    arrived = sorted(parts, key=lambda part: part.received_at)
    assembled = Assembled(
        alphabet="+".join(dict.fromkeys(names)),
        octets=sum(len(part.payload) for part in parts),
        sequences=tuple(part.sequence for part in arrived),
        first_part_at=arrived[0].received_at,
    )
    mo = last.mo.model_copy(update={"mo_id": UUID(described[0]["mo_id"]), "part": None})
    return replace(last, mo=mo, body=body, assembled=assembled)
