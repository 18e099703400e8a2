"""Phone numbers as people and SMS centres write them -> E.164, or a plain reason why not.

Accepted: mobile numbers with their country code. A Russian one may begin with +7, 7 or 8;
any other only with +, because without it the number could as well be a Russian one. Blanks
of every kind, dashes, brackets and invisible formatting characters do not count. Nor do dots, if
there are two or more between groups of digits. A single one may be a decimal point: a spreadsheet
writes 7916123456 as 7916123456.0, which is not the number 79161234560.

An SMS centre that says TON 1 (SMPP 3.4, section 5.2.5) means an international number
without its +; the caller puts it in front.
"""

import re
import unicodedata
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

MASK_HEAD: Final = 4
MASK_TAIL: Final = 2
MASKABLE_DIGITS: Final = range(10, 16)
RUSSIA: Final = "RU"
RUSSIAN_DIGITS: Final = 11
NATIONAL_DIGITS: Final = 10

_DIGITS: Final = frozenset("0123456789")
_NOISE: Final = frozenset("()[].\t")
# Zs: blanks of every width. Cf: soft hyphen, direction marks, zero width joiners, BOM.
# Pd: dashes of every length.
_NOISE_CATEGORIES: Final = frozenset({"Zs", "Cf", "Pd"})
_DOTTED: Final = re.compile(r"(?:[^.]*[\d)]\.(?=\(?\d\d)){2,}[^.]*")
_MINUS: Final = "\N{MINUS SIGN}"
_MOBILE: Final = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


def _russian_mobile() -> re.Pattern[str]:
    """Return the pattern of the numbering plan: it takes a tenth of the time of a full parse."""
    plan = phonenumbers.PhoneMetadata.metadata_for_region(RUSSIA)
    if plan is None or plan.mobile is None:
        raise RuntimeError("phonenumbers has no numbering plan of Russia")
    return re.compile(rf"\+7{plan.mobile.national_number_pattern}")


_RUSSIAN_MOBILE: Final = _russian_mobile()


class NumberError(ValueError):
    """The text is not a usable mobile number; str() is a reason that does not repeat the text."""


class EmptyNumberError(NumberError):
    """There is no number."""


class NotMobileError(NumberError):
    """The number is valid, but not a mobile number."""


def parse_msisdn(text: str) -> str:
    """Return the E.164 form (`+79161234567`) of a mobile number, or raise NumberError."""
    compact = "".join(c for c in text if not _is_noise(c))
    digits = compact.removeprefix("+")
    if not digits:
        raise EmptyNumberError("empty")
    if not _DIGITS.issuperset(digits):
        raise NumberError("holds something other than digits and a leading +")
    if "." in text and not _DOTTED.fullmatch(text):
        raise NumberError("has a dot that may be a decimal point")
    international = compact if compact != digits else _from_russian_form(digits)
    if _RUSSIAN_MOBILE.fullmatch(international):
        return international
    try:
        number = phonenumbers.parse(international, None)
    except NumberParseException:
        raise NumberError("no such country code, or too short or too long") from None
    # number_type is UNKNOWN for whatever is_valid_number refuses, so it answers both questions.
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.FIXED_LINE:
        raise NotMobileError("a landline, not a mobile number")
    if kind != PhoneNumberType.UNKNOWN and kind not in _MOBILE:
        raise NotMobileError("not a mobile number but one for services or calls")
    if kind not in _MOBILE:
        raise NumberError("not a valid mobile number")
    if compact == digits and phonenumbers.region_code_for_number(number) != RUSSIA:
        raise NumberError("a foreign number needs a leading +")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mask(number: str) -> str:
    """Return `+7916*****67` for people to recognise; `***` for anything unlike a number.

    As many digits are shown with a plus sign as without one.
    Safe for any text, so for the wrong column of a file too: only what consists of 10 to 15
    digits (ITU-T E.164, section 6.2.1) and noise shows any of them.
    """
    compact = "".join(c for c in number if not _is_noise(c))
    digits = compact.removeprefix("+")
    if len(digits) not in MASKABLE_DIGITS or not _DIGITS.issuperset(digits):
        return "***"
    plus = "+" if compact != digits else ""
    hidden = len(digits) - MASK_HEAD - MASK_TAIL
    return plus + digits[:MASK_HEAD] + "*" * hidden + digits[-MASK_TAIL:]


def _is_noise(char: str) -> bool:
    if char in _DIGITS:
        return False
    return char in _NOISE or char == _MINUS or unicodedata.category(char) in _NOISE_CATEGORIES


def _from_russian_form(digits: str) -> str:
    if len(digits) == RUSSIAN_DIGITS and digits[0] in "78":
        return "+7" + digits[1:]
    raise NumberError("without a leading + it takes 11 digits that begin with 7 or 8")


def last_digits(number: str) -> str:
    """Return the digits that all forms of a texted number share: "+7908...", "8908...", "908...".

    A short code and a name are returned as they are.
    """
    digits = number.removeprefix("+")
    return digits[-NATIONAL_DIGITS:] if digits.isascii() and digits.isdigit() else number
