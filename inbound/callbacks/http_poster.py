"""Posts to the URLs of accounts.

An address is checked when the socket for it is made, after the name was resolved: whatever a name
server answers the second time, only a checked address is connected to. Redirects are not followed.
Answers are not read.
"""

import socket
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver
from typing_extensions import override
from yarl import URL

from inbound.callbacks.posting import CallbackFailed, Poster
from inbound.callbacks.public_addresses import is_public
from inbound.tls_faults import tls_words

TIMEOUT_S: Final = 10.0
LONGEST_WISH: Final = timedelta(days=1)
"""The longest `Retry-After` that is obeyed."""

_DIGITS_OF_PAUSE: Final = 10


class PrivateAddressError(OSError):
    """The name leads to an address that is not public."""


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
        except ValueError:  # such is the UnicodeError of a name that can't be looked up
            raise CallbackFailed("the URL can't be called; set another one") from None
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


def _reason(error: Exception) -> str:
    """Return why a call failed, in words that hold neither URL nor answer."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and len(causes) < 10:
        causes.append(cause)
    if any(isinstance(one, PrivateAddressError) for one in causes):
        return "the name leads to an address that is not public"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name is not known"
    if isinstance(error, aiohttp.ClientConnectorError):
        return tls_words(error.os_error) or "no connection"
    if isinstance(error, OSError):
        return "no connection"
    return "no valid answer"
