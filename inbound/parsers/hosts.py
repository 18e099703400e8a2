"""Hosts as operators write them: an IP address, or a name that can be looked up. Pure."""

import ipaddress
import re
from typing import Final

_LONGEST: Final = 253
_NAME: Final = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}")


def is_host(text: str) -> bool:
    """Whether a text is an IP address or a name (RFC 1035, 2.3.4; RFC 5890), also with a last dot.

    Looking any other text up raises UnicodeError, which is no OSError, or finds another name.
    """
    if not text.isprintable():
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return _is_name(text.removesuffix("."))
    return True


def _is_name(text: str) -> bool:
    try:
        name = text.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    return len(name) <= _LONGEST and _NAME.fullmatch(name) is not None
