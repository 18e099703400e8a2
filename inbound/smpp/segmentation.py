"""Long messages: cutting a text into parts that fit, reading what part an incoming PDU is.

Three ways of concatenation exist and all are read: user data headers with an 8-bit or a
16-bit reference (3GPP TS 23.040, 9.2.3.24), and the SAR TLVs (SMPP 3.4, 5.3.2.22-24). The
first is what is written, because every phone knows it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

import smsutil  # type: ignore[import-untyped]  # it has no types

from inbound.errors import PoisonError
from inbound.smpp import alphabet as alphabets
from inbound.smpp.pdu import DataSm, DeliverSm, SubmitSm

# SMPP 3.4, 5.2.12: bit 6 of esm_class, "UDHI indicator".
UDHI: Final = 0x40
TLV_SAR_REFERENCE: Final = 0x020C
TLV_SAR_TOTAL: Final = 0x020E
TLV_SAR_SEQUENCE: Final = 0x020F
TLV_MESSAGE_PAYLOAD: Final = 0x0424

_IE_CONCAT_8: Final = 0x00
_IE_CONCAT_16: Final = 0x08
_MAX_PARTS: Final = 255
_UNSENDABLE = re.compile("[\x1b\ud800-\udfff]")

Message = SubmitSm | DeliverSm | DataSm


class UnsendableTextError(PoisonError):
    """The text is too long for 255 parts."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part ready for a submit_sm: its octets, header included, and the fields to set."""

    short_message: bytes = field(repr=False)
    data_coding: int
    esm_class: int


@dataclass(frozen=True, slots=True)
class ConcatenatedPart:
    """Which piece of a long message a PDU is, and the piece.

    `width` is the bits of the reference: an 8-bit 7 and a 16-bit 7 are two messages.
    """

    reference: int
    width: int
    total: int
    sequence: int
    body: bytes = field(repr=False)
    data_coding: int = 0


@dataclass(frozen=True, slots=True)
class UserDataHeader:
    """A user data header: its elements in their order, and where the text begins."""

    elements: tuple[tuple[int, bytes], ...]
    size: int


@dataclass(frozen=True, slots=True)
class MalformedUserDataHeader:
    """A user data header that lies about its length: nothing behind it can be trusted."""


def split(text: str, reference: int = 0, default: str = alphabets.GSM_0338) -> tuple[Segment, ...]:
    """Cut a text into as few parts as it needs; one part carries no header.

    A text of GSM 03.38 goes as data_coding 0 in the bind's `default` alphabet (160
    septets, or 153 in each of several parts), any other as UCS-2 (70 and 67 units).
    Neither an escape pair nor a surrogate pair is ever torn apart. `reference` (taken
    modulo 256) tells the parts of one message from those of the next to the same number.
    ESC and lone surrogates, which no alphabet can carry, become question marks. Raises
    `UnsendableTextError` above 255 parts.
    """
    octets, data_coding = _cut(text, default)
    if len(octets) == 1:
        return (Segment(octets[0], data_coding, 0),)
    total = len(octets)
    header = bytes((5, _IE_CONCAT_8, 3, reference & 0xFF, total))
    return tuple(
        Segment(header + bytes((number,)) + body, data_coding, UDHI)
        for number, body in enumerate(octets, 1)
    )


def rewritten(segment: Segment, alphabet: str, default: str) -> Segment:
    """Return a segment of one default alphabet in another; what that lacks becomes "?"."""
    if segment.data_coding != alphabets.DEFAULT or alphabet == default:
        return segment
    size = segment.short_message[0] + 1 if segment.esm_class & UDHI else 0
    text = alphabets.decode(segment.short_message[size:], alphabets.DEFAULT, alphabet) or ""
    octets = b"".join(alphabets.encode(character, default) or b"?" for character in text)
    return replace(segment, short_message=segment.short_message[:size] + octets)


def part_count(text: str, default: str = alphabets.GSM_0338) -> int:
    """Return how many parts `split` would make. Raises as `split` does."""
    return len(_cut(text, default)[0])


def _cut(text: str, default: str) -> tuple[list[bytes], int]:
    """Return the octets of each part, and the data_coding of all of them."""
    text = _UNSENDABLE.sub("?", text)
    data_coding, alphabet = alphabets.UCS_2, "utf-16-be"
    if not text or (smsutil.is_valid_gsm(text) and alphabets.encode(text, default) is not None):
        data_coding, alphabet = alphabets.DEFAULT, default
    cut = smsutil.unicode_split if data_coding == alphabets.UCS_2 else smsutil.gsm_split
    pieces = [part.content for part in cut(text).parts] if text else [""]
    if len(pieces) > _MAX_PARTS:
        raise UnsendableTextError(f"the text needs {len(pieces)} parts, {_MAX_PARTS} are possible")
    return [alphabets.encode(piece, alphabet) or b"" for piece in pieces], data_coding


def parse_user_data_header(payload: bytes) -> UserDataHeader | MalformedUserDataHeader:
    """Read the user data header at the start of a payload (3GPP TS 23.040, 9.2.3.24)."""
    size = payload[0] + 1 if payload else 1
    if size > len(payload):
        return MalformedUserDataHeader()
    elements = []
    at = 1
    while at < size:
        end = at + 2 + payload[at + 1] if at + 1 < size else size + 1
        if end > size:
            return MalformedUserDataHeader()
        elements.append((payload[at], payload[at + 2 : end]))
        at = end
    return UserDataHeader(tuple(elements), size)


def body_of(pdu: Message) -> bytes:
    """Return the user data without its header; empty when the header is malformed."""
    payload = _payload(pdu)
    if not pdu.esm_class & UDHI:
        return payload
    header = parse_user_data_header(payload)
    return b"" if isinstance(header, MalformedUserDataHeader) else payload[header.size :]


def part_of(pdu: Message) -> ConcatenatedPart | None:
    """Return which part of a long message this is; None for a message that is whole.

    An impossible concatenation (no parts, part 3 of 2) is ignored, as 3GPP TS 23.040,
    9.2.3.24.1 demands, and so is a "1 of 1". Of several references the last counts.
    """
    key = None
    if pdu.esm_class & UDHI:
        header = parse_user_data_header(_payload(pdu))
        if isinstance(header, MalformedUserDataHeader):
            return None
        for concatenation in _concatenations(header):
            key = concatenation
    elif pdu.tlvs:
        key = _sar(dict(pdu.tlvs))
    if key is None:
        return None
    reference, width, total, sequence = key
    return ConcatenatedPart(reference, width, total, sequence, body_of(pdu), pdu.data_coding)


def join(parts: Iterable[ConcatenatedPart]) -> bytes:
    """Return the octets of a long message whose parts are all there, in any order.

    Raises `ValueError` when one is missing or parts of different messages are mixed.
    """
    return b"".join(part.body for part in _complete(parts))


def text_of(parts: Iterable[ConcatenatedPart], default: str = alphabets.GSM_0338) -> str | None:
    """Return the text of a long message, None when it is no text. Raises as `join` does.

    Neighbours of one data_coding are decoded together, because a phone may cut through
    a character; some phones change the coding between parts, and that is read too.
    """
    texts = []
    for data_coding, group in groupby(_complete(parts), key=lambda part: part.data_coding):
        octets = b"".join(part.body for part in group)
        text = alphabets.decode(octets, data_coding, default)
        if text is None:
            return None
        texts.append(text)
    return "".join(texts)


def _complete(parts: Iterable[ConcatenatedPart]) -> list[ConcatenatedPart]:
    ordered = sorted(parts, key=lambda part: part.sequence)
    keys = {(part.reference, part.width, part.total) for part in ordered}
    if len(keys) != 1:
        raise ValueError("parts of different messages")
    if [part.sequence for part in ordered] != list(range(1, ordered[0].total + 1)):
        raise ValueError(f"{len(ordered)} parts do not make a whole of {ordered[0].total}")
    return ordered


def _payload(pdu: Message) -> bytes:
    """Return short_message, or the TLV message_payload when that is empty (5.3.2.32)."""
    short_message = b"" if isinstance(pdu, DataSm) else pdu.short_message
    if short_message or not pdu.tlvs:
        return short_message
    return dict(pdu.tlvs).get(TLV_MESSAGE_PAYLOAD, b"")


def _concatenations(header: UserDataHeader) -> Iterator[tuple[int, int, int, int]]:
    """Yield (reference, width, total, sequence) of each usable concatenation element."""
    for element, value in header.elements:
        if element == _IE_CONCAT_8 and len(value) == 3:
            reference, width = value[0], 8
        elif element == _IE_CONCAT_16 and len(value) == 4:
            reference, width = int.from_bytes(value[:2], "big"), 16
        else:
            continue
        total, sequence = value[-2:]
        if total > 1 and 1 <= sequence <= total:
            yield reference, width, total, sequence


def _sar(tlvs: dict[int, bytes]) -> tuple[int, int, int, int] | None:
    reference = tlvs.get(TLV_SAR_REFERENCE, b"")
    total = int.from_bytes(tlvs.get(TLV_SAR_TOTAL, b""), "big")
    sequence = int.from_bytes(tlvs.get(TLV_SAR_SEQUENCE, b""), "big")
    if len(reference) != 2 or not 1 < total <= _MAX_PARTS or not 1 <= sequence <= total:
        return None
    return int.from_bytes(reference, "big"), 16, total, sequence
