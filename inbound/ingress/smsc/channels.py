"""SMSC's flags for channels: `mail=1`, `bot=@name`, `hlr=1` and so on."""

from collections.abc import Mapping
from typing import Final

from inbound.ingress.smsc.answers import SmscError
from inbound.ingress.smsc.codes import ErrorCode
from inbound.ingress.smsc.values import OFF, choose
from inbound.parsers.channel_texts import ChannelText, ChannelTextError, parse_channel_text
from schemas.channels import Channel

FLAGS: Final = (*("flash", "push", "bin"), *(one.value for one in Channel))
"""Flags that ask for something else than a text message."""

_OPTION_OF: Final = {
    Channel.MAIL: "subj",
    Channel.MMS: "subj",
    Channel.CALL: "voice",
    Channel.BOT: "bot",
}
_ON: Final = "1"


def channel_of(fields: Mapping[str, str], offered: frozenset[Channel]) -> Channel | None:
    """Return the channel that the flags ask for. Raises SmscError for one that isn't offered."""
    flags = [name for name in FLAGS if fields.get(name, "") not in OFF]
    if not flags:
        return None
    if len(flags) > 1 or flags[0] not in offered:
        raise SmscError(ErrorCode.PARAMETERS, "this channel is not available")
    channel = Channel(flags[0])
    if channel is not Channel.BOT:  # whose flag may name the bot
        choose(fields, channel.value, {_ON})
    return channel


def written(channel: Channel, text: str, fields: Mapping[str, str]) -> str:
    """Return the text of an order of a channel. Raises SmscError for what has not its form."""
    option = fields.get(_OPTION_OF.get(channel, ""), "").strip()
    if channel is Channel.BOT and option == _ON:
        option = ""
    message = ChannelText(channel, text, option)
    try:
        if parse_channel_text(message.written()) == message:
            return message.written()
    except ChannelTextError:
        pass
    raise SmscError(ErrorCode.PARAMETERS)
