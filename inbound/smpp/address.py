"""Addresses: whose number a message came from, and how a number or a name is written on the wire.

A number inside the service is E.164 with its plus: "+79161234567".
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

# ITU-T E.164, 6.2.1: fifteen digits at most. Seven keeps short codes out.
_MIN_DIGITS, _MAX_DIGITS = 7, 15
# 3GPP TS 23.040, 9.1.2.5: eleven characters of an alphanumeric address.
_MAX_NAME = 11
_MOBILE: Final = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


class Address(NamedTuple):
    """An address as PDUs carry it: type of number, numbering plan, digits or name."""

    ton: int
    npi: int
    addr: str


def subscriber(ton: int, addr: str) -> str | None:
    """Return the E.164 number of a message's source, None when nobody can be answered there.

    TON 1 is a whole international number whether or not the plus was sent: it gets one
    before anything else, or a foreign number would become a Russian one. Every other TON
    is read as dialled in Russia and has to be a valid mobile number.
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
        # Many centres write a whole foreign number without saying so.
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


def destination(number: str) -> Address:
    """Return the wire form of an E.164 number: TON 1, NPI 1, no plus.

    Raises `ValueError`, which does not repeat the number, when it is none.
    """
    digits = number[1:]
    if number[:1] != "+" or not _is_digits(digits) or len(digits) > _MAX_DIGITS:
        raise ValueError("not an E.164 number with its plus")
    return Address(TON_INTERNATIONAL, NPI_E164, digits)


def sender(name: str) -> Address:
    """Return the wire form of our own sender: "SCSERV" (TON 5, NPI 0) or an E.164 number.

    Raises `ValueError` for a name that is empty, too long or not ASCII.
    """
    if name[:1] == "+":
        return destination(name)
    if not 1 <= len(name) <= _MAX_NAME or not name.isascii():
        raise ValueError(f"a sender name has 1 to {_MAX_NAME} ASCII characters")
    if name.isdigit():
        return Address(TON_UNKNOWN, NPI_E164, name)
    return Address(TON_ALPHANUMERIC, NPI_UNKNOWN, name)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
