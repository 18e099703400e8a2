"""Long messages: splits a text into parts, and recognises and joins received parts.

There are three kinds of concatenation, and all are read: user data headers with an 8-bit or
a 16-bit reference (3GPP TS 23.040, 9.2.3.24), and SAR TLVs (SMPP 3.4, 5.3.2.22-24). We write
the 8-bit header, which every phone supports.
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

# Bit 6 of esm_class: a user data header is present (SMPP 3.4, 5.2.12).
UDHI: Final = 0x40
TLV_SAR_REFERENCE: Final = 0x020C
TLV_SAR_TOTAL: Final = 0x020E
TLV_SAR_SEQUENCE: Final = 0x020F
TLV_MESSAGE_PAYLOAD: Final = 0x0424

_IE_CONCAT_8: Final = 0x00
_IE_CONCAT_16: Final = 0x08
_IE_CONCAT: Final = {_IE_CONCAT_8, _IE_CONCAT_16}
_MAX_PARTS: Final = 255
_UNSENDABLE = re.compile("[\x1b\ud800-\udfff]")

Message = SubmitSm | DeliverSm | DataSm


class UnsendableTextError(PoisonError):
    """The text needs more than 255 parts (3GPP TS 23.040, 9.2.3.24.1)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of an outgoing message: octets with header, and the fields of the submit_sm."""

    short_message: bytes = field(repr=False)
    data_coding: int
    esm_class: int


@dataclass(frozen=True, slots=True)
class Size:
    """How much a text takes: in septets of GSM 03.38, where some signs take two, or in UCS-2 units.

    `room` is what its parts together have room for.
    """

    encoding: str
    units: int
    parts: int
    room: int


@dataclass(frozen=True, slots=True)
class ConcatenatedPart:
    """One received part of a long message.

    `width` is the number of bits of the reference: an 8-bit 7 and a 16-bit 7 are references
    of different messages.
    """

    reference: int
    width: int
    total: int
    sequence: int
    body: bytes = field(repr=False)
    data_coding: int = 0


@dataclass(frozen=True, slots=True)
class UserDataHeader:
    """A user data header: its information elements in order, and its size in octets.

    Of a malformed header `elements` are those that can be read, and `size` is 0 if its length
    goes beyond the payload, so that there is no header at all.
    """

    elements: tuple[tuple[int, bytes], ...]
    size: int
    is_malformed: bool = False


@dataclass(frozen=True, slots=True)
class UserData:
    """The user data of a PDU: the text's octets without their header, and which part they are."""

    body: bytes = field(repr=False)
    part: ConcatenatedPart | None
    has_malformed_header: bool = False


def split(text: str, reference: int = 0, default: str = alphabets.GSM_0338) -> tuple[Segment, ...]:
    """Split a text into as few parts as possible. A single part has no header.

    A text in GSM 03.38 is sent with data_coding 0 in the bind's `default` alphabet (160
    septets, or 153 per part), any other as UCS-2 (70 units, or 67 per part). Escape pairs
    and surrogate pairs are not split. `reference` (modulo 256) distinguishes the parts of
    one message from those of the next to the same number. ESC and lone surrogates, which
    can't be encoded, become question marks. Raises `UnsendableTextError` above 255 parts.
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


def reencode(segment: Segment, alphabet: str, default: str) -> Segment:
    """Return a segment in another default alphabet; characters it lacks become "?"."""
    if segment.data_coding != alphabets.DEFAULT or alphabet == default:
        return segment
    size = segment.short_message[0] + 1 if segment.esm_class & UDHI else 0
    text = alphabets.decode(segment.short_message[size:], alphabets.DEFAULT, alphabet) or ""
    octets = b"".join(alphabets.encode(character, default) or b"?" for character in text)
    return replace(segment, short_message=segment.short_message[:size] + octets)


def part_count(text: str, default: str = alphabets.GSM_0338) -> int:
    """Return how many parts `split` would make. Raises as `split` does."""
    return len(_cut(text, default)[0])


def measure(text: str, default: str = alphabets.GSM_0338) -> Size:
    """Return the size of a text as `split` would send it. Raises as `split` does."""
    octets, data_coding = _cut(text, default)
    is_ucs_2 = data_coding == alphabets.UCS_2
    alone, joined = (70, 67) if is_ucs_2 else (160, 153)
    units = sum(map(len, octets)) // (2 if is_ucs_2 else 1)
    parts = len(octets)
    name = "UCS-2" if is_ucs_2 else "GSM 03.38"
    return Size(name, units, parts, alone if parts == 1 else joined * parts)


def pieces_of(text: str, default: str = alphabets.GSM_0338) -> tuple[list[str], int]:
    """Return the text of each part, and their data_coding. Raises as `split` does.

    Characters that can't be encoded are question marks; nothing else is changed.
    """
    text = _UNSENDABLE.sub("?", text)
    data_coding = alphabets.DEFAULT if _is_default(text, default) else alphabets.UCS_2
    cut = smsutil.unicode_split if data_coding == alphabets.UCS_2 else smsutil.gsm_split
    pieces = [part.content for part in cut(text).parts] if text else [""]
    if len(pieces) > _MAX_PARTS:
        raise UnsendableTextError(
            f"the text needs {len(pieces)} parts; shorten it to at most {_MAX_PARTS} parts"
        )
    return pieces, data_coding


def outside_default(text: str, default: str = alphabets.GSM_0338) -> list[int]:
    """Return the places of characters because of which a text is sent as UCS-2."""
    outside = {
        character
        for character in set(text)
        if not _is_default(_UNSENDABLE.sub("?", character), default)
    }
    return [place for place, character in enumerate(text) if character in outside]


def _is_default(text: str, default: str) -> bool:
    return not text or (smsutil.is_valid_gsm(text) and alphabets.encode(text, default) is not None)


def _cut(text: str, default: str) -> tuple[list[bytes], int]:
    """Return the octets of each part, and their data_coding."""
    pieces, data_coding = pieces_of(text, default)
    alphabet = "utf-16-be" if data_coding == alphabets.UCS_2 else default
    return [alphabets.encode(piece, alphabet) or b"" for piece in pieces], data_coding


def parse_user_data_header(payload: bytes) -> UserDataHeader:
    """Parse the user data header of a payload (3GPP TS 23.040, 9.2.3.24). Never raises."""
    size = payload[0] + 1 if payload else 1
    if size > len(payload):
        return UserDataHeader((), 0, is_malformed=True)
    elements = []
    at = 1
    while at + 1 < size and (end := at + 2 + payload[at + 1]) <= size:
        elements.append((payload[at], payload[at + 2 : end]))
        at = end
    return UserDataHeader(tuple(elements), size, is_malformed=at < size)


def user_data_of(pdu: Message, data_coding: int | None = None) -> UserData:
    """Return the user data of a PDU. Never raises.

    `data_coding` replaces that of the PDU, for an SMS centre with values of its own. An
    impossible concatenation (no parts, part 3 of 2) is ignored (3GPP TS 23.040, 9.2.3.24.1), and
    so is "1 of 1". Of several concatenation elements the last counts.
    """
    body, key, is_malformed = _payload(pdu), None, False
    coding = pdu.data_coding if data_coding is None else data_coding
    if pdu.esm_class & UDHI:
        header = parse_user_data_header(body)
        if _is_missing(header, body, coding):
            header = UserDataHeader((), 0, is_malformed=True)
        body, is_malformed = body[header.size :], header.is_malformed
        for concatenation in _concatenations(header):
            key = concatenation
    if key is None and pdu.tlvs:
        key = _sar(dict(pdu.tlvs))
    if key is None:
        return UserData(body, None, is_malformed)
    reference, width, total, sequence = key
    part = ConcatenatedPart(reference, width, total, sequence, body, coding)
    return UserData(body, part, is_malformed)


def body_of(pdu: Message) -> bytes:
    """Return the user data without its header."""
    return user_data_of(pdu).body


def part_of(pdu: Message) -> ConcatenatedPart | None:
    """Return the part of a long message that a PDU carries; None for a whole message."""
    return user_data_of(pdu).part


def join(parts: Iterable[ConcatenatedPart]) -> bytes:
    """Return the octets of a long message from all its parts, in any order.

    Raises `ValueError` if a part is missing or parts belong to different messages.
    """
    return b"".join(part.body for part in _complete(parts))


def text_of(parts: Iterable[ConcatenatedPart], default: str = alphabets.GSM_0338) -> str | None:
    """Return the text of a long message, None if it is not text. Raises as `join` does.

    Adjacent parts with the same data_coding are decoded together, because a phone may split
    a character. Some phones change data_coding between parts; that is supported too.
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
        raise ValueError(
            f"{len(ordered)} of {ordered[0].total} parts: some are missing or repeated"
        )
    return ordered


def _payload(pdu: Message) -> bytes:
    """Return short_message, or the TLV message_payload if it is empty (5.3.2.32)."""
    short_message = b"" if isinstance(pdu, DataSm) else pdu.short_message
    if short_message or not pdu.tlvs:
        return short_message
    return dict(pdu.tlvs).get(TLV_MESSAGE_PAYLOAD, b"")


def _is_missing(header: UserDataHeader, payload: bytes, data_coding: int) -> bool:
    """Whether what was read as a header is the beginning of a text in UCS-2.

    UCS-2 has pairs of octets, so an odd rest of an even payload is no text.
    """
    has_odd_rest = len(payload) % 2 == 0 and header.size % 2 == 1
    is_concatenated = any(element in _IE_CONCAT for element, _ in header.elements)
    return alphabets.is_ucs_2(data_coding) and has_odd_rest and not is_concatenated


def _concatenations(header: UserDataHeader) -> Iterator[tuple[int, int, int, int]]:
    """Yield (reference, width, total, sequence) of each valid concatenation element."""
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
