"""From a text to a command, or to nothing.

The instruction accepts three texts and no other: exactly these words with one space
between them, in either case. Spaces, CR, LF and NUL around them are what phones and
centres add; everything else, a look-alike letter or a wide space included, makes it
another text, and another text is met with silence.
"""

from collections.abc import Mapping
from enum import StrEnum

from schemas.events import Command

COMMANDS: Mapping[str, Command] = {
    "client info": Command.CLIENT_INFO,
    "client sms stop": Command.SMS_STOP,
    "client sms start": Command.SMS_START,
}

_AROUND = " \r\n\0"
# Letters of other scripts that look like those of the commands, for saying why only.
_LOOK_ALIKES = str.maketrans("АВСЕНІКМОРТХУасеіорхуѕіоԛԝɡՏ", "ABCEHIKMOPTXYaceiopxysioqwgS")


class Miss(StrEnum):
    """Why a text was no command: a label for counters, never a reason to answer."""

    EMPTY = "empty"
    UNDECODABLE = "undecodable"
    SPACING = "spacing"
    LOOK_ALIKE = "look_alike"
    EXTRA_WORDS = "extra_words"
    UNKNOWN = "unknown"


def parse(text: str) -> Command | None:
    """Return the command that this text is, or None. Never raises."""
    # ASCII first: lower() of other letters may give ASCII (U+212A KELVIN SIGN -> k).
    text = text.strip(_AROUND)
    return COMMANDS.get(text.lower()) if text.isascii() else None


def why_not(text: str) -> Miss:
    """Return which kind of miss this text is; the text must not be a command."""
    words = text.split()
    if not text.strip(_AROUND) or not words:
        return Miss.EMPTY
    folded = " ".join(words).translate(_LOOK_ALIKES).lower()
    if folded in COMMANDS:
        return (
            Miss.SPACING
            if text.isascii() or folded == " ".join(words).lower()
            else (Miss.LOOK_ALIKE)
        )
    if any(command in folded for command in COMMANDS):
        return Miss.EXTRA_WORDS
    return Miss.UNKNOWN
