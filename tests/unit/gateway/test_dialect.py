"""What SMS centres send against the specification, from the socket to the command."""

from collections.abc import Mapping

import pytest

from inbound.smpp.leniency import Leniency
from inbound.smpp.pdu import DeliverSm
from inbound.smpp.status import Status
from schemas.events import Command
from schemas.messages import ReceiptState
from tests.unit.gateway.delivering import DELIVER, HASHER, INFO, NUMBER, deliver, text
from tests.unit.smpp.corpus.malformed import frame, message

UDHI, RECEIPT = 0x40, 0x04
DONE = "id:0A1 sub:001 dlvrd:001 submit date:2405171200 done date:2405171501 stat:DELIVRD err:000"

COMMANDS: Mapping[str, tuple[DeliverSm | bytes, Leniency | None]] = {
    "as specified": (text(), None),
    "an octet that sm_length does not count": (frame(DELIVER, message(tail=b"\0")), None),
    "a TLV that is cut": (frame(DELIVER, message(tail=bytes.fromhex("0204000201"))), None),
    "a NUL at the end": (text(INFO + b"\0"), Leniency.NUL_PADDING),
    "NULs at both ends": (text(b"\0\0" + INFO + bytes(20)), Leniency.NUL_PADDING),
    "a NUL at the end of UCS-2": (
        text("CLIENT info".encode("utf-16-be") + b"\0\0", data_coding=8),
        Leniency.NUL_PADDING,
    ),
    "an octet too many in the header": (
        text(bytes.fromhex("0600037f010100") + INFO, esm_class=UDHI),
        Leniency.USER_DATA_HEADER,
    ),
    "no header": (text(esm_class=UDHI), Leniency.USER_DATA_HEADER),
    "no header in UCS-2": (
        text("CLIENT info".encode("utf-16-be"), esm_class=UDHI, data_coding=8),
        Leniency.USER_DATA_HEADER,
    ),
    "escapes that mean nothing": (
        text(bytes.fromhex("434C1B49454E5420696E666F")),
        Leniency.ESCAPE,
    ),
    "an international prefix": (text(source_addr="0079161234567"), Leniency.NUMBER_FORM),
    "the prefix of Russia": (text(source_addr="81079161234567"), Leniency.NUMBER_FORM),
    "a national number": (text(source_addr="9161234567"), Leniency.NUMBER_FORM),
    "a national number with 8": (text(source_addr="89161234567"), Leniency.NUMBER_FORM),
    "with a plus": (text(source_addr="+79161234567"), None),
    "with blanks": (text(source_addr="+7 916 123-45-67"), Leniency.NUMBER_FORM),
    "national as such": (text(source_addr_ton=2, source_addr="89161234567"), None),
    "of unknown type": (text(source_addr_ton=0, source_addr="89161234567"), None),
}


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_command_is_read_whatever_the_centre_does_to_it(name: str) -> None:
    pdu, leniency = COMMANDS[name]
    read = await deliver(pdu)
    assert read.statuses == [Status.ESME_ROK]
    assert (read.command, read.text.mo.source) == (Command.CLIENT_INFO, NUMBER)
    assert read.noted == ([leniency] if leniency else [])


SILENCE: Mapping[str, tuple[DeliverSm | bytes, Leniency | None]] = {
    "a NUL inside is @": (text(b"CLIENT\0info"), None),
    "cut inside an escape pair": (text(b"CLIENT info\x1b"), None),
    "an escape that means a sign": (text(b"CLIENT\x1b\x65info"), None),
    "a payload that is cut": (
        frame(DELIVER, message(text=b"", tail=b"\4\x24\0\x12CLIENT info")),
        None,
    ),
    "a header without its end": (
        text(b"\x04\0\3\7\2\1" + INFO, esm_class=UDHI),
        Leniency.USER_DATA_HEADER,
    ),
}


@pytest.mark.parametrize("name", SILENCE)
async def test_what_is_not_certain_is_accepted_and_no_command(name: str) -> None:
    pdu, leniency = SILENCE[name]
    read = await deliver(pdu)
    assert read.statuses == [Status.ESME_ROK]
    assert read.command is None
    assert read.noted == ([leniency] if leniency else [])


async def test_a_part_is_never_a_command_of_its_own() -> None:
    header = bytes.fromhex("06000307020100")
    read = await deliver(text(header + INFO, esm_class=UDHI))
    assert read.text.body is None
    assert read.text.mo.part is not None
    assert read.noted == [Leniency.USER_DATA_HEADER]


async def test_padding_is_removed_around_a_long_text_and_not_inside() -> None:
    parts = [
        text(bytes.fromhex(f"0500030702{number:02x}") + octets, esm_class=UDHI)
        for number, octets in enumerate([b"\0CLIENT\0", b"\0info\0"], 1)
    ]
    read = await deliver(*parts)
    assert [each.mo.payload for each in read.kafka.texts()] == [b"CLIENT\0", b"\0info"]
    assert read.noted == [Leniency.NUL_PADDING] * 2


@pytest.mark.parametrize("addr", ["7916123456", "9607123456", "791612345678", "7916***4567"])
async def test_a_number_that_is_not_certain_has_no_sender(addr: str) -> None:
    read = await deliver(text(source_addr=addr))
    assert read.statuses == [Status.ESME_ROK]
    assert read.text.mo.source is None
    assert read.noted == [Leniency.UNREADABLE_NUMBER]


async def test_national_numbers_are_those_of_the_binds_country() -> None:
    national = text(source_addr="291234567")
    assert (await deliver(national)).text.mo.source is None
    read = await deliver(national, dialect={"country": "BY"})
    assert read.text.mo.source == "+375291234567"


async def test_a_strict_bind_refuses_or_leaves_unread() -> None:
    garbage = await deliver(frame(DELIVER, message(tail=b"\0")), dialect={"strict": True})
    assert garbage.statuses == [Status.ESME_RINVOPTPARSTREAM]
    assert not garbage.kafka.stored
    padded = await deliver(text(INFO + b"\0"), dialect={"strict": True})
    assert (padded.statuses, padded.command) == ([Status.ESME_ROK], None)
    assert (padded.noted, padded.refused) == ([], [Leniency.NUL_PADDING])
    national = await deliver(text(source_addr="9161234567"), dialect={"strict": True})
    assert national.text.mo.source is None
    assert (national.noted, national.refused) == ([], [Leniency.NUMBER_FORM])
    unreadable = await deliver(text(source_addr="7916***4567"), dialect={"strict": True})
    assert (unreadable.noted, unreadable.refused) == ([Leniency.UNREADABLE_NUMBER], [])


async def test_a_text_that_a_strict_bind_leaves_unread_is_not_an_empty_one() -> None:
    read = await deliver(text(esm_class=UDHI), dialect={"strict": True})
    assert read.statuses == [Status.ESME_ROK]
    assert read.text.body is None
    assert (read.noted, read.refused) == ([], [Leniency.USER_DATA_HEADER])


async def test_a_strict_bind_reads_receipts_all_the_same() -> None:
    padded = text(b"\0" + DONE.encode(), esm_class=RECEIPT)
    read = await deliver(padded, dialect={"strict": True})
    assert len(read.kafka.receipts()) == 1
    assert (read.noted, read.refused) == ([Leniency.NUL_PADDING], [])


async def test_the_phone_of_a_swapped_receipt_is_noted_and_not_its_sender() -> None:
    """The other address is no phone's, so that it deviates from nothing."""
    swapped = text(
        DONE.encode(),
        esm_class=RECEIPT,
        source_addr="74951234567",
        dest_addr_ton=1,
        destination_addr="79161234567",
    )
    read = await deliver(swapped)
    assert read.kafka.receipts()[0].key == HASHER.hash(NUMBER).hex()
    assert (read.noted, read.refused) == ([], [])


RECEIPTS: Mapping[str, tuple[DeliverSm | bytes, list[Leniency]]] = {
    "as specified": (text(DONE.encode(), esm_class=RECEIPT), []),
    "a NUL before its text": (
        text(b"\0" + DONE.encode(), esm_class=RECEIPT),
        [Leniency.NUL_PADDING],
    ),
    "NULs around its text": (
        text(b"\0\0" + DONE.encode() + b"\0", esm_class=RECEIPT),
        [Leniency.NUL_PADDING],
    ),
    "in UCS-2": (text(DONE.encode("utf-16-be"), esm_class=RECEIPT, data_coding=8), []),
    "in UCS-2 with a mark": (text(DONE.encode("utf-16"), esm_class=RECEIPT), []),
    "a header that is missing": (
        text(DONE.encode(), esm_class=RECEIPT | UDHI),
        [Leniency.USER_DATA_HEADER],
    ),
    "an octet more": (
        frame(DELIVER, message(flags=b"\4\0\0", text=DONE.encode(), tail=b"\0")),
        [],
    ),
    "a TLV that is cut": (
        frame(DELIVER, message(flags=b"\4\0\0", text=DONE.encode(), tail=b"\4\x27\0\2\2")),
        [],
    ),
    "an international prefix": (
        text(DONE.encode(), esm_class=RECEIPT, source_addr="0079161234567"),
        [Leniency.NUMBER_FORM],
    ),
    "a national number": (
        text(DONE.encode(), esm_class=RECEIPT, source_addr="9161234567"),
        [Leniency.NUMBER_FORM],
    ),
    "not swapped": (
        text(
            DONE.encode(),
            esm_class=RECEIPT,
            source_addr_ton=5,
            source_addr="SCSERV",
            dest_addr_ton=1,
            destination_addr="89161234567",
        ),
        [Leniency.NUMBER_FORM],
    ),
}


@pytest.mark.parametrize("name", RECEIPTS)
async def test_a_receipt_is_read_whatever_the_centre_does_to_it(name: str) -> None:
    pdu, noted = RECEIPTS[name]
    read = await deliver(pdu)
    assert read.statuses == [Status.ESME_ROK]
    (receipt,) = read.kafka.receipts()
    assert receipt.key == HASHER.hash(NUMBER).hex()
    assert "a1" in receipt.message_ids
    assert (receipt.state, receipt.error) == (ReceiptState.DELIVERED, "000")
    assert read.noted == noted


async def test_one_person_has_one_key_in_every_form() -> None:
    forms = ["79161234567", "0079161234567", "81079161234567", "89161234567", "9161234567"]
    read = await deliver(*(text(source_addr=form) for form in forms))
    assert {each.mo.source for each in read.kafka.texts()} == {NUMBER}
