"""The PDU of a reply: from SCSERV, to the number, valid as long as the message is."""

from datetime import timedelta
from uuid import UUID

import pytest

from inbound.smpp.segmentation import part_count, split
from inbound.templates.catalogue import load_catalogue
from schemas.messages import MobileTerminated, Purpose
from streams.outbox.encoding import LONGEST_VALIDITY, EncodedText, Encoder

GSM, LATIN_1 = "gsm0338", "latin-1"
SECRET = b'{"personal_code":"1234","login":"ivanov","password":"1a2b3c4d"}'


def message(template: str, number: int = 7) -> MobileTerminated:
    return MobileTerminated.model_validate(
        {
            "message_id": UUID(int=number),
            "subject_id": UUID(int=1),
            "purpose": Purpose.FULFILMENT,
            "template": template,
            "not_after": "2026-01-01T00:00:00Z",
        }
    )


@pytest.fixture
def encoder() -> Encoder:
    return Encoder(load_catalogue(None, part_count), "SCSERV")


@pytest.mark.parametrize(
    ("valid_for", "period"),
    [
        (timedelta(hours=23, minutes=59), "000000235900000R"),
        (timedelta(seconds=0.2), "000000000001000R"),
        (timedelta(days=400), "000031000000000R"),
    ],
)
def test_the_centre_gives_up_when_the_message_has_had_its_time(
    encoder: Encoder, valid_for: timedelta, period: str
) -> None:
    text = encoder.text(message("stopped"), None, GSM)
    assert len(text) == 1
    pdu = encoder.submit_sm("+79161234567", text, 0, alphabet=GSM, valid_for=valid_for)
    assert pdu.validity_period == period
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == (5, 0, "SCSERV")
    assert (pdu.dest_addr_ton, pdu.dest_addr_npi) == (1, 1)
    assert pdu.destination_addr == "79161234567"


def test_parts_of_two_messages_to_one_phone_have_two_references(encoder: Encoder) -> None:
    references = {
        encoder.text(message("registration", n), SECRET, GSM).segments[0].short_message[3]
        for n in (1, 2)
    }
    assert references == {1, 2}


def test_a_secret_is_not_kept_for_the_next_message(encoder: Encoder) -> None:
    encoder.text(message("registration"), SECRET, GSM)
    other = SECRET.replace(b"1a2b3c4d", b"zzzzzzzz")
    text = encoder.text(message("registration"), other, GSM)
    octets = b"".join(segment.short_message[6:] for segment in text.segments)
    assert "zzzzzzzz" in octets.decode("utf-16-be")
    assert "1a2b3c4d" not in octets.decode("utf-16-be")


def test_a_text_that_was_encoded_for_another_bind_is_written_in_the_binds_alphabet(
    encoder: Encoder,
) -> None:
    text = EncodedText(GSM, split("@ 5"))
    sent = encoder.submit_sm("+79161234567", text, 0, alphabet=LATIN_1, valid_for=LONGEST_VALIDITY)
    assert sent.short_message == "@ 5".encode("latin-1")


def test_a_constant_text_is_encoded_for_each_alphabet(encoder: Encoder) -> None:
    texts = {
        alphabet: encoder.text(message("stopped"), None, alphabet) for alphabet in (GSM, LATIN_1)
    }
    assert {text.alphabet for text in texts.values()} == {GSM, LATIN_1}
    assert encoder.text(message("stopped"), None, GSM) is texts[GSM]


def test_a_template_that_is_not_there_is_never_sent_again(encoder: Encoder) -> None:
    assert encoder.resends_unknown("stopped")
    assert not encoder.resends_unknown("of another release")


@pytest.mark.parametrize("alphabet", [GSM, LATIN_1])
def test_the_words_of_a_text_have_its_secrets_across_parts(encoder: Encoder, alphabet: str) -> None:
    text = encoder.text(message("registration"), SECRET, alphabet)
    assert len(text) > 1
    assert {"1234", "ivanov", "1a2b3c4d"} <= set(text.words())


def test_secrets_with_punctuation_between_them_are_words_too() -> None:
    text = EncodedText(GSM, tuple(split("пароль:1a2b3c4d, ivanov1/p@ss:w0rd9", 1, GSM)))
    assert {"1a2b3c4d", "ivanov1", "w0rd9"} <= set(text.words())
