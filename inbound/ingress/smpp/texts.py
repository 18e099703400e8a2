"""Builds the deliver_sm of a text of a phone. Pure."""

from typing import Final

from inbound.smpp import alphabet
from inbound.smpp.address import NPI_E164, TON_INTERNATIONAL, Address, sender_to_address
from inbound.smpp.bind_options import BindOptions
from inbound.smpp.pdu import DeliverSm, Tlvs
from inbound.smpp.segmentation import UnsendableTextError, split
from inbound.smpp.user_data import TLV_MESSAGE_PAYLOAD
from inbound.store.mo.account_texts import TextContent

_LONGEST_SHORT_MESSAGE: Final = 254
_INTERNATIONAL_DIGITS: Final = range(11, 16)


def text_pdus(content: TextContent, reference: int, options: BindOptions) -> list[DeliverSm]:
    """Return the deliver_sm of a text, from the phone to the number that was texted.

    The text is whole, in message_payload if it does not fit in short_message. A link with `SINGLE`
    gets parts with a user data header; `reference` tells those of one text from those of the next.
    With `ISO` data_coding 0 is ISO-8859-1. What neither alphabet has goes in UCS-2.
    """
    default = "latin-1" if options.iso else alphabet.GSM_0338
    if options.single:
        try:
            parts = split(content.text, reference, default)
        except UnsendableTextError:
            pass
        else:
            return [
                _pdu(content, one.short_message, one.data_coding, esm_class=one.esm_class)
                for one in parts
            ]
    octets, coding = alphabet.encode(content.text, default), alphabet.DEFAULT
    if octets is None:
        octets, coding = content.text.encode("utf-16-be", "replace"), alphabet.UCS_2
    if len(octets) <= _LONGEST_SHORT_MESSAGE:
        return [_pdu(content, octets, coding)]
    return [_pdu(content, b"", coding, tlvs=((TLV_MESSAGE_PAYLOAD, octets),))]


def _pdu(
    content: TextContent, octets: bytes, coding: int, *, esm_class: int = 0, tlvs: Tlvs = ()
) -> DeliverSm:
    source, destination = _address(content.source), _address(content.destination)
    return DeliverSm(
        source_addr_ton=source.ton,
        source_addr_npi=source.npi,
        source_addr=source.addr,
        dest_addr_ton=destination.ton,
        dest_addr_npi=destination.npi,
        destination_addr=destination.addr,
        esm_class=esm_class,
        data_coding=coding,
        short_message=octets,
        tlvs=tlvs,
    )


def _address(number: str) -> Address:
    """Return the wire form of a number as an SMS centre wrote it; short codes have no type."""
    digits = number.removeprefix("+")
    if digits.isascii() and digits.isdigit() and len(digits) in _INTERNATIONAL_DIGITS:
        return Address(TON_INTERNATIONAL, NPI_E164, digits)
    try:
        return sender_to_address(number)
    except ValueError:
        return Address(0, 0, "")
