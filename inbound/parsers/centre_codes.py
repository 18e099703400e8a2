"""The numbers of an SMS centre's own error codes. Pure."""

import re
from typing import Final

_CODE: Final = re.compile("[0-9A-Za-z]{1,8}")
_LARGEST: Final = 0xFFFF


def is_code(text: str | None) -> bool:
    """Whether a program can read this as the code of a receipt."""
    return text is not None and _CODE.fullmatch(text) is not None


def number_of(code: str | None) -> int | None:
    """Return the number of a code, in decimal or hexadecimal digits; None for any other."""
    if code is None or not is_code(code):
        return None
    for base in (10, 16):
        try:
            number = int(code, base)
        except ValueError:
            continue
        return number if number <= _LARGEST else None
    return None
