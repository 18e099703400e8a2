"""Probes of ports and health URLs on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from inbound.settings import ListenerSettings

LOOPBACK = "127.0.0.1"


def url_of(settings: ListenerSettings, port: int) -> str:
    """Return the base URL of the HTTP API or the desk."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.tls_cert else 'http'}://{host}:{port}"


def free_port(wanted: int = 0) -> int:
    """Return `wanted` if that loopback port is free, else another free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError:
            return free_port()
        port: int = probe.getsockname()[1]
        return port


async def accepts(port: int) -> bool:
    """Whether this loopback port accepts connections."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


def ask_health(url: str) -> str:
    """Return why a health URL does not answer 200, "" if it does. Blocks up to 2 s."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 — http, made here
            return ""
    except urllib.error.HTTPError as error:
        with contextlib.suppress(ValueError, LookupError):
            return "; ".join(json.loads(error.read())["reasons"])
        return f"answers {error.code}"
    except OSError as error:
        return f"does not answer: {getattr(error, 'reason', error)}"


_ANSWER_S: Final = 2.0


async def answers_ok(url: str) -> bool:
    """Whether this HTTP URL answers 200 within two seconds."""
    return await status_of(url) == HTTPStatus.OK


async def status_of(url: str) -> int | None:
    """Return the status that this HTTP URL answers within two seconds, None without one."""
    parts = urlsplit(url)
    request = f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n"
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
            try:
                writer.write(request.encode("ascii"))
                status_line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    status = status_line.split()[1:2]
    return int(status[0]) if status and status[0].isdigit() else None
