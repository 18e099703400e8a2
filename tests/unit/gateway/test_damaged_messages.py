"""What SMS centres damage on the way: no damage makes another text, sender or command."""

from collections.abc import Iterator

import pytest

from inbound.gateway.dialect import CentreDialect, MoText
from inbound.parsers.commands import parse
from inbound.smpp import alphabet
from inbound.smpp.pdu import DeliverSm, decode
from inbound.smpp.receipts import MessageType, message_type_of
from inbound.smpp.user_data import parse_user_data_header
from schemas.events import Command
from tests.unit.gateway.delivering import DELIVER, INFO, NUMBER
from tests.unit.smpp.corpus.malformed import frame, message, tlv

# -- every truncation and every change of one octet -----------------------------------------


def damaged(octets: bytes) -> Iterator[bytes]:
    yield from (octets[:size] for size in range(len(octets)))
    for at in range(len(octets)):
        yield from (octets[:at] + bytes((value,)) + octets[at + 1 :] for value in range(256))


def read_frame(octets: bytes) -> tuple[MoText, str | None]:
    """Read a deliver_sm as a gateway and a worker do; it must not be refused."""
    pdu = decode(octets)
    assert isinstance(pdu, DeliverSm)
    assert message_type_of(pdu) is MessageType.TEXT
    found = CentreDialect().read_text(pdu)
    if found.part:
        return found, None
    return found, alphabet.decode(found.payload, found.data_coding)


def test_no_damage_to_the_optional_part_loses_a_text() -> None:
    # One octet makes 0x0019 the receipted_message_id 0x001E.
    whole = tlv(0x0204, b"\0\1") + tlv(0x0019, b"1") + tlv(0x1403, b"vendor's own")
    for tail in damaged(whole):
        found, body = read_frame(frame(DELIVER, message(text=INFO, tail=tail)))
        assert (found.source, body) == (NUMBER, "CLIENT info")


def test_no_damage_to_a_parts_parameters_loses_its_text() -> None:
    sar = tlv(0x020C, b"\1\7") + tlv(0x020E, b"\2") + tlv(0x020F, b"\1")
    for tail in damaged(sar):
        found, _ = read_frame(frame(DELIVER, message(text=INFO, tail=tail)))
        assert (found.source, found.payload) == (NUMBER, INFO)


@pytest.mark.parametrize("header", ["0500037f0201", "060804017f0201", "0600037f010100"])
def test_no_damage_to_the_header_loses_a_text_or_makes_another(header: str) -> None:
    for octets in damaged(bytes.fromhex(header)):
        sent = message(text=octets + INFO, flags=b"\x40\0\0")
        found, body = read_frame(frame(DELIVER, sent))
        assert found.source == NUMBER
        assert (octets + INFO).endswith(found.payload)
        # The text itself, a part of it, or one that is no command.
        assert body is None or parse(body) in {Command.CLIENT_INFO, None}
        if parse_user_data_header(octets + INFO).size == len(octets):
            assert found.payload == INFO


def test_no_damage_to_an_address_makes_another_number_of_a_missing_digit() -> None:
    digits = NUMBER[1:]
    for at in range(len(digits)):
        cut = (digits[:at] + digits[at + 1 :]).encode() + b"\0"
        found, _ = read_frame(frame(DELIVER, message(source=cut)))
        # Without its 7 it is a whole national number.
        assert found.source == (NUMBER if at == 0 else None)
