"""The port for calls to the URLs of accounts, which must not lead into our own network.

The checks here precede the resolution of a name; `http_poster.py` makes the calls.
"""

import ipaddress
import socket
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Protocol

from yarl import URL

from inbound.callbacks.public_addresses import is_public
from inbound.errors import ScservError, SetupError
from inbound.parsers.hosts import is_host

LONGEST_URL: Final = 2000


class CallbackFailed(ScservError):  # noqa: N818  says what is the case
    """A call failed; the text says why, without the URL.

    `is_final`: the receiver wants no more calls, or this one can't be made. `retry_after`: it asks
    for that long a pause.
    """

    def __init__(
        self, why: str, *, is_final: bool = False, retry_after: timedelta = timedelta()
    ) -> None:
        super().__init__(why)
        self.is_final = is_final
        self.retry_after = retry_after


class Poster(Protocol):
    """Makes calls."""

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, private_allowed: bool
    ) -> None:
        """Post, and return when the answer is a success (2xx). Raises CallbackFailed."""
        ...


def check_url(text: str, *, private_allowed: bool) -> str:
    """Return a URL that may be called. Raises SetupError.

    Without TLS only in private networks.
    """
    if " " in text or not text.isprintable():
        raise SetupError("URL: leave out blanks, line breaks and control characters")
    try:
        url = URL(text)
        host, port = url.raw_host, url.port
    except ValueError:
        raise SetupError("URL: not a URL; write it like https://example.org/sms") from None
    schemes = {"https", "http"} if private_allowed else {"https"}
    if url.scheme not in schemes or not host or not port:
        raise SetupError(
            "URL: write it like https://example.org/sms; http:// needs --allow-private"
        )
    if url.user or url.password or url.fragment or len(text) > LONGEST_URL:
        raise SetupError(
            f"URL: leave out user, password and fragment; at most {LONGEST_URL} characters"
        )
    if not is_host(host):
        raise SetupError("URL: not a valid host name; write it like https://example.org/sms")
    if _is_unusual_address(host):
        raise SetupError("URL: write the address with four numbers, or a name")
    if not private_allowed and _is_private_literal(host):
        raise SetupError("URL: the address is not public; private ones need --allow-private")
    return text


def _is_private_literal(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        name = host.removesuffix(".")
        return name == "localhost" or name.endswith(".localhost")


def _is_unusual_address(host: str) -> bool:
    """Whether a host is an IPv4 address in a form that only some programs read: 127.1, 0x7f.1."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            socket.inet_aton(host.removesuffix("."))
        except OSError:
            return False
        return True
    return False
