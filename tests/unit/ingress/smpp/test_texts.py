"""The deliver_sm of texts of phones, as programs read them."""

import pytest

from inbound.ingress.smpp.texts import text_pdus
from inbound.smpp.bind_options import BindOptions
from inbound.smpp.pdu import DeliverSm
from inbound.smpp.segmentation import text_of
from inbound.smpp.user_data import TLV_MESSAGE_PAYLOAD, UDHI, user_data_of
from inbound.store.mo.account_texts import TextContent

WHOLE, SINGLE, ISO = BindOptions(), BindOptions(single=True), BindOptions(iso=True)


def pdus(
    text: str, options: BindOptions = WHOLE, *, destination: str = "79086228779"
) -> list[DeliverSm]:
    return text_pdus(TextContent("+79161234567", destination, text), 7, options)


def test_a_text_goes_from_the_phone_to_the_number_that_was_texted() -> None:
    (one,) = pdus("shop 7 €")
    assert (one.source_addr_ton, one.source_addr_npi, one.source_addr) == (1, 1, "79161234567")
    assert (one.dest_addr_ton, one.dest_addr_npi, one.destination_addr) == (1, 1, "79086228779")
    assert (one.esm_class, one.data_coding, one.short_message) == (0, 0, b"shop 7 \x1b\x65")


@pytest.mark.parametrize(
    ("destination", "address"),
    [("1234", (0, 1, "1234")), ("SHOP", (5, 0, "SHOP")), ("", (0, 0, ""))],
)
def test_a_short_code_has_no_type(destination: str, address: tuple[int, int, str]) -> None:
    (one,) = pdus("shop", destination=destination)
    assert (one.dest_addr_ton, one.dest_addr_npi, one.destination_addr) == address


def test_the_alphabet_is_that_of_the_link_or_ucs_2() -> None:
    (one,) = pdus("Grüße", ISO)
    assert (one.data_coding, one.short_message) == (0, "Grüße".encode("latin-1"))
    (one,) = pdus("Привет", ISO)
    assert (one.data_coding, one.short_message) == (8, "Привет".encode("utf-16-be"))


@pytest.mark.parametrize("letter", ["a", "я"])
def test_a_long_text_is_whole_in_message_payload(letter: str) -> None:
    text = letter * 300
    (one,) = pdus(text)
    encoding = "ascii" if letter == "a" else "utf-16-be"
    assert (one.short_message, dict(one.tlvs)) == (
        b"",
        {TLV_MESSAGE_PAYLOAD: text.encode(encoding)},
    )


@pytest.mark.parametrize("text", ["a" * 300, "я" * 300])
def test_with_single_a_long_text_comes_in_parts(text: str) -> None:
    found = pdus(text, SINGLE)
    parts = [part for one in found if (part := user_data_of(one).part)]
    assert len(parts) == len(found) > 1
    assert {one.esm_class for one in found} == {UDHI}
    assert {one.reference for one in parts} == {7}
    assert text_of(parts) == text
    assert [one.esm_class for one in pdus("short", SINGLE)] == [0]
