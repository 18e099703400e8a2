"""The heartbeat of API, desk and ingress tells of the event loop, not of the database."""

import asyncio
import contextlib

import pytest

from inbound.api import server
from inbound.ops.health import Health
from tests.patience import PATIENCE_S


async def test_a_database_that_hangs_does_not_stop_the_heartbeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    beats = asyncio.Semaphore(0)

    class Heard(Health):
        def beat(self, name: str, within_s: float) -> None:
            super().beat(name, within_s)
            beats.release()

    monkeypatch.setattr(server, "CHECK_EVERY_S", 0.001)
    health = Heard(lambda: now)
    cancelled = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    watch = asyncio.create_task(server.watch_database(health, hang))
    async with asyncio.timeout(PATIENCE_S):
        await beats.acquire()
        now += 2 * server.HEARTBEAT_S
        assert not health.live().ok
        await beats.acquire()
        await beats.acquire()
        assert health.live().ok
    watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watch
    async with asyncio.timeout(PATIENCE_S):
        await cancelled.wait()
