"""Probes of ports and health URLs on this machine."""

import asyncio
import contextlib
import json
import socket
import urllib.error
import urllib.request

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
