"""Long messages: where they are cut, how they are recognised, how they become whole again."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.smpp import alphabet
from inbound.smpp.pdu import DataSm, DeliverSm
from inbound.smpp.segmentation import (
    Segment,
    UnsendableTextError,
    join,
    part_count,
    reencode,
    split,
    text_of,
)
from inbound.smpp.user_data import (
    ConcatenatedPart,
    UserData,
    body_of,
    parse_user_data_header,
    part_of,
    user_data_of,
)
from tests.unit.smpp.strategies import MESSAGES

ACKNOWLEDGEMENT = "Ваша заявка принята. Дождитесь СМС-уведомления об исполнении запроса."


def received(segment: Segment) -> DeliverSm:
    return DeliverSm(
        esm_class=segment.esm_class,
        data_coding=segment.data_coding,
        short_message=segment.short_message,
    )


def read(segments: tuple[Segment, ...], default: str = "gsm0338") -> str | None:
    """Read segments as a phone does."""
    pdus = [received(segment) for segment in segments]
    parts = [part for pdu in pdus if (part := part_of(pdu))]
    if not parts:
        return alphabet.decode(body_of(pdus[0]), pdus[0].data_coding, default)
    return text_of(reversed(parts), default)


@pytest.mark.parametrize(
    ("text", "bodies"),
    [
        ("a" * 160, [160]),
        ("a" * 161, [153, 8]),
        ("a" * 306, [153, 153]),
        ("a" * 307, [153, 153, 1]),
        ("a" * 158 + "€", [160]),
        ("a" * 159 + "€", [153, 8]),
        ("a" * 152 + "€" + "a" * 10, [152, 12]),  # an escape pair would be torn apart
        ("€" * 80, [160]),
        ("€" * 81, [152, 10]),
        ("я" * 70, [140]),
        ("я" * 71, [134, 8]),
        ("я" * 134, [134, 134]),
        ("я" * 135, [134, 134, 2]),
        ("я" * 68 + "😀", [140]),
        ("я" * 69 + "😀", [134, 8]),
        ("я" * 66 + "😀" + "я" * 10, [132, 24]),  # a surrogate pair would be torn apart
        ("", [0]),
        ("\n", [1]),
    ],
)
def test_texts_are_split_at_part_boundaries(text: str, bodies: list[int]) -> None:
    segments = split(text)
    header = 6 if len(bodies) > 1 else 0
    assert [len(segment.short_message) - header for segment in segments] == bodies
    assert part_count(text) == len(bodies)
    assert read(segments) == text


def test_the_acknowledgement_is_one_ucs_2_part() -> None:
    assert split(ACKNOWLEDGEMENT) == (Segment(ACKNOWLEDGEMENT.encode("utf-16-be"), 8, 0),)


def test_parts_carry_the_8_bit_header_and_the_reference() -> None:
    first, second = split("a" * 161, reference=0x1FF)
    assert first.short_message[:6] == bytes.fromhex("050003ff0201")
    assert second.short_message[:6] == bytes.fromhex("050003ff0202")
    assert first.esm_class == second.esm_class == 0x40


def test_data_coding_0_is_written_in_the_binds_alphabet() -> None:
    assert split("café", default="latin-1") == (Segment(b"caf\xe9", 0, 0),)
    assert split("café") == (Segment(b"caf\x05", 0, 0),)
    # Latin-1 has no euro sign, so the text takes the way that always works.
    assert split("5 €", default="latin-1")[0].data_coding == 8


@pytest.mark.parametrize("text", ["£@_[x]", "Nobody cuts {an} escaped character in two. " * 8])
def test_a_text_made_for_one_default_alphabet_goes_out_in_another(text: str) -> None:
    there = [reencode(segment, "gsm0338", "latin-1") for segment in split(text, 7)]
    assert there == list(split(text, 7, "latin-1"))
    back = [reencode(segment, "latin-1", "gsm0338") for segment in there]
    assert back == list(split(text, 7))


def test_what_the_other_alphabet_lacks_becomes_a_question_mark_and_ucs_2_stays() -> None:
    (euro,) = split("100 €")
    assert reencode(euro, "gsm0338", "latin-1").short_message == b"100 ?"
    (ucs_2,) = split("Ж")
    assert reencode(ucs_2, "gsm0338", "latin-1") is ucs_2


def test_unencodable_characters_become_question_marks() -> None:
    assert read(split("a\x1bb\ud800c")) == "a?b?c"


def test_more_than_255_parts_are_refused() -> None:
    assert part_count("a" * 153 * 255) == 255
    with pytest.raises(UnsendableTextError, match="256 parts"):
        split("a" * (153 * 255 + 1))


@given(
    st.text(st.sampled_from("ab{}€\n\x1b\ud800ёд😀"), max_size=400)
    | st.text(st.sampled_from("a{€"), max_size=400)
    | st.text(st.sampled_from("ё😀"), max_size=400),
    st.sampled_from(["gsm0338", "latin-1", "ascii"]),
)
def test_parts_are_counted_as_they_are_split(text: str, default: str) -> None:
    assert part_count(text, default) == len(split(text, default=default))


@pytest.mark.parametrize("text", ["{" * 19_381, "😀" * 8416, "a" * 39_016])
def test_parts_are_counted_up_to_255_without_being_made(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To cut texts character by character takes ten times as long; a list may have hundreds."""
    for name in ("gsm_split", "unicode_split"):
        monkeypatch.setattr(f"smsutil.{name}", None)
    with pytest.raises(UnsendableTextError, match="needs 256 parts"):
        part_count(text)
    assert part_count(text[:-1]) == 255


@given(st.text(max_size=600), st.integers(0, 1000), st.sampled_from(["gsm0338", "latin-1"]))
def test_split_text_joins_to_the_same_text(text: str, reference: int, default: str) -> None:
    segments = split(text, reference, default)
    wanted = text.replace("\x1b", "?")
    if segments[0].data_coding == 8 and wanted[:1] in {"\ufeff", "\ufffe"}:
        return  # read as a byte order mark
    assert read(segments, default) == wanted
    assert all(len(segment.short_message) <= 160 for segment in segments)


CONCAT_8 = bytes.fromhex("0003070201")
CONCAT_16 = bytes.fromhex("080401070201")
PORTS = bytes.fromhex("05040b8423f0")


def with_header(elements: bytes, body: bytes = b"body", esm_class: int = 0x40) -> DeliverSm:
    header = bytes((len(elements),)) + elements
    return DeliverSm(esm_class=esm_class, short_message=header + body)


@pytest.mark.parametrize(
    ("elements", "reference", "width"),
    [
        (CONCAT_8, 7, 8),
        (CONCAT_16, 0x107, 16),
        (PORTS + CONCAT_8, 7, 8),
        (CONCAT_8 + PORTS, 7, 8),
        (b"\x70\x00" + PORTS + CONCAT_16 + b"\x71\x02xx", 0x107, 16),
        (CONCAT_8 + CONCAT_16, 0x107, 16),  # the last one counts
    ],
)
def test_concatenation_is_found_among_other_elements(
    elements: bytes, reference: int, width: int
) -> None:
    for esm_class in (0x40, 0x43, 0xC0):
        part = part_of(with_header(elements, esm_class=esm_class))
        assert part == ConcatenatedPart(reference, width, 2, 1, b"body")


@pytest.mark.parametrize(
    "elements",
    [
        b"",
        PORTS,
        bytes.fromhex("0003070001"),  # of no parts
        bytes.fromhex("0003070200"),  # part 0
        bytes.fromhex("0003070203"),  # part 3 of 2
        bytes.fromhex("0003070101"),  # 1 of 1 is whole
        bytes.fromhex("00020702"),  # wrong length
        bytes.fromhex("0803070201"),
    ],
)
def test_invalid_concatenation_is_a_whole_message(elements: bytes) -> None:
    pdu = with_header(elements)
    assert part_of(pdu) is None
    assert body_of(pdu) == b"body"


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        ("0600037f010100", b"CLIENT info"),  # an octet too many
        ("0500037f010100", b"\0CLIENT info"),  # an octet that the length does not count
        ("04000307", b"LIENT info"),  # the element is longer than the header
        ("0100", b"CLIENT info"),  # an element without its length
        ("", b"CLIENT info"),  # no header at all: the length is the C of CLIENT
        ("ff00", b"\xff\0CLIENT info"),
    ],
)
def test_the_text_after_a_malformed_header_is_kept(payload: str, body: bytes) -> None:
    octets = bytes.fromhex(payload) + b"CLIENT info"
    data = user_data_of(DeliverSm(esm_class=0x40, short_message=octets))
    assert (data.body, data.part) == (body, None)
    assert data.has_malformed_header is (payload != "0500037f010100")


def test_a_part_is_recognised_by_the_readable_element_of_a_malformed_header() -> None:
    """Else "CLIENT info", the beginning of a long text, would be taken for a command."""
    octets = bytes.fromhex("06000307020100") + b"CLIENT info"
    data = user_data_of(DeliverSm(esm_class=0x40, short_message=octets))
    assert data.part == ConcatenatedPart(7, 8, 2, 1, b"CLIENT info")
    assert data.has_malformed_header


def test_a_text_in_ucs_2_is_not_mistaken_for_a_header() -> None:
    for text in ("CLIENT info", "СLIENT info", "привет"):
        octets = text.encode("utf-16-be")
        pdu = DeliverSm(esm_class=0x40, data_coding=8, short_message=octets)
        assert user_data_of(pdu) == UserData(octets, None, has_malformed_header=True)
        assert user_data_of(replace(pdu, data_coding=0), data_coding=8).body == octets


def test_sar_tlvs_count_when_the_header_has_no_concatenation() -> None:
    sar = ((0x020C, b"\1\7"), (0x020E, b"\2"), (0x020F, b"\1"))
    pdu = DeliverSm(esm_class=0x40, short_message=b"CLIENT info", tlvs=sar)
    assert part_of(pdu) == ConcatenatedPart(0x107, 16, 2, 1, b"CLIENT info")


HEADERS = ["0500037f0201", "060804017f0201", "0b05040b8423f000037f0201", "0600037f010100", "00"]


@pytest.mark.parametrize("data_coding", [0, 8])
@pytest.mark.parametrize("header", HEADERS)
def test_whatever_the_header_the_text_is_kept(header: str, data_coding: int) -> None:
    """Every truncation, and every change of one octet."""
    intact = bytes.fromhex(header)
    text = "CLIENT info".encode("utf-16-be") if data_coding else b"CLIENT info"
    cut = [intact[:size] for size in range(len(intact))]
    changed = [
        intact[:at] + bytes((value,)) + intact[at + 1 :]
        for at in range(len(intact))
        for value in range(256)
    ]
    for damaged in (*cut, *changed):
        pdu = DeliverSm(esm_class=0x40, data_coding=data_coding, short_message=damaged + text)
        data = user_data_of(pdu)
        assert pdu.short_message.endswith(data.body)
        read = parse_user_data_header(pdu.short_message)
        if read.size <= len(damaged):
            assert data.body.endswith(text)
        if data.part:
            assert data.part.body == data.body
            assert 1 <= data.part.sequence <= data.part.total


@given(st.binary(max_size=254))
def test_any_octets_parse_as_a_header(payload: bytes) -> None:
    header = parse_user_data_header(payload)
    assert header.size <= len(payload)
    read = sum(len(value) + 2 for _, value in header.elements) + 1
    assert header.is_malformed is (read != header.size)


@given(MESSAGES)
def test_any_message_has_a_body(pdu: DeliverSm) -> None:
    part = part_of(pdu)
    assert part is None or (part.body == body_of(pdu) and 1 <= part.sequence <= part.total)


def test_without_the_bit_octets_that_look_like_a_header_are_text() -> None:
    pdu = with_header(CONCAT_8, esm_class=0)
    assert part_of(pdu) is None
    assert body_of(pdu) == pdu.short_message


def test_sar_tlvs() -> None:
    pdu = DeliverSm(
        short_message=b"body",
        tlvs=((0x020F, b"\2"), (0x1400, b"?"), (0x020C, b"\1\7"), (0x020E, b"\2")),
    )
    assert part_of(pdu) == ConcatenatedPart(0x107, 16, 2, 2, b"body")


@pytest.mark.parametrize(
    "tlvs",
    [
        ((0x020C, b"\1\7"), (0x020E, b"\2")),
        ((0x020C, b"\7"), (0x020E, b"\2"), (0x020F, b"\1")),
        ((0x020C, b"\1\7"), (0x020E, b"\2"), (0x020F, b"\3")),
        ((0x020C, b"\1\7"), (0x020E, b""), (0x020F, b"\0")),
    ],
)
def test_invalid_sar_tlvs_are_ignored(tlvs: tuple[tuple[int, bytes], ...]) -> None:
    assert part_of(DeliverSm(short_message=b"body", tlvs=tlvs)) is None


def test_message_payload_holds_the_text_and_the_header() -> None:
    assert body_of(DeliverSm(tlvs=((0x0424, b"CLIENT info"),))) == b"CLIENT info"
    assert body_of(DataSm(tlvs=((0x0424, b"CLIENT info"),))) == b"CLIENT info"
    assert body_of(DeliverSm(short_message=b"short", tlvs=((0x0424, b"long"),))) == b"short"
    payload = b"\x05" + CONCAT_8 + b"body"
    assert part_of(DataSm(esm_class=0x40, tlvs=((0x0424, payload),))) == ConcatenatedPart(
        7, 8, 2, 1, b"body"
    )


def parts(*bodies: bytes, data_codings: tuple[int, ...] = ()) -> list[ConcatenatedPart]:
    codings = data_codings or (0,) * len(bodies)
    return [
        ConcatenatedPart(7, 8, len(bodies), number, body, coding)
        for number, (body, coding) in enumerate(zip(bodies, codings, strict=True), 1)
    ]


def test_parts_are_joined_in_their_order() -> None:
    assert join(reversed(parts(b"CLI", b"ENT", b" info"))) == b"CLIENT info"


def test_character_split_between_parts_is_joined() -> None:
    smile = "😀".encode("utf-16-be")
    assert text_of(parts(smile[:2], smile[2:], data_codings=(8, 8))) == "😀"
    assert text_of(parts(b"5 \x1b", b"\x65")) == "5 €"


def test_parts_in_different_codings_are_read_each_in_its_own() -> None:
    assert text_of(parts(b"CLIENT ", "инфо".encode("utf-16-be"), data_codings=(0, 8))) == (
        "CLIENT инфо"
    )
    assert text_of(parts(b"CLIENT ", b"\xff", data_codings=(0, 4))) is None


@pytest.mark.parametrize(
    "incomplete",
    [
        parts(b"a", b"b")[:1],
        [*parts(b"a", b"b")[:1], *parts(b"a", b"b")[:1]],
        [],
        [ConcatenatedPart(7, 8, 2, 1, b"a"), ConcatenatedPart(7, 16, 2, 2, b"b")],
    ],
)
def test_incomplete_or_mixed_parts_are_not_joined(incomplete: list[ConcatenatedPart]) -> None:
    with pytest.raises(ValueError, match=r"parts"):
        join(incomplete)


def test_repr_shows_no_text() -> None:
    assert "secret" not in repr(parts(b"secret")) + repr(split("secret"))
