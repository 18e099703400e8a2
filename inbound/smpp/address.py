"""Addresses: the sender's number of an MO, and numbers and names as PDUs carry them.

Inside the service a number is E.164 with a leading plus: "+79161234567".
"""

from functools import lru_cache
from typing import Final, NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

TON_UNKNOWN: Final = 0
TON_INTERNATIONAL: Final = 1
TON_NATIONAL: Final = 2
TON_ALPHANUMERIC: Final = 5
NPI_UNKNOWN: Final = 0
NPI_E164: Final = 1

# ITU-T E.164, 6.2.1: at most 15 digits. The minimum of seven excludes short codes.
_MIN_DIGITS, _MAX_DIGITS = 7, 15
# 3GPP TS 23.040, 9.1.2.5: an alphanumeric address has at most 11 characters.
_MAX_NAME = 11
_MOBILE: Final = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


class Address(NamedTuple):
    """An address as PDUs carry it: TON, NPI (SMPP 3.4, 5.2.5 and 5.2.6), digits or name."""

    ton: int
    npi: int
    addr: str


def parse_subscriber(ton: int, addr: str) -> str | None:
    """Return the E.164 number of an MO's source address, None if it can't be replied to.

    TON 1 is a full international number with or without a plus. The plus is added before
    anything else, or a foreign number could be taken for a Russian one. With every other
    TON the number is parsed as dialled in Russia and must be a valid mobile number.
    """
    if ton == TON_INTERNATIONAL:
        digits = addr[1:] if addr[:1] == "+" else addr
        whole = _MIN_DIGITS <= len(digits) <= _MAX_DIGITS and _is_digits(digits)
        return f"+{digits}" if whole else None
    if ton == TON_ALPHANUMERIC:
        return None
    return _dialled(ton, addr)


@lru_cache(maxsize=4096)
def _dialled(ton: int, addr: str) -> str | None:
    plain = addr[1:] if addr[:1] == "+" else addr
    if not _is_digits(plain):
        return None
    number = _mobile(addr, "RU")
    if number is None and ton == TON_UNKNOWN and addr[:1] != "+":
        # Many SMS centres send international numbers with TON 0.
        number = _mobile(f"+{addr}", None)
    return number


def _mobile(addr: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(addr, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    if phonenumbers.number_type(number) not in _MOBILE:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def number_to_address(number: str) -> Address:
    """Return the wire form of an E.164 number: TON 1, NPI 1, no plus.

    Raises `ValueError` for anything else. The error does not repeat the number.
    """
    digits = number[1:]
    if number[:1] != "+" or not _is_digits(digits) or len(digits) > _MAX_DIGITS:
        raise ValueError("not an E.164 number with a leading plus")
    return Address(TON_INTERNATIONAL, NPI_E164, digits)


def sender_to_address(name: str) -> Address:
    """Return the wire form of our sender address: "SCSERV" (TON 5, NPI 0) or an E.164 number.

    Raises `ValueError` for a name that is empty, over 11 characters or not ASCII.
    """
    if name[:1] == "+":
        return number_to_address(name)
    if not 1 <= len(name) <= _MAX_NAME or not name.isascii():
        raise ValueError(f"a sender name has 1 to {_MAX_NAME} ASCII characters")
    if name.isdigit():
        return Address(TON_UNKNOWN, NPI_E164, name)
    return Address(TON_ALPHANUMERIC, NPI_UNKNOWN, name)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
