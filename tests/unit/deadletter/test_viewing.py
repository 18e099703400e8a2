"""What is shown of garbage: nothing personal without a reason, nothing a terminal acts on."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pydantic_core import to_json

from inbound.deadletter.viewing import HIDDEN, view_lines, view_of
from inbound.store.dead_letters.rows import Packed, pack, unpack
from inbound.terminal import echo, echo_json
from schemas.messages import (
    MobileOriginated,
    MobileTerminated,
    Outcome,
    PartResult,
    Purpose,
    SubmitResult,
    SubmitResults,
)

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)
NUMBER = "+79161234567"
KEY = bytes(range(16)).hex().encode()
CANARIES = "79161234567", "CLIENT info", "canary", KEY.decode(), "Q0xJRU5UIGluZm8"

MO = MobileOriginated(
    mo_id=uuid4(),
    centre="main",
    bind="main-1",
    source=NUMBER,
    destination=NUMBER,
    data_coding=0,
    esm_class=0,
    alphabet="gsm0338",
    payload=b"CLIENT info",
    arrived_at=NOON,
)
MT = MobileTerminated(
    message_id=uuid4(),
    subject_id=uuid4(),
    purpose=Purpose.NOTIFICATION,
    template="notice",
    params={NUMBER: "canary", "when": NUMBER},
    not_after=NOON,
)
RESULT = SubmitResult(
    message_id=MT.message_id,
    subject_id=MT.subject_id,
    key=KEY.decode(),
    purpose=Purpose.NOTIFICATION,
    template="notice",
    outcome=Outcome.SUBMITTED,
    parts=(PartResult(status=0, smsc_message_id=NUMBER[1:]),),
    centre="main",
    bind="main-1",
    at=NOON,
)
VALUES = {
    "a text": MO.to_json(),
    "a message": MT.to_json(),
    "a result": SubmitResults(gateway="g-1", results=(RESULT,)).to_json(),
    "no JSON": f"{NUMBER} canary".encode(),
    "words where none belong": to_json(
        {"data_coding": "canary", "mo_id": "canary", "purpose": "canary", "arrived_at": "canary"}
    ),
    "a string": to_json(NUMBER),
    "a number": NUMBER[1:].encode(),
    "another object": to_json({NUMBER: "canary", "canary": {"centre": NUMBER}, "centre": NUMBER}),
    "our fields, otherwise filled": to_json(
        {"centre": ["canary is here", 79161234567], "payload": {"bind": "canary"}, "part": NUMBER}
    ),
}


def message(value: bytes) -> Packed:
    headers = (
        ("ce_id", str(MO.mo_id).encode()),
        ("ce_type", NUMBER.encode()),
        (NUMBER, b"canary"),
        ("canary", b"\xff"),
    )
    return Packed(KEY, headers, value)


@pytest.mark.parametrize("kind", VALUES)
def test_without_a_reason_nothing_personal_is_shown(kind: str) -> None:
    text = json.dumps(view_of(message(VALUES[kind]), reveal=False), ensure_ascii=False)
    assert not [canary for canary in CANARIES if canary in text]
    assert str(MO.mo_id) in text, "the id in the header is harmless"


def test_what_is_harmless_is_shown() -> None:
    view = view_of(message(VALUES["a text"]), reveal=False)
    assert view["content"] == {
        "mo_id": str(MO.mo_id),
        "centre": "main",
        "bind": "main-1",
        "source": HIDDEN,
        "destination": HIDDEN,
        "data_coding": 0,
        "esm_class": 0,
        "alphabet": "gsm0338",
        "payload": HIDDEN,
        "arrived_at": "2024-05-17T12:00:00Z",
    }
    [result] = view_of(message(VALUES["a result"]), reveal=False)["content"]["results"]
    assert result["subject_id"] == str(MT.subject_id)
    assert result["parts"] == [{"status": 0, "smsc_message_id": HIDDEN}]


@pytest.mark.parametrize("kind", VALUES)
def test_with_a_reason_everything_is_shown(kind: str) -> None:
    text = json.dumps(view_of(message(VALUES[kind]), reveal=True), ensure_ascii=False)
    assert NUMBER[1:] in text
    assert KEY.decode() in text


def test_the_text_of_a_phone_is_decoded_when_revealed() -> None:
    assert view_of(message(MO.to_json()), reveal=True)["text"] == "CLIENT info"
    assert "text" not in view_of(message(MO.to_json()), reveal=False)


def garbage() -> Iterator[bytes]:
    seeded = random.Random(7)
    yield from (
        b"",
        b"\x1b[2J\x1b]0;owned\x07",
        "\u202egnp.exe\u2066\u009b31m".encode(),
        b"\x00\xff",
    )
    yield json.dumps({"\x1b[31m": "\x1b[2J\u202e", "centre": "\x9b"}).encode()
    for _ in range(200):
        yield seeded.randbytes(seeded.randrange(200))


@pytest.mark.parametrize("reveal", [True, False])
def test_no_byte_reaches_the_terminal_that_it_acts_on(
    reveal: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    for octets in garbage():
        headers = ((octets.decode("latin-1"), octets),)
        view = view_of(Packed(octets, headers, octets), reveal=reveal)
        echo(*view_lines(view))
        echo_json(view["content"], indent=2)
        text = capsys.readouterr().out.replace("\n", "")
        assert text.isprintable(), ascii(text)


def test_packing_keeps_everything() -> None:
    for octets in garbage():
        for key in (None, b"", octets):
            packed = Packed(key, (("h", octets), ("h", b"")), octets + b"\nx\n")
            assert unpack(pack(packed)) == packed


def test_what_an_earlier_release_set_aside_can_be_read() -> None:
    old = to_json({"key": "k?", "headers": [["h", "_w=="]]}) + b"\n" + b"a\nb"
    assert unpack(old) == Packed(b"k?", (("h", b"\xff"),), b"a\nb")
