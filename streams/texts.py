"""Texts as they arrive on `sms.mo.v1`: decoded, and long ones put together.

A part is stored until the others are there. The whole takes the id of its first part and
the arrival of its last, so that a redelivery is the same request again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from inbound.errors import PoisonError
from inbound.keys import SubjectHasher
from inbound.smpp import alphabet, segmentation
from inbound.store.port import Transaction
from inbound.store.rows import MessagePart, PartsKey
from schemas.cloudevents import header
from schemas.messages import MobileOriginated
from streams.records import Record

_WIDE = 16


@dataclass(frozen=True, slots=True)
class Text:
    """One deliver_sm; `body` is None while it is a part, or when it is no text."""

    mo: MobileOriginated = field(repr=False)
    body: str | None = field(repr=False)
    traceparent: str | None
    parts: int = 1


def decode(record: Record) -> Text:
    """Return the text in a record. Raises `PoisonError` when there is none."""
    try:
        mo = MobileOriginated.model_validate_json(record.value)
    except ValidationError as error:
        raise PoisonError(f"{record.topic} holds no text here") from error
    body = None if mo.part else alphabet.decode(mo.payload, mo.data_coding, mo.alphabet)
    return Text(mo, body, header(record.headers, "traceparent"))


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
        await self._transaction.complete_parts(part.key)
        return _whole(text, parts)


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
    data = to_json({"mo_id": mo.mo_id, "data_coding": mo.data_coding})
    return MessagePart(key, mo.part.sequence, mo.payload, data, mo.arrived_at)


def _whole(last: Text, parts: Sequence[MessagePart]) -> Text:
    """Return the text of all parts: the id of the first, the arrival of the last."""
    described = [from_json(part.data) for part in parts]
    body = segmentation.text_of(
        (
            segmentation.Part(0, 8, len(parts), part.sequence, part.payload, about["data_coding"])
            for part, about in zip(parts, described, strict=True)
        ),
        last.mo.alphabet,
    )
    mo = last.mo.model_copy(update={"mo_id": UUID(described[0]["mo_id"]), "part": None})
    return replace(last, mo=mo, body=body, parts=len(parts))
