"""Addresses as PDUs carry them: numbers (`inbound.smpp.subscriber` reads those of MOs), names."""

from typing import Final, NamedTuple

TON_UNKNOWN: Final = 0
TON_INTERNATIONAL: Final = 1
TON_ALPHANUMERIC: Final = 5
NPI_UNKNOWN: Final = 0
NPI_E164: Final = 1

# ITU-T E.164, 6.2.1.
_MAX_DIGITS = 15
# 3GPP TS 23.040, 9.1.2.5: an alphanumeric address has at most 11 characters.
_MAX_NAME = 11


class Address(NamedTuple):
    """An address as PDUs carry it: TON, NPI (SMPP 3.4, 5.2.5 and 5.2.6), digits or name."""

    ton: int
    npi: int
    addr: str


def number_to_address(number: str) -> Address:
    """Return the wire form of an E.164 number: TON 1, NPI 1, no plus.

    Raises `ValueError` for anything else. The error does not repeat the number.
    """
    digits = number[1:]
    if number[:1] != "+" or not _is_digits(digits) or len(digits) > _MAX_DIGITS:
        raise ValueError("not an E.164 number with a leading plus")
    return Address(TON_INTERNATIONAL, NPI_E164, digits)


def sender_to_address(name: str) -> Address:
    """Return the wire form of our sender address: "SCSERV" (TON 5, NPI 0) or a number.

    Raises `ValueError` for a name that is empty, over 11 characters or not ASCII, and for a number
    of more than 15 digits.
    """
    if name[:1] == "+":
        return number_to_address(name)
    if _is_digits(name) and len(name) <= _MAX_DIGITS:
        return Address(TON_UNKNOWN, NPI_E164, name)
    if not 1 <= len(name) <= _MAX_NAME or not name.isascii():
        raise ValueError(f"a sender name has 1 to {_MAX_NAME} ASCII characters")
    return Address(TON_ALPHANUMERIC, NPI_UNKNOWN, name)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
