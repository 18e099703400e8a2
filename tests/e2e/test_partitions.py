"""A service whose topics have more partitions than usual."""

import asyncio
from collections.abc import Mapping

import pytest

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from schemas.partitions import partition_of
from schemas.topics import PARTITIONS
from tests.fix_service import Client, Service, eventually
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHOSEN = 2 * PARTITIONS
MORE = 3 * PARTITIONS


@pytest.fixture(scope="module")
def service_environment() -> Mapping[str, str]:
    return {"SCSERV_KAFKA_PARTITIONS": str(CHOSEN)}


def new_client(service: Service, partitions: int, first: int) -> Client:
    """Return a client whose texts go to partition `first` or a later one of so many."""
    while True:
        client = service.new_client()
        if partition_of(service.key_of(client.number), partitions) >= first:
            return client


def places(service: Service, topic: str) -> dict[bytes, set[int]]:
    """Return the partitions of each key."""
    found: dict[bytes, set[int]] = {}
    for record in service.records(topic):
        found.setdefault(record.key, set()).add(record.partition)
    return found


async def test_a_person_has_the_same_partition_in_every_topic(service: Service) -> None:
    clients = [service.new_client() for _ in range(11)] + [new_client(service, CHOSEN, PARTITIONS)]
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


@pytest.mark.drill
async def test_the_number_changes_as_the_guide_says(service: Service) -> None:
    before, after = service.new_client(), new_client(service, MORE, CHOSEN)
    await service.text(before.number, "CLIENT sms stop")
    await service.script.replies(before.number)
    await service.completed(before.number)
    # docs/SCALING.md, "Changing the number of partitions".
    await service.stop(service.one("gateway"))
    service.extra_environment["SCSERV_SMPP__TYPE"] = "transmitter"
    await service.start("gateway")
    kept = service.deliver(after.number, "CLIENT sms stop")
    status = await service.command("status")
    assert "No bind receives: all are transmitters." in status.out, status.err
    for one in tuple(service.running):
        await service.stop(one)
    kafka = KafkaConnection(service.bootstrap)
    names = [spec.name for spec in service.names.specs() if spec.name != service.names.log_heads]
    await asyncio.to_thread(admin.delete, kafka, names)
    service.execute("UPDATE outbox_cursors SET position = 0 WHERE feed = 'events'")
    service.extra_environment["SCSERV_KAFKA_PARTITIONS"] = str(MORE)
    async with asyncio.timeout(PATIENCE_S):
        while (await service.command("topics", "apply")).status:
            pass  # Kafka deletes topics in the background
    del service.extra_environment["SCSERV_SMPP__TYPE"]
    assert not kept.done(), "a transmitter received a text"
    await service.start()
    assert len(await service.script.replies(after.number)) == 2
    await service.completed(after.number)
    await service.stop(service.one("relay"))
    found = await service.command("log", "verify", "--kafka")
    assert found.status == 0, found.err
    events = await asyncio.to_thread(service.records, service.names.events)
    assert len(events) == len(service.events())
    assert all(one.partition == partition_of(one.key, MORE) for one in events)
    texts = await asyncio.to_thread(places, service, service.names.mo)
    assert min(texts[service.key_of(after.number)]) >= CHOSEN
    assert len([one for one in service.script.submitted if one.number == before.number]) == 2
