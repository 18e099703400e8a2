"""Parses a text into a command, or says why it is not one.

The instruction accepts the spellings of the commands and nothing else: exactly these words with one
space between them, in either case. Spaces, CR, LF and NUL around them are what phones and SMS
centres add. Anything else, a look-alike letter or a wide space included, makes it another text, and
other texts get no reply.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from inbound.handlers.definitions import DEFINITIONS
from schemas.events import Command

COMMANDS: Mapping[str, Command] = {
    definition.spelling.lower(): definition.command
    for definition in DEFINITIONS
    if definition.is_accepted
}

_COMMAND_IN_TEXT = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, COMMANDS))})(?!\w)")
_AROUND = " \r\n\0"
# Letters of other scripts that look like those of the commands. Only `why_not` uses them.
_LOOK_ALIKES = str.maketrans("АВСЕНІКМОРТХУасеіорхуѕіоԛԝɡՏ", "ABCEHIKMOPTXYaceiopxysioqwgS")


class NoCommand(StrEnum):
    """Why a text is not a command: a label for counters and notes, never a reason to answer."""

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


def why_not(text: str) -> NoCommand:
    """Return why this text is not a command; call it only for such a text."""
    words = text.split()
    if not text.strip(_AROUND) or not words:
        return NoCommand.EMPTY
    single_spaced = " ".join(words)
    folded = single_spaced.translate(_LOOK_ALIKES).lower()
    if folded in COMMANDS:
        has_look_alikes = not text.isascii() and folded != single_spaced.lower()
        return NoCommand.LOOK_ALIKE if has_look_alikes else NoCommand.SPACING
    if _COMMAND_IN_TEXT.search(folded):
        return NoCommand.EXTRA_WORDS
    return NoCommand.UNKNOWN
