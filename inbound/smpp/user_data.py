"""User data of received PDUs: the octets of the text, and which part of a long message they are.

There are three kinds of concatenation, and all are read: user data headers with an 8-bit or
a 16-bit reference (3GPP TS 23.040, 9.2.3.24), and SAR TLVs (SMPP 3.4, 5.3.2.22-24).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from inbound.smpp import alphabet as alphabets
from inbound.smpp.pdu import DataSm, DeliverSm, SubmitSm

# Bit 6 of esm_class: a user data header is present (SMPP 3.4, 5.2.12).
UDHI: Final = 0x40
TLV_SAR_REFERENCE: Final = 0x020C
TLV_SAR_TOTAL: Final = 0x020E
TLV_SAR_SEQUENCE: Final = 0x020F
TLV_MESSAGE_PAYLOAD: Final = 0x0424

IE_CONCAT_8: Final = 0x00
_IE_CONCAT_16: Final = 0x08
CONCATENATIONS: Final = frozenset({IE_CONCAT_8, _IE_CONCAT_16})
"""The information elements that say which part of a message this is."""
MAX_PARTS: Final = 255

MessagePdu = SubmitSm | DeliverSm | DataSm


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


def user_data_of(pdu: MessagePdu, data_coding: int | None = None) -> UserData:
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


def body_of(pdu: MessagePdu) -> bytes:
    """Return the user data without its header."""
    return user_data_of(pdu).body


def part_of(pdu: MessagePdu) -> ConcatenatedPart | None:
    """Return the part of a long message that a PDU carries; None for a whole message."""
    return user_data_of(pdu).part


def _payload(pdu: MessagePdu) -> bytes:
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
    is_concatenated = any(element in CONCATENATIONS for element, _ in header.elements)
    return alphabets.is_ucs_2(data_coding) and has_odd_rest and not is_concatenated


def _concatenations(header: UserDataHeader) -> Iterator[tuple[int, int, int, int]]:
    """Yield (reference, width, total, sequence) of each valid concatenation element."""
    for element, value in header.elements:
        if element == IE_CONCAT_8 and len(value) == 3:
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
    if len(reference) != 2 or not 1 < total <= MAX_PARTS or not 1 <= sequence <= total:
        return None
    return int.from_bytes(reference, "big"), 16, total, sequence
