"""The ingress process: every listener that is switched on."""

import asyncio
from collections.abc import Awaitable, Callable

from inbound.api.server import HttpServer
from inbound.clock import utc_now
from inbound.ingress.http import make_http, refuse_unread
from inbound.ingress.parts import OpenParts, Parts
from inbound.ingress.smpp.wiring import run_smpp_server
from inbound.ingress.smsc.mail_server import SmtpServer
from inbound.keys import IndexKey
from inbound.ops.health import Health
from inbound.ops.heartbeat import beat
from inbound.settings import Settings

Listen = Callable[[], Awaitable[None]]


async def run_ingress(settings: Settings, index_key: IndexKey, health: Health) -> None:
    """Serve until cancelled. Raises SetupError when a listener can't open its port."""
    opened = OpenParts(settings, index_key, utc_now)
    try:
        async with asyncio.TaskGroup() as group:
            for run in _listeners(settings, health, opened.parts):
                group.create_task(_run(run))
    finally:
        await opened.close()


def _listeners(settings: Settings, health: Health, parts: Parts) -> list[Listen]:
    """Return what runs until it is cancelled: a listener each, and the heartbeat."""
    listeners: list[Listen] = []
    if settings.ingress.on:
        app = make_http(parts, settings.ingress)
        server = HttpServer(app, settings.ingress, health, refuse=refuse_unread)
        listeners.append(server.run)
    if settings.smtp_server.on:
        listeners.append(SmtpServer(parts, settings.smtp_server).run)
    if settings.smpp_server.on:
        listeners.append(lambda: run_smpp_server(settings, health, parts))
    return [*listeners, lambda: _report(health)]


async def _report(health: Health) -> None:
    """Report that the listeners, which began before, have their ports; then beat.

    Those of SMPP need the database first, and have a condition of their own.
    """
    health.set("listening", ok=True)
    await beat(health)


async def _run(listener: Listen) -> None:
    await listener()
