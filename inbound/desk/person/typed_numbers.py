"""Why a typed text was not read as a number, for people who typed it. Pure."""

import string
from typing import Final

from inbound.parsers.numbers import NotMobileError, NumberError, parse_msisdn

_LONGEST: Final = 64
_BLANKS: Final = string.whitespace + "\N{NO-BREAK SPACE}"
_BEFORE: Final = _BLANKS + "\"'«“„"
_BEHIND: Final = _BLANKS + "\"'»”;,."
"""Characters around numbers in letters, tables and address books."""
_EXTENSIONS: Final = ("доб", "ext")


def why_no_number(typed: str) -> str:
    """Return why a text is not a mobile number, and the fix, as a key of words; "" if unclear.

    What can't be read with certainty never becomes a number: ten digits alone don't. A text of more
    than 64 characters is no number with something around it; nothing reads it.
    """
    if len(typed) > _LONGEST:
        return ""
    problem = ""
    try:
        parse_msisdn(typed)
    except NotMobileError:
        problem = (
            "This is not a mobile number but a landline or a number for services. Messages go to "
            "mobile numbers only."
        )
    except NumberError:
        if _is_number(_alone(typed)):
            problem = (
                "Type the number alone: without quotation marks, “tel:”, an extension or a mark "
                "at its end."
            )
        elif _is_number(f"8{typed.strip()}"):
            problem = (
                "Ten digits alone are not read as a number, because they could be one of another "
                "country. Begin with +7 or 8."
            )
    return problem


def _alone(typed: str) -> str:
    """Return what is left without the characters around a number, and without an extension."""
    text = typed.strip().lower().removeprefix("tel:").lstrip(_BEFORE)
    for word in _EXTENSIONS:
        number, _, extension = text.rpartition(word)
        if number and not extension.strip(_BEHIND + string.digits):
            text = number
    return text.rstrip(_BEHIND)


def _is_number(text: str) -> bool:
    try:
        parse_msisdn(text)
    except NumberError:
        return False
    return True
