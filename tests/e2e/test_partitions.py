"""A service whose topics have more partitions than usual."""

import asyncio
from collections.abc import Mapping

import pytest

from schemas.topics import PARTITIONS
from tests.fix_service import Service, eventually
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHOSEN = 2 * PARTITIONS


@pytest.fixture(scope="module")
def service_environment() -> Mapping[str, str]:
    return {"SCSERV_KAFKA_PARTITIONS": str(CHOSEN)}


def places(service: Service, topic: str) -> dict[bytes, set[int]]:
    """Return the partitions of each key."""
    found: dict[bytes, set[int]] = {}
    for record in service.records(topic):
        found.setdefault(record.key, set()).add(record.partition)
    return found


async def test_a_person_has_the_same_partition_in_every_topic(service: Service) -> None:
    clients = [service.new_client() for _ in range(12)]
    for client in clients:
        await service.text(client.number, "CLIENT sms stop")
    for client in clients:
        await service.script.replies(client.number)
    await service.completed(*(client.number for client in clients))
    keys = {service.key_of(client.number) for client in clients}
    of_texts = await asyncio.to_thread(places, service, service.names.mo)
    of_replies = await asyncio.to_thread(places, service, service.names.mt_urgent)
    assert of_texts.keys() >= keys
    assert {key: of_texts[key] for key in keys} == {key: of_replies[key] for key in keys}
    assert all(len(found) == 1 for found in of_texts.values())
    assert max(max(found) for found in of_texts.values()) >= PARTITIONS


async def test_receipts_find_their_messages(service: Service) -> None:
    client = service.new_client()
    async with service.phone(client.number) as phone, asyncio.timeout(PATIENCE_S):
        await phone.text("CLIENT sms stop")
        await phone.receive()
        await phone.receive()
    await eventually(
        lambda: sum(one.type == "message.delivered" for one in service.events(client.number)) == 2,
        lambda: "both replies are reported as delivered",
    )


async def test_the_log_and_its_copy_in_kafka_fit(service: Service) -> None:
    found = await service.command("log", "verify", "--kafka")
    assert found.status == 0, found.err
