"""Reads the phone number of an MO or receipt from its address, as SMS centres write it.

One person has one number, in E.164 with a leading plus: "+79161234567". SMS centres write it
with or without the plus, with an international prefix (00, in Russia 810) or as dialled in the
country of the bind (89161234567, 9161234567), and not always with the TON that this form has.

Invariant: the result is a valid mobile number as `inbound.parsers.numbers` has it, so that the
person can be imported, looked up and erased by it. An address that two people may have, or that
lacks a digit, is no number: the message is then never answered.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import (
    CountryCodeSource,
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
)

from inbound.smpp.address import TON_ALPHANUMERIC, TON_INTERNATIONAL, TON_UNKNOWN

RUSSIA: Final = "RU"

_MOBILE: Final = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
_SEPARATORS: Final = str.maketrans("", "", " \t\xa0-()")
# The prefix of GSM phones in every country (ITU-T E.123, 2.5 recommends it to all networks).
_INTERNATIONAL_PREFIX: Final = "00"
_NOTHING: Final = "(?!)"
# A shorter address is a short code, not a phone number that could not be read.
_MIN_DIGITS: Final = 7


@dataclass(frozen=True, slots=True)
class Subscriber:
    """The number that an address means; None if it has no sender who can be answered.

    `is_other_form`: the number was not in the form that the TON announces; with `strict` it is
    then not read. `is_unreadable`: it has the digits of a number but is none with certainty; a
    name or a short code has not.
    """

    number: str | None = None
    is_other_form: bool = False
    is_unreadable: bool = False


def is_country(code: str) -> bool:
    """Whether this is the ISO 3166-1 code of a country whose numbers are known: "RU"."""
    return code in phonenumbers.SUPPORTED_REGIONS


def parse_subscriber(
    ton: int, addr: str, country: str = RUSSIA, *, strict: bool = False
) -> Subscriber:
    """Return the number of an address (SMPP 3.4, 5.2.5). Never raises.

    TON 1, or a leading plus, announces country code and number. If that is no valid number,
    the digits are read as dialled in `country`; if both readings are valid numbers of different
    phones, neither is taken. With every other TON the number is read as dialled in `country`,
    and with TON 0 as an international one if that fails. With `strict` TON 1 is read as nothing
    but an international number.
    """
    if ton == TON_INTERNATIONAL and _is_mobile_of(country, addr):
        return Subscriber(f"+{addr}")
    return _read(ton, addr, country, strict)


def _is_mobile_of(country: str, addr: str) -> bool:
    """Whether these are the digits of a mobile number of this country.

    They are in nearly every receipt, and the library's own check takes a hundred times longer.
    """
    code, mobile = _mobile_pattern(country)
    return addr.isascii() and addr.startswith(code) and bool(mobile.fullmatch(addr[len(code) :]))


@lru_cache
def _mobile_pattern(country: str) -> tuple[str, re.Pattern[str]]:
    """Return a country's calling code and the pattern of its mobile numbers without it."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country)
    mobile = metadata.mobile if metadata is not None else None
    pattern = mobile.national_number_pattern if mobile is not None else None
    return str(_country_code(country)), re.compile(pattern or _NOTHING)


@lru_cache(maxsize=4096)
def _read(ton: int, addr: str, country: str, strict: bool) -> Subscriber:  # noqa: FBT001 — cached
    written = addr.translate(_SEPARATORS)
    digits = written.removeprefix("+")
    if ton == TON_ALPHANUMERIC or not (digits.isascii() and digits.isdigit()):
        return Subscriber(is_unreadable=sum(map(str.isdigit, addr)) >= _MIN_DIGITS)
    is_international = ton == TON_INTERNATIONAL or digits != written
    if is_international:
        number, is_other_form = _international(digits, country, strict=strict)
    else:
        number, is_other_form = _dialled(digits, country), False
        if number is None and ton == TON_UNKNOWN:
            # Many SMS centres send international numbers with TON 0.
            number = _mobile(f"+{digits}")
    if number is None:
        if strict and _read(ton, addr, country, False).number is not None:
            return Subscriber(is_other_form=True)
        return Subscriber(is_unreadable=len(digits) >= _MIN_DIGITS)
    return Subscriber(_e164(number), is_other_form or len(addr.removeprefix("+")) != len(digits))


def _international(digits: str, country: str, *, strict: bool) -> tuple[PhoneNumber | None, bool]:
    """Return the number, and whether it was written otherwise than as country code and number."""
    number = _mobile(f"+{digits}")
    if strict or (number is not None and number.country_code == _country_code(country)):
        return number, False
    dialled = _dialled(digits, country)
    if number is None:
        return dialled, True
    has_two_readings = dialled is not None and _e164(dialled) != _e164(number)
    return None if has_two_readings else number, False


def _dialled(digits: str, country: str) -> PhoneNumber | None:
    """Return the mobile number that these digits dial in a country."""
    if digits.startswith(_INTERNATIONAL_PREFIX):
        return _mobile(f"+{digits.removeprefix(_INTERNATIONAL_PREFIX)}")
    number = _mobile(digits, country)
    if number is None:
        return None
    is_bare = number.country_code_source == CountryCodeSource.FROM_DEFAULT_COUNTRY and digits == (
        phonenumbers.national_significant_number(number)
    )
    # Russia and Kazakhstan share a country code. Without a prefix a Kazakh 7771234567 may as well
    # be a number of eleven digits that lacks one.
    if is_bare and phonenumbers.region_code_for_number(number) != country:
        return None
    return number


@lru_cache
def _country_code(country: str) -> int:
    return int(phonenumbers.country_code_for_region(country))


def _mobile(text: str, region: str | None = None) -> PhoneNumber | None:
    number = _parse(text, region)
    # number_type is UNKNOWN for an invalid number.
    return number if number is not None and phonenumbers.number_type(number) in _MOBILE else None


def _parse(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region, keep_raw_input=True)
    except NumberParseException:
        return None


def _e164(number: PhoneNumber) -> str:
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))
