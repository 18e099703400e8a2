"""Gateways that run on a database and a simulated SMS centre."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from inbound.gateway.arrival_storage import Storage
from inbound.gateway.binds import Binds
from inbound.keys import IndexKey, SubjectHasher
from inbound.ops.health import Health
from inbound.settings import Settings, SmppSettings
from inbound.store.bind_reports import BindReports
from inbound.store.receipts.overdue import OverdueReceipts
from schemas.messages import MobileOriginated
from tests.e2e.script import ACCOUNT
from tests.patience import PATIENCE_S
from tests.set_aside import SetAside


class Producer:
    """Takes every text at once."""

    def __init__(self) -> None:
        self.texts: asyncio.Queue[MobileOriginated] = asyncio.Queue()

    async def send(self, _topic: str, value: bytes, *_: Any, **__: Any) -> asyncio.Future[None]:
        self.texts.put_nowait(MobileOriginated.model_validate_json(value))
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stored.set_result(None)
        return stored


@asynccontextmanager
async def gateway(
    name: str, database_url: str, *binds: SmppSettings
) -> AsyncIterator[tuple[Binds, Health, Producer]]:
    settings = Settings(binds=binds)
    producer, health, presence = Producer(), Health(), BindReports(database_url)
    made = Binds(
        settings,
        Storage(producer, SetAside()),
        SubjectHasher(IndexKey(bytes(32))),
        presence,
        OverdueReceipts(database_url),
        health,
        gateway=name,
        oldest_waiting_s=lambda _centre: {},
    )
    running = asyncio.create_task(made.run())
    try:
        yield made, health, producer
    finally:
        await made.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await presence.close()


async def until(condition: Callable[[], bool], why: Callable[[], object]) -> None:
    """Wait for what the binds report: it gives no signal of its own."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"it stayed so: {why()}")


def described(health: Health) -> dict[str, Any]:
    found = health.details().get("binds", {})
    assert isinstance(found, dict)
    return found


def bind(port: int, **fields: Any) -> SmppSettings:
    values: dict[str, Any] = {
        "port": port,
        "system_id": ACCOUNT.system_id,
        "password": SecretStr(ACCOUNT.password),
    }
    return SmppSettings(**(values | {"host": "127.0.0.1", "reconnect_max_s": 0.5} | fields))
