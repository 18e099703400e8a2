"""What the log tells of how a text came."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from inbound.parsers.numbers import last_digits
from inbound.smpp import alphabet
from schemas.events import Arrival
from schemas.messages import MobileOriginated
from streams.commands.texts import ReceivedText, arrival_of

FEDERAL = "+79086228779"
CLIENT = "+79161234567"


def text(**fields: Any) -> ReceivedText:
    values: dict[str, Any] = {
        "mo_id": UUID(int=1),
        "centre": "main",
        "bind": "main-1",
        "gateway": "gateway-1",
        "source": CLIENT,
        "destination": "79086228779",
        "data_coding": 8,
        "esm_class": 0x40,
        "alphabet": "latin-1",
        "payload": "CLIENT info".encode("utf-16-be"),
        "arrived_at": datetime(2024, 5, 17, 12, tzinfo=UTC),
    }
    return ReceivedText(MobileOriginated(**(values | fields)), "CLIENT info", None)


def test_the_fields_of_its_deliver_sm() -> None:
    assert arrival_of(text(), FEDERAL) == Arrival(
        gateway="gateway-1", our_number=FEDERAL, esm_class=0x40, alphabet="ucs-2", octets=22
    )


def test_the_default_alphabet_is_the_binds() -> None:
    assert arrival_of(text(data_coding=0), FEDERAL).alphabet == "latin-1"
    assert alphabet.name_of(4) == "none"


@pytest.mark.parametrize(
    ("destination", "told"),
    [
        ("79086228779", FEDERAL),
        ("+79086228779", FEDERAL),
        ("89086228779", FEDERAL),
        ("9086228779", FEDERAL),
        ("8779", "8779"),
        (CLIENT, None),
        (CLIENT[1:], None),
        ("9161234567", None),
        ("SCSERV", None),
        ("", None),
    ],
)
def test_only_our_own_number_is_told(destination: str, told: str | None) -> None:
    assert arrival_of(text(destination=destination), FEDERAL).our_number == told


@pytest.mark.parametrize(
    ("destination", "digits"),
    [
        ("79086228779", "9086228779"),
        ("+79086228779", "9086228779"),
        ("89086228779", "9086228779"),
        ("0079086228779", "9086228779"),
        ("9086228779", "9086228779"),
        ("8779", "8779"),
        ("SCSERV", "SCSERV"),
        ("", ""),
    ],
)
def test_every_form_of_a_number_has_the_same_last_digits(destination: str, digits: str) -> None:
    assert last_digits(destination) == digits
