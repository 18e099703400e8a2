"""Asks the provider over HTTPS: JSON alone, bounded in time and size, no redirects."""

import json
import socket
import ssl
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from yarl import URL

from inbound.desk.provider.errors import UNREADABLE, ProviderError

TIMEOUT_S: Final = 5.0
MAX_BYTES: Final = 512 * 1024
_OTHER_HOST: Final = {62, 64}
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
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
        case ssl.SSLError():
            return _tls_fault(cause)
        case socket.gaierror():
            return "the host name is unknown; check SCSERV_OIDC__ISSUER"
        case ConnectionRefusedError():
            return "nothing listens there; check SCSERV_OIDC__ISSUER"
        case TimeoutError():
            return f"there is no answer within {TIMEOUT_S:g} s"
    return type(error).__name__


def _tls_fault(error: ssl.SSLError) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return "it does not answer with TLS 1.2 or newer; check SCSERV_OIDC__ISSUER"
    if error.verify_code in _OTHER_HOST:
        return "its certificate is for another host; check SCSERV_OIDC__ISSUER"
    return f"its certificate is not trusted; check SSL_CERT_FILE ({error.verify_message})"


async def _bounded(stream: aiohttp.StreamReader) -> bytes:
    content = bytearray()
    async for chunk in stream.iter_any():
        content += chunk
        if len(content) > MAX_BYTES:
            raise ValueError("the answer is too long")
    return bytes(content)
