"""Texts as they arrive on `sms.mo.v1`: decoded, and long ones put together.

A part is stored until the others are there. The whole takes the id of its first part and
the arrival of its last, so that a redelivery is the same request again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic_core import from_json, to_json

from inbound.kafka.decoding import TopicRecord, decode
from inbound.keys import SubjectHasher
from inbound.smpp import alphabet, segmentation
from inbound.store.mo.rows import MessagePart, PartsKey
from inbound.store.transactions.port import Transaction
from schemas.cloudevents import header
from schemas.events import Arrival
from schemas.messages import MobileOriginated

TOGETHER: Final = timedelta(minutes=2)
"""The parts of a text come within this, but in an outage; no phone uses a reference again."""

_WIDE = 16
_SHORT_CODE = 6
_NATIONAL = 10


@dataclass(frozen=True, slots=True)
class Assembled:
    """What is known of the parts of a long text; `sequences` in the order of their arrival."""

    alphabet: str
    octets: int
    sequences: tuple[int, ...]
    first_part_at: datetime


@dataclass(frozen=True, slots=True)
class Text:
    """One deliver_sm; `body` is None while it is a part, or when it is no text."""

    mo: MobileOriginated = field(repr=False)
    body: str | None = field(repr=False)
    traceparent: str | None
    assembled: Assembled | None = None

    @property
    def parts(self) -> int:
        """Return how many deliver_sm it took."""
        return len(self.assembled.sequences) if self.assembled else 1


def read_text(record: TopicRecord) -> Text:
    """Return the text in a record. Raises `PoisonError` when there is none."""
    mo = decode(record, MobileOriginated)
    body = None if mo.part else alphabet.decode(mo.payload, mo.data_coding, mo.alphabet)
    return Text(mo, body, header(record.headers, "traceparent"))


def arrival_of(text: Text, federal: str) -> Arrival:
    """Return what the log tells of how a whole text came; `federal` is our number (E.164)."""
    mo, assembled = text.mo, text.assembled
    if assembled is None:
        name = alphabet.name_of(mo.data_coding, mo.alphabet)
        assembled = Assembled(name, len(mo.payload), (), mo.arrived_at)
    return Arrival(
        gateway=mo.gateway,
        our_number=_ours(mo.destination, federal),
        esm_class=mo.esm_class,
        alphabet=assembled.alphabet,
        octets=assembled.octets,
        sequences=assembled.sequences or None,
        first_part_at=assembled.first_part_at if assembled.sequences else None,
        heard_at=mo.heard_at,
    )


def _ours(destination: str, federal: str) -> str | None:
    """Return the number that was texted, None when it might be somebody's.

    The log keeps it for ever, and what a centre writes there is not always ours.
    """
    digits = destination.removeprefix("+")
    if digits.isascii() and digits.isdigit() and len(digits) <= _SHORT_CODE:
        return digits
    return federal if digits[-_NATIONAL:] == federal[-_NATIONAL:] else None


def has_parts(texts: Iterable[Text]) -> bool:
    """Whether some of these have to be put together first."""
    return any(text.mo.part for text in texts)


class Assembler:
    """Puts the parts in a batch together with those that came before."""

    def __init__(self, transaction: Transaction, hasher: SubjectHasher) -> None:
        self._transaction = transaction
        self._hasher = hasher

    async def assemble(self, texts: Sequence[Text]) -> list[Text]:
        """Return the whole texts, each where its last part stood; keep the other parts."""
        whole = []
        for text in texts:
            complete = await self._add(text) if text.mo.part else text
            if complete is not None:
                whole.append(complete)
        return whole

    async def _add(self, text: Text) -> Text | None:
        part = _part_of(text, self._hasher)
        if part is None:
            return text  # from nobody who could be answered: counted like a whole one
        parts = await self._transaction.add_part(part)
        if len(parts) < part.key.total:
            return None
        before = await self._transaction.whole_parts(part.key)
        if left_over := left_overs(parts, before):
            await self._transaction.drop_parts(part.key, left_over)
            return None
        await self._transaction.complete_parts(part.key)
        return _whole(text, parts)


def left_overs(parts: Sequence[MessagePart], before: Sequence[MessagePart]) -> set[int]:
    """Return which of `parts` are of the text `before` and only came again. Pure.

    A part that is delivered once more, after its text was put together, waits for others
    that never come. When the phone uses the reference again, a part of the new text must not
    be taken for one of those. A part that says what the text before said, and was there long
    before the others, is left over from it.
    """
    said = {part.sequence: part.payload for part in before}
    heard = {part.sequence: _heard_at(part) for part in parts}
    latest = max(heard.values())
    return {
        part.sequence
        for part in parts
        if said.get(part.sequence) == part.payload and latest - heard[part.sequence] > TOGETHER
    }


def _heard_at(part: MessagePart) -> datetime:
    """Return when a part came by the clock that gateways share: wall clocks are stepped."""
    heard_at = from_json(part.data).get("heard_at")
    return datetime.fromisoformat(heard_at) if heard_at else part.received_at


def _part_of(text: Text, hasher: SubjectHasher) -> MessagePart | None:
    mo = text.mo
    if mo.part is None or mo.source is None:
        return None
    key = PartsKey(
        bind=mo.bind,
        number_hash=hasher.hash(mo.source),
        destination=mo.destination,
        # An 8-bit 7 and a 16-bit 7 are two references.
        reference=mo.part.reference | (mo.part.width == _WIDE) << 16,
        total=mo.part.total,
    )
    heard_at = mo.heard_at or mo.arrived_at
    data = to_json({"mo_id": mo.mo_id, "data_coding": mo.data_coding, "heard_at": heard_at})
    return MessagePart(key, mo.part.sequence, mo.payload, data, mo.arrived_at)


def _whole(last: Text, parts: Sequence[MessagePart]) -> Text:
    """Return the text of all parts: the id of the first, the arrival of the last."""
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
