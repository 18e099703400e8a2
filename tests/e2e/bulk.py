"""Broadcasts on the bulk lane, as another service would put them there."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from inbound.gateway.process import new_producer
from inbound.kafka.connection import KafkaConnection
from inbound.keys import VaultCipher
from inbound.store.transactions.postgres import PostgresStore
from schemas.lanes import Lane
from schemas.messages import MobileTerminated, Purpose
from tests.fix_service import VAULT_KEY, Service

TEMPLATE: Final = "stopped"
"""One of the built-in texts: nothing sends others yet."""


async def broadcast(service: Service, numbers: Sequence[str]) -> dict[UUID, str]:
    """Put a broadcast to each number on the bulk lane; return who gets which."""
    hasher = service.hasher
    hashes = {hasher.hash(number): number for number in numbers}
    store = PostgresStore(service.database_url, VaultCipher(VAULT_KEY))
    async with store.transaction() as transaction:
        subjects = await transaction.subjects(hashes)
    await store.close()
    producer = new_producer(KafkaConnection(service.bootstrap))
    await producer.start()
    sent = {}
    try:
        for hash_, subject_id in subjects.items():
            message = MobileTerminated(
                message_id=uuid4(),
                subject_id=subject_id,
                purpose=Purpose.BROADCAST,
                template=TEMPLATE,
                not_after=datetime.now(UTC) + timedelta(hours=1),
            )
            key = hash_.hex().encode()
            await producer.send(service.names.lanes[Lane.BULK], message.to_json(), key=key)
            sent[message.message_id] = hashes[hash_]
        await producer.flush()
    finally:
        await producer.stop()
    return sent
