"""Octets to text and back, for every data_coding a phone or a centre may use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.smpp import alphabet

GSM_TEXT = st.text(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà\f^{}\\[~]|€"
)


@pytest.mark.parametrize(
    ("octets", "data_coding", "text"),
    [
        (b"CLIENT info", 0x00, "CLIENT info"),
        (b"\x00\x11\x1b\x65", 0x00, "@_€"),
        (b"\x1bC\x1bL\x1bIENT\x1b info", 0x00, "CLIENT info"),  # escapes that mean nothing
        (b"a\x1b\x1bb", 0x00, "a b"),
        (b"\x1b\x1b\x1be", 0x00, " €"),
        (b"\x1b\x0d\x1b\x0a", 0x00, "\r\f"),
        (b"\x1be\x1b(\x1b)\x1b/\x1b<\x1b>\x1b=\x1b@\x1b\x14", 0x00, "€{}\\[]~|^"),
        (b"CLIENT info", 0x01, "CLIENT info"),
        (b"caf\xe9", 0x03, "café"),
        (b"\xda\xdb\xd8\xd5\xdd\xe2", 0x06, "клиент"),
        ("клиент".encode("utf-16-be"), 0x08, "клиент"),
        ("😀".encode("utf-16-be"), 0x08, "😀"),
        (b"\xfe\xff" + "ok".encode("utf-16-be"), 0x08, "ok"),
        (b"\xff\xfe" + "ok".encode("utf-16-le"), 0x08, "ok"),
        ("ok".encode("utf-16-be") + b"\0", 0x08, "ok"),
        (b"CLIENT info", 0x10, "CLIENT info"),
        ("ок".encode("utf-16-be"), 0x18, "ок"),
        (b"CLIENT info", 0xC8, "CLIENT info"),
        ("ок".encode("utf-16-be"), 0xE0, "ок"),
        (b"CLIENT info", 0xF0, "CLIENT info"),
        (b"\x00", 0xF1, "@"),
        (b"", 0x00, ""),
        (b"", 0x08, ""),
    ],
)
def test_readable(octets: bytes, data_coding: int, text: str) -> None:
    assert alphabet.name_of(data_coding) != "none"
    assert alphabet.decode(octets, data_coding) == text


@pytest.mark.parametrize(
    ("octets", "data_coding"),
    [
        (b"\x80", 0x00),
        (b"info\x1b", 0x00),
        (b"info\x1b\x80", 0x00),
        (b"\xff", 0x01),
        (b"\xd8\x00", 0x08),
        (b"\xdc\x00\x00A", 0x08),
        (b"CLIENT info", 0x02),
        (b"CLIENT info", 0x04),
        (b"CLIENT info", 0x0F),
        (b"CLIENT info", 0x14),
        (b"CLIENT info", 0x80),
        (b"CLIENT info", 0xF4),
    ],
)
def test_unreadable_is_none(octets: bytes, data_coding: int) -> None:
    assert alphabet.decode(octets, data_coding) is None


@given(st.binary(), st.integers(0, 255), st.sampled_from(["gsm0338", "latin-1", "utf-8"]))
def test_decoding_never_raises_and_yields_only_encodable_text(
    octets: bytes, data_coding: int, default: str
) -> None:
    text = alphabet.decode(octets, data_coding, default)
    assert text is None or text.encode() is not None


FIELD_ROW = bytes.fromhex("434C1B49454E5420696E666F")


def test_undefined_escapes_are_found_in_gsm_alone() -> None:
    assert alphabet.decode(FIELD_ROW, 0) == "CLIENT info"
    assert alphabet.has_undefined_escape(FIELD_ROW, 0)
    assert alphabet.has_undefined_escape(FIELD_ROW, 0xF1)
    assert not alphabet.has_undefined_escape(FIELD_ROW, 3)
    assert not alphabet.has_undefined_escape(FIELD_ROW, 0, "latin-1")
    assert not alphabet.has_undefined_escape(b"5 \x1be", 0)


@pytest.mark.parametrize(
    ("octets", "data_coding", "text"),
    [
        (b"CLIENT info\0", 0, b"CLIENT info"),
        (b"\0\0CLIENT info\0\0\0", 0, b"CLIENT info"),
        (b"CLIENT\0info", 0, b"CLIENT\0info"),
        (bytes(160), 0, b""),
        (b"", 0, b""),
        (b"\0CLIENT info\0", 3, b"CLIENT info"),
        ("ok".encode("utf-16-be"), 8, "ok".encode("utf-16-be")),
        (b"\0\0" + "ok".encode("utf-16-be") + b"\0\0", 8, "ok".encode("utf-16-be")),
        (b"\0" + "ok".encode("utf-16-be"), 8, "ok".encode("utf-16-be")),
        ("ok".encode("utf-16-be") + b"\0", 8, "ok".encode("utf-16-be")),
        ("ok".encode("utf-16-be") + bytes(5), 8, "ok".encode("utf-16-be")),
        ("Ā".encode("utf-16-be"), 8, b"\1\0"),
        (b"\xff\xfe" + "ok".encode("utf-16-le"), 8, b"\xff\xfe" + "ok".encode("utf-16-le")),
        (b"\0binary\0", 4, b"\0binary\0"),
    ],
)
def test_nuls_around_a_text_are_padding(octets: bytes, data_coding: int, text: bytes) -> None:
    assert alphabet.without_padding(octets, data_coding) == text


def test_padding_is_removed_where_it_is_asked_for() -> None:
    assert alphabet.without_padding(b"\0a\0", 0, end=False) == b"a\0"
    assert alphabet.without_padding(b"\0a\0", 0, start=False) == b"\0a"
    for start, end, kept in [(True, False, b"\0a\0\0"), (False, True, b"\0\0\0a")]:
        octets = b"\0\0\0a\0\0"
        assert alphabet.without_padding(octets, 8, start=start, end=end) == kept


@given(GSM_TEXT)
def test_gsm_round_trip(text: str) -> None:
    octets = alphabet.encode(text)
    assert octets is not None
    assert alphabet.decode(octets, 0) == text


def test_the_default_alphabet_is_the_binds_setting() -> None:
    assert alphabet.decode(b"caf\xe9", 0x00, "latin-1") == "café"
    assert alphabet.decode(b"caf\x05", 0x00) == "café"
    assert alphabet.encode("€", "latin-1") is None


@pytest.mark.parametrize("text", ["\x1b", "\ud800", "я"])
def test_encode_returns_none_for_characters_missing_in_gsm(text: str) -> None:
    assert alphabet.encode(text) is None


def test_unknown_default_alphabet_is_rejected() -> None:
    assert alphabet.check("gsm0338") == "gsm0338"
    with pytest.raises(LookupError):
        alphabet.check("klingon")
