"""Parses the text of a delivery receipt (SMPP 3.4, appendix B), in all its variants.

Nothing here raises. The receipt's own `text:`, the beginning of the message, is discarded.
"""

import codecs
import re
from datetime import datetime
from typing import Final

from inbound.smpp import alphabet

_CODE = re.compile("[0-9A-Za-z._-]{1,6}")
_YEARS: Final = range(2000, 2100)
_DIGITS = re.compile("[0-9]+")
# `text:` ends the fields; the beginning of the message follows it.
_TEXT = re.compile(r"(?<![^\s,;])text\s*:.*", re.IGNORECASE | re.DOTALL)
_KEY = re.compile(
    r"(?<![^\s,;])(id|sub|dlvrd|submit|done|stat|err)(?:[\s_]?date|us|or)?\s*:", re.IGNORECASE
)
# Fields of one line in printable ASCII: values are urlencoded.
_ANSWER = re.compile(r"(?<!\S)imsi:[!-~]*(?: [a-z]{2,8}:[!-~]*){0,20}")
_SEPARATOR = re.compile(r"[\s,;]+")
# YYMMDDhhmm in appendix B; many SMS centres add seconds or the century. Twelve digits are
# unambiguous since 2013: there is no month 13.
_DATES: Final = {
    10: ("%y%m%d%H%M",),
    12: ("%y%m%d%H%M%S", "%Y%m%d%H%M"),
    14: ("%Y%m%d%H%M%S",),
}


def text_of(octets: bytes) -> str:
    """Return the receipt as text: ASCII whatever its data_coding, or UCS-2.

    NULs around it are padding; inside they separate.
    """
    if _is_ucs_2(octets):
        return alphabet.decode(octets, alphabet.UCS_2) or ""
    return octets.strip(b"\0").decode("latin-1").replace("\0", " ")


def is_padded(octets: bytes) -> bool:
    """Whether there are NULs around a receipt's text."""
    return not _is_ucs_2(octets) and octets.strip(b"\0") != octets


def _is_ucs_2(octets: bytes) -> bool:
    """Whether it begins with a byte order mark, or with two ASCII characters in UTF-16-BE."""
    return octets[:2] in {codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE} or (
        len(octets) >= 4 and not octets[0] and octets[1] > 0 and not octets[2]
    )


def fields_of(text: str) -> dict[str, str]:
    """Return the word after each known key. The first occurrence of a key counts."""
    text = _TEXT.sub("", text)
    keys = list(_KEY.finditer(text))
    fields: dict[str, str] = {}
    for number, key in enumerate(keys):
        end = keys[number + 1].start() if number + 1 < len(keys) else len(text)
        value = _SEPARATOR.split(text[key.end() : end].strip(), maxsplit=1)[0]
        fields.setdefault(key[1].lower(), value)
    return fields


def answer_of(text: str) -> str:
    """Return what a receipt says about the number, from `imsi:` on; "" if it is not plain ASCII."""
    found = _ANSWER.search(text)
    return found[0] if found else ""


def parse_code(value: str) -> str | None:
    """Return an error code as written, None if it is malformed."""
    return value if _CODE.fullmatch(value) else None


def parse_date(value: str) -> datetime | None:
    """Return a date without a time zone, None if it is malformed."""
    if not _DIGITS.fullmatch(value):
        return None
    for form in _DATES.get(len(value), ()):
        try:
            date = datetime.strptime(value, form)  # noqa: DTZ007 — receipts name no time zone
        except ValueError:
            continue
        # Events keep it for ever, and a time zone is applied to it.
        return date if date.year in _YEARS else None
    return None
