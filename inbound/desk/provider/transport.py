"""Asks the provider over HTTPS: JSON alone, bounded in time and size, no redirects."""

import json
import socket
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from yarl import URL

from inbound.desk.provider.errors import UNREADABLE, ProviderError
from inbound.tls_faults import TlsFault, tls_words

TIMEOUT_S: Final = 5.0
MAX_BYTES: Final = 512 * 1024
_CHECKS: Final[Mapping[TlsFault, str]] = {
    TlsFault.OTHER_HOST: "check SCSERV_OIDC__ISSUER",
    TlsFault.UNTRUSTED: "check SSL_CERT_FILE",
    TlsFault.NO_TLS: "check SCSERV_OIDC__ISSUER",
    TlsFault.BROKEN_OFF: "check SCSERV_OIDC__ISSUER",
}
_HEADERS: Final = {"Accept": "application/json", "User-Agent": "scserv"}


async def get_json(url: str) -> Mapping[str, Any]:
    """Return the JSON object at an address. Raises ProviderError after 5 s at the latest."""
    return await _ask("GET", url, {}, None)


async def post_form(url: str, headers: Mapping[str, str], body: str) -> Mapping[str, Any]:
    """Send a form and return the JSON object of the answer. Raises ProviderError.

    An answer of 400 or 401 with an `error` (RFC 6749, section 5.2) is returned, too.
    """
    return await _ask("POST", url, headers, body)


async def _ask(
    method: str, url: str, headers: Mapping[str, str], body: str | None
) -> Mapping[str, Any]:
    host = "the provider"
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        target = URL(url)
        host = target.host or host
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.request(
                method,
                target,
                data=body,
                headers={**_HEADERS, **headers},
                allow_redirects=False,
            ) as answer,
        ):
            content = await _bounded(answer.content)
            status = answer.status
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # The text of such an error may have the address with its query.
        raise ProviderError(f"{host} can't be asked: {_why(error)}") from None
    try:
        found = json.loads(content)
    except UNREADABLE:
        found = None
    is_refusal = body is not None and status in {400, 401} and isinstance(found, dict)
    if status != 200 and not (is_refusal and "error" in found):
        raise ProviderError(f"{host} has answered {status}")
    if not isinstance(found, dict):
        raise ProviderError(f"{host} has answered no JSON object")
    return found


def _why(error: Exception) -> str:
    """Return why there is no answer, in words, and what to check."""
    cause: Exception = error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
    match cause:
        case OSError() if fault := tls_words(cause, _CHECKS):
            return fault
        case socket.gaierror():
            return "the host name is unknown; check SCSERV_OIDC__ISSUER"
        case ConnectionRefusedError():
            return "nothing listens there; check SCSERV_OIDC__ISSUER"
        case TimeoutError():
            return f"there is no answer within {TIMEOUT_S:g} s"
    return type(error).__name__


async def _bounded(stream: aiohttp.StreamReader) -> bytes:
    content = bytearray()
    async for chunk in stream.iter_any():
        content += chunk
        if len(content) > MAX_BYTES:
            raise ValueError("the answer is too long")
    return bytes(content)
