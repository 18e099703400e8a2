"""Which texts may be sent to a phone. Pure.

Checked where a text comes in: an order, its fields, a template. The errors quote nothing of the
text, and can be shown and logged.
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

# Control characters, zero-width characters and changes of writing direction: stored texts are
# shown to people, and PostgreSQL refuses NUL.
HIDDEN: Final = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
_HIDDEN: Final = re.compile(f"[{HIDDEN}]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# What phones show as nothing: format characters, fillers, variation selectors, tags.
_INVISIBLE: Final = re.compile(
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]*"
)


def check_text(text: str) -> str:
    """Return a text for a phone, with line breaks as LF. Raises ValueError.

    Tabs and line breaks are the only control characters that a text may have.
    """
    text = text.replace("\r\n", "\n")
    if (found := _CONTROL.search(text)) is not None:
        code = ord(found.group())
        if code >= 0xD800:
            raise ValueError(
                f"character {found.start() + 1} is half of a surrogate pair, U+{code:04X}; "
                "send the whole character or remove it"
            )
        raise ValueError(
            f"character {found.start() + 1} is the control character U+{code:04X}; "
            "remove it: only tabs and line breaks may be in a text"
        )
    return text


def is_blank(text: str) -> bool:
    """Whether a phone would show nothing: blanks, line breaks and invisible characters alone."""
    return _INVISIBLE.fullmatch(text) is not None


def check_message_text(text: str) -> str:
    """Return what `check_text` does. Raises ValueError for a blank text too."""
    text = check_text(text)
    if is_blank(text):
        raise ValueError("has no visible character; write what to send")
    return text


def check_visible(name: str) -> str:
    """Return a name in which every character can be seen. Raises ValueError."""
    if is_blank(name) or _HIDDEN.search(name):
        raise ValueError("needs a visible character, and may have no control or invisible one")
    return name


MessageText = Annotated[str, AfterValidator(check_message_text)]
"""A text that may be sent."""
