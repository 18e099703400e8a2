"""Message ids of an SMS centre: which are stored as they are."""

import re

import pytest

from inbound.smpp.message_ids import ID, read_id, without_quotes

NUMBER = "+79161234567"
DIGEST = re.compile("sha256-[0-9a-f]{40}-[0-9]+")


@pytest.mark.parametrize("octets", [b"7" * 64, b"7a0f-51", b"!~", b" 71 ", b""])
def test_an_id_of_the_specification_is_kept(octets: bytes) -> None:
    assert read_id(octets) == (octets.decode().strip(" "), True)


@pytest.mark.parametrize(
    "octets", [b"7" * 65, b"\x01" * 65_500, b"a\x1b[2J", b"a\rb", b"\x9b31m", b"a b", b"\xff"]
)
def test_anything_else_is_kept_as_a_digest(octets: bytes) -> None:
    kept, is_id = read_id(octets)
    assert not is_id
    assert DIGEST.fullmatch(kept)
    assert kept.endswith(f"-{len(octets)}")
    assert ID.fullmatch(kept)


@pytest.mark.parametrize(
    "message_id",
    [
        "79161234567",
        "id-79161234567-9",
        "89161234567",
        "9161234567",
        "7-916-123-45-67",
        "+7.916.1234567",
        "ivanov1/1a2b3c4d",
        "1A2B3C4D",
        "p@ss:w0rd",
    ],
)
def test_an_id_that_quotes_its_message_is_a_digest(message_id: str) -> None:
    kept = without_quotes(message_id, NUMBER, ["1234", "1a2b3c4d", "p@ss:w0rd"])
    assert DIGEST.fullmatch(kept)


@pytest.mark.parametrize("message_id", ["71234567", "", "7f1234", "1a2b3c4"])
def test_any_other_id_is_kept(message_id: str) -> None:
    assert without_quotes(message_id, NUMBER, ["1234", "1a2b3c4d", ""]) == message_id
    assert without_quotes(message_id, "", ()) == message_id
