"""Habits of real SMS centres: PDUs that bend the specification, and mean what they should.

Pure functions. `bend` changes a message before it is encoded, `lengthen` a frame afterwards. A
habit that does not fit a message leaves it as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from struct import Struct
from typing import Final

from inbound.smpp.pdu import DeliverSm

UNBIND: Final = "unbind"
"""The SMS centre unbinds first and answers after that: the injector does it."""

HABITS: Final[dict[str, frozenset[str]]] = {
    "stray_octet": frozenset({"submit_sm", "deliver_sm", "receipt", "bind"}),
    "cut_tlv": frozenset({"submit_sm", "deliver_sm", "receipt", "bind"}),
    "nul_padding": frozenset({"deliver_sm", "receipt"}),
    "prefix_00": frozenset({"deliver_sm", "receipt"}),
    "bad_header": frozenset({"deliver_sm"}),
    "no_header": frozenset({"deliver_sm"}),
    "odd_escape": frozenset({"deliver_sm"}),
    UNBIND: frozenset({"submit_sm"}),
}
"""Each habit, and the commands of a script's rule that may have it."""

_TAILS: Final = {"stray_octet": b"\x00", "cut_tlv": b"\x02\x04\x00\x02\x01"}
_LENGTH: Final = Struct(">I")
_UDHI: Final = 0x40
_MESSAGE_TYPE: Final = 0x3C
_TON_INTERNATIONAL: Final = 1
# A header of six octets: an element of three octets, and one without its length (TS 23.040,
# 9.2.3.24).
_BAD_HEADER: Final = b"\x06\x00\x03\x7f\x01\x01\x00"
_ESCAPE: Final = b"\x1b"
_CAPITALS: Final = range(ord("A"), ord("Z") + 1)


@dataclass(slots=True, repr=False, kw_only=True)
class _LengthenedDeliverSm(DeliverSm):
    """A deliver_sm with octets after its last field that are no TLV."""

    tail: bytes

    def body(self) -> bytes:
        """Return the fields, then the octets."""
        return DeliverSm.body(self) + self.tail


def bend(habit: str, pdu: DeliverSm) -> DeliverSm:
    """Return the message as an SMS centre with this habit delivers it."""
    if tail := _TAILS.get(habit):
        return append(pdu, tail)
    change = _CHANGES.get(habit)
    return change(pdu) if change else pdu


def append(pdu: DeliverSm, tail: bytes) -> DeliverSm:
    """Return the message with these octets after its last field."""
    values = {field.name: getattr(pdu, field.name) for field in fields(pdu)}
    return _LengthenedDeliverSm(**values, tail=tail)


def lengthen(habit: str, frame: bytes) -> bytes:
    """Return the frame with the octets that this habit adds to the optional part."""
    tail = _TAILS.get(habit, b"")
    return _LENGTH.pack(len(frame) + len(tail)) + frame[_LENGTH.size :] + tail


def _pad(pdu: DeliverSm) -> DeliverSm:
    """Add a counted NUL: behind a text, in front of a receipt."""
    if pdu.data_coding or pdu.esm_class & _UDHI:
        return pdu
    text = pdu.short_message
    padded = b"\0" + text if pdu.esm_class & _MESSAGE_TYPE else text + b"\0"
    return replace(pdu, short_message=padded)


def _prefix(pdu: DeliverSm) -> DeliverSm:
    """Write an international number with its prefix, as it is dialled."""
    if pdu.source_addr_ton != _TON_INTERNATIONAL:
        return pdu
    return replace(pdu, source_addr="00" + pdu.source_addr.removeprefix("+"))


def _add_bad_header(pdu: DeliverSm) -> DeliverSm:
    if pdu.esm_class & _UDHI:
        return pdu
    return replace(
        pdu, esm_class=pdu.esm_class | _UDHI, short_message=_BAD_HEADER + pdu.short_message
    )


def _announce_no_header(pdu: DeliverSm) -> DeliverSm:
    """Set the indicator without a header, where the text can't be taken for one."""
    text = pdu.short_message
    if pdu.data_coding or pdu.esm_class & _UDHI or not text or text[0] < len(text):
        return pdu
    return replace(pdu, esm_class=pdu.esm_class | _UDHI)


def _escape(pdu: DeliverSm) -> DeliverSm:
    """Escape the last capital, none of which is in the extension table (TS 23.038, 6.2.1.1)."""
    text = pdu.short_message
    if pdu.data_coding or pdu.esm_class & _UDHI:
        return pdu
    for at in reversed(range(len(text))):
        if text[at] in _CAPITALS:
            return replace(pdu, short_message=text[:at] + _ESCAPE + text[at:])
    return pdu


_CHANGES: Final[dict[str, Callable[[DeliverSm], DeliverSm]]] = {
    "nul_padding": _pad,
    "prefix_00": _prefix,
    "bad_header": _add_bad_header,
    "no_header": _announce_no_header,
    "odd_escape": _escape,
}
