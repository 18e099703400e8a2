"""The whole service loses its PostgreSQL primary, and goes on with the standby."""

import asyncio
from pathlib import Path

import pytest

from inbound.local.servers.postgres import PostgresServer
from tests import standby
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_servers import SharedKafka
from tests.fix_service import Client, Service, open_service

EACH = 10


@pytest.mark.drill
async def test_a_failover_loses_and_doubles_nothing(
    tmp_path: Path, kafka_server: SharedKafka
) -> None:
    with PostgresServer(tmp_path / "primary") as primary:
        new = standby.copy_of(primary, tmp_path / "standby")
        try:
            await standby.make_synchronous(primary)
            async with open_service(
                tmp_path, lambda name: standby.both(primary, new, database=name),
                kafka_server.bootstrap,
            ) as service:  # fmt: skip
                await fail_over(service, primary, new)
        finally:
            new.stop()


async def fail_over(service: Service, old: PostgresServer, new: PostgresServer) -> None:
    service.revive()
    clients = [Client(number) for number in service.new_numbers(3 * EACH)]
    service.import_clients(clients)

    async def text(some: list[Client]) -> None:
        await asyncio.gather(*(service.text(one.number, "CLIENT info") for one in some))

    await text(clients[:EACH])  # some are being decided, some acknowledged, when it happens
    await asyncio.to_thread(old.kill)
    await text(clients[EACH : 2 * EACH])
    await asyncio.to_thread(standby.promote, new)
    await text(clients[2 * EACH :])
    await service.completed(*(one.number for one in clients))
    for client in clients:
        replies = await service.script.replies(client.number)
        assert replies == [ACKNOWLEDGEMENT, client.registration]
    assert (await service.command("log", "verify")).status == 0
