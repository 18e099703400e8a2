"""Numbers and names as PDUs carry them."""

import pytest

from inbound.smpp.address import Address, number_to_address, sender_to_address


def test_wire_form_of_addresses() -> None:
    assert sender_to_address("SCSERV") == Address(5, 0, "SCSERV")
    assert sender_to_address("+79086228779") == Address(1, 1, "79086228779")
    assert sender_to_address("1234") == Address(0, 1, "1234")
    assert number_to_address("+79161234567") == Address(1, 1, "79161234567")


@pytest.mark.parametrize("name", ["", "TWELVE CHARS", "СЦСЕРВ"])
def test_invalid_sender_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="sender name"):
        sender_to_address(name)


@pytest.mark.parametrize("number", ["79161234567", "+7916123456x", "+", "+1234567890123456"])
def test_an_error_about_a_number_does_not_repeat_it(number: str) -> None:
    with pytest.raises(ValueError, match=r"^not an E\.164 number with a leading plus$"):
        number_to_address(number)
