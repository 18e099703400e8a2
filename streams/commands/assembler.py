"""Assembles long texts from their parts (concatenated MOs).

A part is stored until the others have arrived, on any bind of the same SMS centre and in any
gateway. The whole text takes the id of its first part and the arrival time of its last, so that
a redelivery is the same request.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic_core import from_json, to_json

from inbound.keys import SubjectHasher
from inbound.smpp import alphabet, segmentation
from inbound.store.mo.rows import MessagePart, PartsKey
from inbound.store.transactions.port import Transaction
from streams.commands.texts import Assembled, ReceivedText, last_digits

PARTS_WITHIN: Final = timedelta(minutes=2)
"""The parts of a text arrive within this time, except in an outage; no phone reuses a reference
sooner."""

_WIDE_REFERENCE_BITS: Final = 16


class Assembler:
    """Assembles the parts in a batch with those stored before."""

    def __init__(self, transaction: Transaction, hasher: SubjectHasher) -> None:
        self._transaction = transaction
        self._hasher = hasher

    async def assemble(self, texts: Sequence[ReceivedText]) -> list[ReceivedText]:
        """Return the whole texts, each in the place of its last part; store the other parts."""
        whole = []
        for text in texts:
            complete = await self._add(text) if text.mo.part else text
            if complete is not None:
                whole.append(complete)
        return whole

    async def _add(self, text: ReceivedText) -> ReceivedText | None:
        part = _part_of(text, self._hasher)
        if part is None:
            return text  # no sender to reply to: rejected like a whole text
        parts = await self._transaction.add_part(part)
        if len(parts) < part.key.total:
            return None
        before = await self._transaction.whole_parts(part.key)
        if leftovers := leftover_sequences(parts, before):
            await self._transaction.drop_parts(part.key, leftovers)
            return None
        await self._transaction.complete_parts(part.key)
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
    heard_at = from_json(part.data).get("heard_at")
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
    described = [from_json(part.data) for part in parts]
    body = segmentation.text_of(
        (
            segmentation.ConcatenatedPart(
                0, 8, len(parts), part.sequence, part.payload, about["data_coding"]
            )
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
