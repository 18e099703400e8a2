"""Whose number a message came from."""

import pytest

from inbound.smpp.address import Address, number_to_address, parse_subscriber, sender_to_address


@pytest.mark.parametrize(
    ("ton", "addr", "number"),
    [
        (1, "79161234567", "+79161234567"),
        (1, "+79161234567", "+79161234567"),
        (1, "9161234567", "+9161234567"),  # whole as it is: never made Russian
        (1, "375291234567", "+375291234567"),
        (1, "123456", None),
        (1, "1" * 16, None),
        (1, "7916123456a", None),
        (1, "++79161234567", None),
        (1, "", None),
        (1, "٧٩١٦١٢٣٤٥٦٧", None),
        (0, "79161234567", "+79161234567"),
        (0, "89161234567", "+79161234567"),
        (0, "9161234567", "+79161234567"),
        (0, "+79161234567", "+79161234567"),
        (0, "375291234567", "+375291234567"),
        (2, "9161234567", "+79161234567"),
        (2, "375291234567", None),
        (2, "4951234567", None),  # a landline
        (3, "1234", None),
        (6, "112", None),
        (0, "", None),
        (0, "SCSERV", None),
        (5, "SCSERV", None),
        (5, "79161234567", None),
    ],
)
def test_subscriber(ton: int, addr: str, number: str | None) -> None:
    assert parse_subscriber(ton, addr) == number


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
