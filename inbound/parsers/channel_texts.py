r"""Texts of channels, as programs of SMSC write them: the channel stands before the text. Pure.

    __MAIL__: <text>\nsubj:<subject>      __CALL__: <text>\nvoice:<voice>
    __MMS__: <text>\nsubj:<subject>       __BOT__: <text>\nbot:@<bot>
    __VIBER__: <text>   __SOC__: <text>   __HLR__   __PING__

An order of a channel has its text in this form, which is also what an SMS centre that offers the
channel is sent.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from schemas.channels import Channel

LONGEST_OPTION: Final = 200

_PREFIX: Final = re.compile(rf"__({'|'.join(one.value.upper() for one in Channel)})__")
_LIKE_PREFIX: Final = re.compile(_PREFIX.pattern, re.IGNORECASE)
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cn", "Mn"})
"""General categories of characters that may show nothing."""
_FILLERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that show nothing."""
_OPTION_OF: Final = {
    Channel.MAIL: "subj",
    Channel.MMS: "subj",
    Channel.CALL: "voice",
    Channel.BOT: "bot",
}
_TEXTLESS: Final = frozenset({Channel.HLR, Channel.PING})

UNDIVIDED: Final = frozenset({Channel.MAIL, Channel.BOT, *_TEXTLESS})
"""Channels whose messages count as one part, however long they are."""


class ChannelTextError(ValueError):
    """A text begins like that of a channel but is malformed. str() quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class ChannelText:
    """A message of a channel. `option` is its subject, voice or bot; "" if none is named."""

    channel: Channel
    text: str = field(default="", repr=False)
    option: str = field(default="", repr=False)

    def written(self) -> str:
        """Return it in its written form."""
        prefix = f"__{self.channel.value.upper()}__"
        if self.channel in _TEXTLESS:
            return prefix
        name = _OPTION_OF.get(self.channel)
        return f"{prefix}: {self.text}" + (f"\n{name}:{self.option}" if self.option else "")


def begins_with_channel(text: str) -> bool:
    """Whether a text begins with the name of a channel, whatever follows."""
    return _PREFIX.match(text) is not None


def may_become_channel(text: str) -> bool:
    """Whether an SMS centre might take an ordinary text for that of a channel.

    Centres may ignore what is invisible before the name or within it, and the case of its letters.
    """
    if "_" not in text:  # most texts: looking at each character takes a while
        return False
    visible = "".join(one for one in text if not _is_invisible(one))
    return _LIKE_PREFIX.match(visible.lstrip()) is not None


def _is_invisible(character: str) -> bool:
    return character in _FILLERS or unicodedata.category(character) in _INVISIBLE


def readable(text: str, channel: Channel | None) -> str:
    """Return what the recipient reads of the text of an order: "" of a question to the network."""
    if channel is None:
        return text
    parsed = parse_channel_text(text)
    return text if parsed is None else parsed.text


def parse_channel_text(written: str) -> ChannelText | None:
    """Return the message of a channel; None for an ordinary text. Raises ChannelTextError."""
    found = _PREFIX.match(written)
    if found is None:
        return None
    channel = Channel(found[1].lower())
    rest = written[found.end() :]
    if channel in _TEXTLESS:
        if rest.strip():
            raise ChannelTextError("this channel takes no text")
        return ChannelText(channel)
    if not rest.startswith(":"):
        raise ChannelTextError("there is no colon after the channel")
    text, option = rest[1:].removeprefix(" "), ""
    if name := _OPTION_OF.get(channel):
        before, mark, after = text.rpartition(f"\n{name}:")
        if mark and "\n" not in after.strip():
            text, option = before, after.strip()
    if len(option) > LONGEST_OPTION or not (option.isprintable() or not option):
        raise ChannelTextError("the line after the text is too long, or no line")
    if not text.strip():
        raise ChannelTextError("there is no text")
    return ChannelText(channel, text, option)
