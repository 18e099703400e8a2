"""A client that runs against a scripted centre."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace

from inbound.smpp.bind_health import BindHealth
from inbound.smpp.bind_settings import BindSettings
from inbound.smpp.esme import Esme
from tests.patience import PATIENCE_S
from tests.unit.smpp.peer import Peer, no_requests, peers

SETTINGS = BindSettings(
    "127.0.0.1",
    0,
    "scserv",
    "sesame12",
    name="south-1",
    window=2,
    enquire_link_s=0,
    response_timeout_s=PATIENCE_S,
    reconnect_min_s=0.001,
    reconnect_max_s=0.002,
)


@asynccontextmanager
async def running(
    settings: BindSettings = SETTINGS,
    on_change: Callable[[BindHealth], None] = lambda _: None,
    admit: Callable[[], Coroutine[None, None, None]] | None = None,
) -> AsyncIterator[tuple[Esme, asyncio.Queue[Peer]]]:
    async with peers() as (port, connections):
        esme = Esme(replace(settings, port=port), no_requests, on_change=on_change, admit=admit)
        task = asyncio.create_task(esme.run())
        try:
            yield esme, connections
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
