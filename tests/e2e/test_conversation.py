"""What a client of the organisation sees on the phone, over real SMPP, Kafka and PostgreSQL.

Silence can't be waited for. So a test of silence sends a command afterwards from the same
number: texts of one number are processed in order, and its two replies say that whatever
came before has had its chance.
"""

import asyncio

import pytest

from inbound.local.simulator.faults import Proceed
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.session import Answer, Session
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_service import STARTED, STOPPED, UNKNOWN_NUMBER, Service, eventually
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

UCS_2 = 0x08
UDHI = 0x40
RECEIPT = 0x04
TAG_SAR_REFERENCE, TAG_SAR_TOTAL, TAG_SAR_SEQUENCE = 0x020C, 0x020E, 0x020F
TAG_MESSAGE_PAYLOAD = 0x0424


def concatenated(reference: int, total: int, sequence: int, *, wide: bool = False) -> bytes:
    """A user data header (3GPP TS 23.040, 9.2.3.24.1 and 9.2.3.24.8)."""
    if wide:
        return bytes((6, 8, 4, reference >> 8, reference & 0xFF, total, sequence))
    return bytes((5, 0, 3, reference, total, sequence))


def sar(reference: int, total: int, sequence: int) -> tuple[tuple[int, bytes], ...]:
    return (
        (TAG_SAR_REFERENCE, reference.to_bytes(2, "big")),
        (TAG_SAR_TOTAL, bytes((total,))),
        (TAG_SAR_SEQUENCE, bytes((sequence,))),
    )


async def stops(service: Service, number: str) -> None:
    """Text a command that is one, and see that its two replies are all that ever came."""
    await service.text(number, "CLIENT sms stop")
    assert await service.script.replies(number) == [ACKNOWLEDGEMENT, STOPPED]
    await service.completed(number)


# -- silence --------------------------------------------------------------------------------
#
# These tests come first: they count rows, and results of earlier tests would still come in.


SILENCE: list[tuple[str, bytes, dict[str, object]]] = [
    ("another text", b"Good afternoon", {}),
    ("nothing", b"", {}),
    ("two blanks", b"CLIENT  info", {}),
    ("more words", b"CLIENT info please", {}),
    ("another command", b"CLIENT sms", {}),
    ("look-alike letters", "СLIENT info".encode("utf-16-be"), {"data_coding": UCS_2}),
    ("a wide blank", "CLIENT\u2003info".encode("utf-16-be"), {"data_coding": UCS_2}),
    ("half a character", b"\x00C\x00L\x00", {"data_coding": UCS_2}),
    ("a lone surrogate", b"\xd8\x3d\x00C", {"data_coding": UCS_2}),
    ("eight-bit data", bytes(range(256))[:140], {"data_coding": 0x04}),
    ("a coding that nobody knows", b"CLIENT \xff\xfe\x00", {"data_coding": 0xF7}),
    ("a header longer than the text", b"\x20\x00\x03", {"esm_class": UDHI}),
    ("a header and no text", b"\x05\x00\x03\x01", {"esm_class": UDHI}),
    ("an element past its header", b"\x05\x00\x09\x01\x02\x03CLIENT", {"esm_class": UDHI}),
    ("a header flag on an empty text", b"", {"esm_class": UDHI}),
]


async def test_text_that_is_not_a_command_gets_no_reply(service: Service) -> None:
    numbers = service.new_numbers(len(SILENCE))
    service.import_clients_of(numbers)
    tables = (
        "events",
        "inbox",
        "outbox",
        "mo_parts",
        "dead_letters",
        "subjects",
        "vault",
        "mt_claims",
    )
    before = service.sizes(*tables)
    for number, (_, text, fields) in zip(numbers, SILENCE, strict=True):
        await service.text(number, text, **fields)
    # A text of a stranger in between takes part in the same batches and leaves its rows.
    await stops(service, service.new_client().number)
    for number in numbers:
        await service.text(number, "CLIENT sms stop")
    for number, (what, _, _) in zip(numbers, SILENCE, strict=True):
        assert await service.script.replies(number) == [ACKNOWLEDGEMENT, STOPPED], what
    await service.completed(*numbers)
    commands = len(numbers) + 1
    grown = {table: size - before[table] for table, size in service.sizes(*tables).items()}
    assert grown == {
        "events": 5 * commands,  # accepted, stopped, two submitted, completed
        "inbox": commands,
        "outbox": 2 * commands,
        "mo_parts": 0,
        "dead_letters": 0,
        "subjects": commands,
        "vault": 0,
        "mt_claims": 2 * commands,
    }


async def test_sender_without_a_number_gets_no_reply(service: Service) -> None:
    before = service.sizes("events", "dead_letters", "subjects")
    await service.text("BANK", "CLIENT info", source_addr_ton=5, source_addr_npi=0)
    await service.text("900", "CLIENT info", source_addr_ton=3)
    await service.text("", "CLIENT info", source_addr_ton=0, source_addr_npi=0)
    await stops(service, service.new_client().number)
    after = service.sizes("events", "dead_letters", "subjects")
    assert [after[table] - before[table] for table in before] == [5, 0, 1]
    assert not [s for s in service.script.submitted if s.number in {"+BANK", "+900"}]


# -- three commands, two kinds of number ------------------------------------------------


async def test_a_client_gets_the_registration_data(service: Service) -> None:
    client = service.new_client(personal_code="1234", login="ivanov", password="1a2b3c4d")
    async with service.phone(client.number) as phone, asyncio.timeout(PATIENCE_S):
        await phone.text("CLIENT info")
        received = [await phone.receive(), await phone.receive()]
    assert [message.text for message in received] == [ACKNOWLEDGEMENT, client.registration]
    assert [message.sender for message in received] == ["SCSERV", "SCSERV"]
    assert [message.parts for message in received] == [1, 3]


@pytest.mark.parametrize(
    ("text", "fulfilment"), [("CLIENT sms stop", STOPPED), ("CLIENT sms start", STARTED)]
)
async def test_a_client_switches_notifications(
    service: Service, text: str, fulfilment: str
) -> None:
    client = service.new_client()
    async with service.phone(client.number) as phone, asyncio.timeout(PATIENCE_S):
        await phone.text(text)
        received = [await phone.receive(), await phone.receive()]
    assert [message.text for message in received] == [ACKNOWLEDGEMENT, fulfilment]
    assert [message.parts for message in received] == [1, 1]


@pytest.mark.parametrize("text", ["CLIENT info", "CLIENT sms stop", "CLIENT sms start"])
async def test_unknown_number_is_refused(service: Service, text: str) -> None:
    [number] = service.new_numbers(1)
    async with service.phone(number) as phone, asyncio.timeout(PATIENCE_S):
        await phone.text(text)
        received = [await phone.receive(), await phone.receive()]
    assert [message.text for message in received] == [ACKNOWLEDGEMENT, UNKNOWN_NUMBER]
    assert [event.type for event in service.events(number)][:2] == [
        "request.accepted",
        "message.submitted",
    ]


async def test_replies_are_encoded_as_the_instruction_wants(service: Service) -> None:
    client = service.new_client()
    service.deliver(client.number, "CLIENT info")
    await service.script.replies(client.number)
    submits = service.script.to(client.number)
    assert len(ACKNOWLEDGEMENT) == 69
    for submit in submits:
        pdu = submit.pdu
        source = pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr
        assert source == (5, 0, "SCSERV")
        assert (pdu.dest_addr_ton, pdu.dest_addr_npi) == (1, 1)
        assert pdu.data_coding == UCS_2
    acknowledgement, *registration = submits
    assert acknowledgement.pdu.esm_class == 0
    assert acknowledgement.pdu.short_message == ACKNOWLEDGEMENT.encode("utf-16-be")
    assert [submit.pdu.esm_class for submit in registration] == [UDHI] * 3
    headers = [submit.pdu.short_message[:6] for submit in registration]
    reference = headers[0][3]
    assert headers == [concatenated(reference, 3, sequence) for sequence in (1, 2, 3)]


# -- what counts as a command -----------------------------------------------------------


@pytest.mark.parametrize("text", ["client sms stop", "CLIENT SMS STOP", " Client Sms sTOP\r\n"])
async def test_either_case_and_blanks_around(service: Service, text: str) -> None:
    number = service.new_client().number
    service.deliver(number, text)
    assert await service.script.replies(number) == [ACKNOWLEDGEMENT, STOPPED]


async def test_a_command_in_ucs_2(service: Service) -> None:
    client = service.new_client()
    service.deliver(client.number, "CLIENT sms stop".encode("utf-16-be"), data_coding=UCS_2)
    assert await service.script.replies(client.number) == [ACKNOWLEDGEMENT, STOPPED]


async def test_a_command_in_message_payload(service: Service) -> None:
    client = service.new_client()
    service.deliver(client.number, b"", tlvs=((TAG_MESSAGE_PAYLOAD, b"CLIENT sms stop"),))
    assert await service.script.replies(client.number) == [ACKNOWLEDGEMENT, STOPPED]


async def test_receipt_of_an_unknown_message_is_answered(service: Service) -> None:
    client = service.new_client()
    receipt = b"id:1 sub:001 dlvrd:001 submit date:2401010000 done date:2401010000 stat:DELIVRD"
    await service.text(client.number, receipt, esm_class=RECEIPT)
    await service.text(client.number, "CLIENT info", esm_class=RECEIPT)
    await stops(service, client.number)


# -- long texts -------------------------------------------------------------------------


@pytest.mark.parametrize("wide", [False, True], ids=["8 bit", "16 bit"])
@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)], ids=["in order", "out of order"])
async def test_a_command_in_parts(service: Service, wide: bool, order: tuple[int, ...]) -> None:
    client = service.new_client()
    pieces = {1: b"CLIENT", 2: b" sms s", 3: b"top"}
    for sequence in order:
        header = concatenated(0x2A, 3, sequence, wide=wide)
        service.deliver(client.number, header + pieces[sequence], esm_class=UDHI)
    assert await service.script.replies(client.number) == [ACKNOWLEDGEMENT, STOPPED]
    [accepted] = [e for e in service.events(client.number) if e.type == "request.accepted"]
    assert accepted.data["parts"] == 3


async def test_parts_of_two_people_with_one_reference(service: Service) -> None:
    stopping, starting = service.new_client(), service.new_client()
    for number, piece, sequence in [
        (stopping.number, b"CLIENT sms ", 1),
        (starting.number, b"CLIENT sms ", 1),
        (starting.number, b"start", 2),
        (stopping.number, b"stop", 2),
    ]:
        await service.text(number, concatenated(7, 2, sequence) + piece, esm_class=UDHI)
    assert await service.script.replies(stopping.number) == [ACKNOWLEDGEMENT, STOPPED]
    assert await service.script.replies(starting.number) == [ACKNOWLEDGEMENT, STARTED]


async def test_an_eight_bit_reference_is_not_a_sixteen_bit_one(service: Service) -> None:
    client = service.new_client()
    for header, piece in [
        (concatenated(7, 2, 1), b"CLIENT sms "),
        (concatenated(7, 2, 2, wide=True), b"CLIENT info"),
        (concatenated(7, 2, 2), b"stop"),
    ]:
        service.deliver(client.number, header + piece, esm_class=UDHI)
    assert await service.script.replies(client.number) == [ACKNOWLEDGEMENT, STOPPED]


async def test_a_command_in_sar_parts(service: Service) -> None:
    client = service.new_client()
    service.deliver(client.number, b"stop", tlvs=sar(999, 2, 2))
    service.deliver(client.number, b"CLIENT sms ", tlvs=sar(999, 2, 1))
    assert await service.script.replies(client.number) == [ACKNOWLEDGEMENT, STOPPED]


async def test_a_part_that_comes_twice_counts_once(service: Service) -> None:
    client = service.new_client()
    first = concatenated(9, 2, 1) + b"CLIENT sms "
    for part in (first, first, concatenated(9, 2, 2) + b"stop"):
        service.deliver(client.number, part, esm_class=UDHI)
    assert await service.script.replies(client.number) == [ACKNOWLEDGEMENT, STOPPED]
    await service.completed(client.number)
    assert len(service.events(client.number)) == 5


# -- the same and the next ------------------------------------------------------------


async def test_the_last_of_stop_and_start_wins(service: Service) -> None:
    client = service.new_client()
    for command in ("stop", "start", "stop"):
        service.deliver(client.number, f"CLIENT sms {command}")
    texts = await service.script.replies(client.number, 6)
    assert sorted(texts) == sorted([ACKNOWLEDGEMENT] * 3 + [STOPPED, STARTED, STOPPED])
    assert [text for text in texts if text != ACKNOWLEDGEMENT] == [STOPPED, STARTED, STOPPED]
    switched = [e.type for e in service.events(client.number) if "subscription" in e.type]
    assert switched == ["subscription.stopped", "subscription.started", "subscription.stopped"]


async def test_command_repeated_within_a_minute_is_one_request(service: Service) -> None:
    client = service.new_client()
    for text in ("CLIENT info", "client info", "CLIENT info"):
        await service.text(client.number, text)
    await service.script.replies(client.number)
    await service.text(client.number, "CLIENT sms stop")
    texts = await service.script.replies(client.number, 4)
    assert texts == [
        ACKNOWLEDGEMENT,
        client.registration,
        ACKNOWLEDGEMENT,
        STOPPED,
    ]


async def test_a_text_whose_answer_was_lost_makes_one_request(service: Service) -> None:
    client = service.new_client()
    source = client.number.removeprefix("+")
    service.script.cut_after_delivery_of.add(source)
    await service.text(client.number, "CLIENT sms start")
    assert [pdu.source_addr for pdu in service.script.delivered].count(source) == 2
    assert await service.script.replies(client.number) == [ACKNOWLEDGEMENT, STARTED]
    await service.text(client.number, "CLIENT sms stop")
    await service.script.replies(client.number, 4)
    await service.completed(client.number, requests=2)
    accepted = [
        e.data["command"]
        for e in service.events(client.number)
        if e.version and e.type == "request.accepted"
    ]
    assert accepted == ["sms_start", "sms_stop"]


async def test_the_eleventh_command_in_an_hour_is_not_accepted(service: Service) -> None:
    client = service.new_client()
    commands = ["CLIENT sms stop", "CLIENT sms start"]
    for n in range(12):
        await service.text(client.number, commands[n % 2])
    texts = await service.script.replies(client.number, 20)
    await service.completed(client.number, requests=10)
    # From another number, in the same partition or not: only to let more come if it would.
    await stops(service, service.new_client().number)
    assert len(service.script.texts_to(client.number)) == len(texts) == 20

    def limits() -> list[int]:
        events = service.events(client.number)
        return [e.data["limit"] for e in events if e.type == "command.limit_reached"]

    await eventually(lambda: limits() == [10], lambda: f"{limits()}")
    assert len(service.accepted(client.number)) == 10


# -- a centre that does not do its part ------------------------------------------------


async def test_a_centre_that_does_not_answer_gets_the_message_again(service: Service) -> None:
    client = service.new_client()
    silent = [True]

    async def once(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        if silent and pdu.destination_addr == client.number[1:]:
            silent.pop()
            return None
        return await proceed(pdu, session)

    service.script.fault = once
    try:
        service.deliver(client.number, "CLIENT sms stop")
        texts = await service.script.replies(client.number, 3)
    finally:
        service.script.fault = None
    assert texts == [ACKNOWLEDGEMENT, ACKNOWLEDGEMENT, STOPPED]
    await service.completed(client.number)
    unknown = [e for e in service.events(client.number) if e.type == "message.unknown"]
    assert [(e.data["final"], e.data["attempt"]) for e in unknown] == [(False, 1)]
