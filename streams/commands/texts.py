"""MOs of `sms.mo.v1`, decoded: the text of each, and what the log records of its arrival."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from inbound.kafka.decoding import TopicRecord, decode
from inbound.parsers.numbers import last_digits
from inbound.smpp import alphabet
from inbound.smpp.user_data import UDHI
from inbound.store.mo.rows import MoReading
from schemas.cloudevents import header
from schemas.events import Arrival
from schemas.messages import MobileOriginated

_SHORT_CODE_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Assembled:
    """The parts of a long text; `sequences` are in order of arrival."""

    alphabet: str
    octets: int
    sequences: tuple[int, ...]
    first_part_at: datetime


@dataclass(frozen=True, slots=True)
class ReceivedText:
    """One MO, or several that were assembled. `body` is None for a part and if unreadable."""

    mo: MobileOriginated = field(repr=False)
    body: str | None = field(repr=False)
    traceparent: str | None
    assembled: Assembled | None = None

    @property
    def parts(self) -> int:
        """The number of MOs it took."""
        return len(self.assembled.sequences) if self.assembled else 1


@dataclass(frozen=True, slots=True)
class OtherText:
    """A whole text that is no command; `reason` says why, as counters name it."""

    text: ReceivedText
    reason: str


def read_text(record: TopicRecord) -> ReceivedText:
    """Return the text in a record. Raises `PoisonError` if the record is not an MO."""
    mo = decode(record, MobileOriginated)
    # A gateway leaves a text unread that is too long, and on a strict bind one with a malformed
    # header.
    is_unread = mo.octets is not None or (mo.esm_class & UDHI and not mo.payload)
    has_text = not mo.part and not is_unread
    body = alphabet.decode(mo.payload, mo.data_coding, mo.alphabet) if has_text else None
    return ReceivedText(mo, body, header(record.headers, "traceparent"))


def arrival_of(text: ReceivedText, federal: str) -> Arrival:
    """Return what the log records of a whole text's arrival; `federal` is our number (E.164)."""
    mo, assembled = text.mo, _assembled(text)
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


def reading_of(text: ReceivedText) -> MoReading:
    """Return how a whole text was read."""
    mo, assembled = text.mo, _assembled(text)
    return MoReading(mo.bind, mo.data_coding, assembled.alphabet, assembled.octets)


def _assembled(text: ReceivedText) -> Assembled:
    """Return how a text was assembled; one of a single MO too."""
    if text.assembled is not None:
        return text.assembled
    mo = text.mo
    name = alphabet.name_of(mo.data_coding, mo.alphabet)
    octets = len(mo.payload) if mo.octets is None else mo.octets
    return Assembled(name, octets, (), mo.arrived_at)


def _ours(destination: str, federal: str) -> str | None:
    """Return the number that was texted, None if it might be a person's.

    The log keeps it for ever, and the SMS centre does not always send one of ours.
    """
    digits = last_digits(destination)
    if digits.isascii() and digits.isdigit() and len(digits) <= _SHORT_CODE_DIGITS:
        return digits
    return federal if digits == last_digits(federal) else None


def has_parts(texts: Iterable[ReceivedText]) -> bool:
    """Whether some of these have to be assembled first."""
    return any(text.mo.part for text in texts)
