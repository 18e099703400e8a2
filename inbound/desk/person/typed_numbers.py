"""Why a typed text was not read as a number, for people who typed it. Pure."""

import re
from typing import Final

from inbound.parsers.numbers import NotMobileError, NumberError, parse_msisdn

_AROUND: Final = re.compile(
    r"""^\s*(?:tel:)?[\s"'«“„]*(.*?)(?:\s*,?\s*(?:доб|ext)\.?\s*\d*)?[\s"'»”;,.]*$""",
    re.IGNORECASE,
)
"""Characters around numbers in letters, tables and address books."""


def why_no_number(typed: str) -> str:
    """Return why a text is not a mobile number, and the fix, as a key of words; "" if unclear.

    What can't be read with certainty never becomes a number: ten digits alone don't.
    """
    problem = ""
    try:
        parse_msisdn(typed)
    except NotMobileError:
        problem = (
            "This is not a mobile number but a landline or a number for services. Messages go to "
            "mobile numbers only."
        )
    except NumberError:
        around = _AROUND.match(typed)
        if around and _is_number(around[1]):
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


def _is_number(text: str) -> bool:
    try:
        parse_msisdn(text)
    except NumberError:
        return False
    return True
