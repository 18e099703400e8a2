"""Addresses to which channels send instead of the number. Pure.

Only plain addresses are accepted: characters with a special meaning in a mail's header or in SMTP
commands can't be in one.
"""

import re
from typing import Final

from schemas.channels import Channel

ADDRESSED: Final = frozenset({Channel.MAIL, Channel.BOT})
"""The channels that don't send to the number."""

LONGEST_ADDRESS: Final = 254
"""The longest mailbox in a path (RFC 5321, 4.5.3.1.3, less the angle brackets)."""

_LONGEST_LOCAL: Final = 64
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_CHAT: Final = re.compile(r"-?[1-9][0-9]{0,18}")


class ChannelAddressError(ValueError):
    """A text is no address of its channel. str() quotes nothing of it."""


def parse_address(channel: Channel, written: str) -> str:
    """Return an address of a channel as it is stored. Raises ChannelAddressError."""
    text = written.strip()
    if channel is Channel.MAIL:
        return _mailbox(text)
    if channel is Channel.BOT:
        if not _CHAT.fullmatch(text):
            raise ChannelAddressError("has to be the id of a chat, a whole number")
        return text
    raise ChannelAddressError("this channel sends to numbers")


def _mailbox(text: str) -> str:
    """Return a mailbox with its domain in small ASCII letters (RFC 5321, 4.1.2; RFC 5890)."""
    local, _, domain = text.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        domain = ""
    mailbox = f"{local}@{domain}"
    fits = len(local) <= _LONGEST_LOCAL and len(mailbox) <= LONGEST_ADDRESS
    if not (fits and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise ChannelAddressError("has to be an e-mail address like anna@example.org")
    return mailbox
