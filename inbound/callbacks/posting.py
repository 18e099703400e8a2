"""Posts to the URLs of accounts, which must not lead into our own network.

An address is checked where the socket for it is made, after the name was resolved: whatever a
name server answers the second time, only an address that was checked is connected to. Redirects
are not followed. Answers are not read.
"""

import ipaddress
import socket
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Final, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver
from typing_extensions import override
from yarl import URL

from inbound.errors import ScservError, SetupError

TIMEOUT_S: Final = 10.0
LONGEST_URL: Final = 2000
LONGEST_WISH: Final = timedelta(days=1)
"""No `Retry-After` holds calls up for longer."""

_DIGITS_OF_PAUSE: Final = 10


class CallbackFailed(ScservError):  # noqa: N818  says what is the case
    """A call was not taken; the text says why, without the URL.

    `is_final`: the receiver wants no more calls. `retry_after`: it asks for that long a pause.
    """

    def __init__(
        self, why: str, *, is_final: bool = False, retry_after: timedelta = timedelta()
    ) -> None:
        super().__init__(why)
        self.is_final = is_final
        self.retry_after = retry_after


class PrivateAddressError(OSError):
    """The name leads to an address that is not public."""


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
    try:
        url = URL(text)
        host, port = url.host, url.port
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
    if _is_unusual_address(host):
        raise SetupError("URL: write the address with four numbers, or a name")
    if not private_allowed and _is_private_literal(host):
        raise SetupError("URL: the address is not public; private ones need --allow-private")
    return text


def is_public(address: str) -> bool:
    """Whether an address is on the public Internet."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        embedded = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        # 64:ff9b::/96 (RFC 6052) leads through a translator to an IPv4 address.
        if parsed in _NAT64:
            embedded = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if embedded is not None and not is_public(str(embedded)):
            return False
        if parsed.ipv4_mapped is not None:
            return True
    return parsed.is_global and not parsed.is_multicast


_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class HttpPoster(Poster):
    """Posts with aiohttp; one connection for each call. `close` it at the end."""

    def __init__(
        self, resolver: AbstractResolver | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        """Open nothing yet. `resolver` takes the place of the system's."""
        self._resolver = resolver
        self._timeout_s = timeout_s

    @override
    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, private_allowed: bool
    ) -> None:
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            use_dns_cache=False,
            force_close=True,
            socket_factory=_any_socket if private_allowed else _public_socket,
        )
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, timeout=timeout, trust_env=False, auto_decompress=False
                ) as session,
                session.post(
                    URL(url),
                    data=body,
                    headers={"Content-Type": "application/json", "User-Agent": "scserv", **headers},
                    allow_redirects=False,
                ) as answer,
            ):
                status, pause = answer.status, answer.headers.get("Retry-After", "")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise CallbackFailed(_reason(error)) from None
        if not 200 <= status < 300:
            raise _not_taken(status, pause)


def _not_taken(status: int, pause: str) -> CallbackFailed:
    """Return what an answer other than 2xx means (Standard Webhooks 1.0, "Webhook responses")."""
    said = f"answered {status}"
    if status == HTTPStatus.GONE:
        return CallbackFailed(f"{said}: this call is not repeated", is_final=True)
    if 300 <= status < 400:
        return CallbackFailed(f"{said}, and redirects are not followed")
    asked = timedelta()
    if pause.isascii() and pause.isdecimal() and len(pause) < _DIGITS_OF_PAUSE:
        asked = min(timedelta(seconds=int(pause)), LONGEST_WISH)
    return CallbackFailed(said, retry_after=asked)


def _public_socket(info: aiohttp.AddrInfoType) -> socket.socket:
    """Make the socket for an address. Raises PrivateAddressError."""
    address = str(info[4][0])
    if not is_public(address):
        raise PrivateAddressError("the name leads to an address that is not public")
    return _any_socket(info)


def _any_socket(info: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = info
    return socket.socket(family, kind, protocol)


def _is_private_literal(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_unusual_address(host: str) -> bool:
    """Whether a host is an IPv4 address in a form that only some programs read: 127.1, 0x7f.1."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            socket.inet_aton(host)
        except OSError:
            return False
        return True
    return False


def _reason(error: Exception) -> str:
    """Return why a call failed, in words that hold neither URL nor answer."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and len(causes) < 10:
        causes.append(cause)
    if any(isinstance(one, PrivateAddressError) for one in causes):
        return "the name leads to an address that is not public"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "the certificate is not valid"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name is not known"
    if isinstance(error, aiohttp.ClientConnectorError | OSError):
        return "no connection"
    return "no valid answer"
