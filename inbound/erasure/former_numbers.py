"""The numbers under which earlier releases stored a person, by mistake.

They took an address with TON 1 for a whole number as it stood, so that the person with +79161234567
may also be stored as +0079161234567, +89161234567 or +9161234567. Texts no longer lead there. An
erasure has to remove these, too. Pure.
"""

import re
from collections.abc import Iterable
from typing import Final

import phonenumbers

# The numbers that those releases accepted.
_STORED: Final = re.compile(r"\+[0-9]{7,15}")
_DIGITS: Final = re.compile("[0-9]+")
_PREFIX: Final = "00"


def former_numbers(number: str, countries: Iterable[str]) -> tuple[str, ...]:
    """Return the wrong forms of an E.164 number, as dialled in these countries (ISO 3166-1).

    A form that is somebody's valid number is left out.
    """
    parsed = phonenumbers.parse(number)
    national = phonenumbers.national_significant_number(parsed)
    forms = [f"+{_PREFIX}{number[1:]}"]
    for country in countries:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(country)
        if metadata is None:
            continue
        prefix = metadata.international_prefix or ""
        if _DIGITS.fullmatch(prefix):
            forms.append(f"+{prefix}{number[1:]}")
        if metadata.country_code == parsed.country_code:
            forms += [f"+{metadata.national_prefix or ''}{national}", f"+{national}"]
    stored = filter(_STORED.fullmatch, dict.fromkeys(forms))
    return tuple(filter(_is_free, stored))


def _is_free(number: str) -> bool:
    """Whether no phone can have this number."""
    try:
        return not phonenumbers.is_valid_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return True
