"""Probes of ports and health URLs on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from inbound.local.ports import LOOPBACK
from inbound.reasons import in_words

if TYPE_CHECKING:
    from inbound.settings import ListenerSettings

_HEADER_BYTES: Final = 16
_ENQUIRE_LINK: Final = struct.pack(">4I", _HEADER_BYTES, 0x15, 0, 1)
"""SMPP 3.4, 4.11.1."""


def url_of(settings: ListenerSettings, port: int) -> str:
    """Return the base URL of the HTTP API or the desk."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.tls_cert else 'http'}://{host}:{port}"


async def accepts(port: int) -> bool:
    """Whether this loopback port accepts connections."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


async def answers_smpp(port: int) -> bool:
    """Whether an SMS centre on this loopback port answers an enquire_link within two seconds.

    Any answer will do: it may refuse what comes before a bind.
    """
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(_ENQUIRE_LINK)
                return len(await reader.read(_HEADER_BYTES)) > 0
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


_ANSWER_S: Final = 2.0
_LONGEST_ANSWER: Final = 64 * 1024


async def answers_ok(url: str) -> bool:
    """Whether this HTTP URL answers 200 within two seconds."""
    return await status_of(url) == HTTPStatus.OK


async def status_of(url: str) -> int | None:
    """Return the status that this HTTP URL answers within two seconds, None without one."""
    try:
        return (await _get(url))[0]
    except (OSError, TimeoutError):
        return None


async def ask_health(url: str) -> str:
    """Return why a health URL does not answer 200 within two seconds, "" if it does."""
    try:
        status, body = await _get(url)
    except (OSError, TimeoutError) as error:
        return f"does not answer: {in_words(error)}"
    if status == HTTPStatus.OK:
        return ""
    with contextlib.suppress(ValueError, LookupError, TypeError):
        return "; ".join(json.loads(body)["reasons"])
    return f"answers {status}"


async def _get(url: str) -> tuple[int | None, bytes]:
    """Return status and body. Raises OSError, or TimeoutError after two seconds."""
    parts = urlsplit(url)
    request = f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n"
    async with asyncio.timeout(_ANSWER_S):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        try:
            writer.write(request.encode("ascii"))
            answer = b""
            while len(answer) < _LONGEST_ANSWER and (more := await reader.read(_LONGEST_ANSWER)):
                answer += more
        finally:
            writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split()[1:2]
    return (int(status[0]) if status and status[0].isdigit() else None), body
