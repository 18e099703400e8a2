"""Stores what an SMS centre delivers: in Kafka, or as a dead letter if Kafka refuses it."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from inbound.deadletter.letters import refused_letter
from inbound.deadletter.writing import SetAside
from inbound.kafka.batching import is_refusal
from schemas.cloudevents import Headers
from schemas.topics import PARTITIONS

SET_ASIDE_WITHIN_S: Final = 5.0
"""How long a centre waits at most for the answer to a message that Kafka refuses."""


class ArrivalRecord(NamedTuple):
    """The record of one delivered message; `is_alone` if no other was in flight with it."""

    id_: UUID
    topic: str
    key: bytes
    value: bytes
    headers: Headers
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class Storage:
    """Kafka's producer and the store of dead letters; `partitions` is how many the topics have."""

    producer: AIOKafkaProducer
    set_aside: SetAside
    partitions: int = PARTITIONS

    async def send(self, record: ArrivalRecord) -> asyncio.Future[Any]:
        """Return a future that is done once it is stored.

        Blocks while too many records wait for Kafka.
        """
        stored: asyncio.Future[Any] = await self.producer.send(
            record.topic, record.value, record.key, headers=record.headers
        )
        return stored

    async def keep(self, record: ArrivalRecord, refusal: BaseException) -> None:
        """Store a record that Kafka has refused: alone, or else as a dead letter.

        Raises TimeoutError after `SET_ASIDE_WITHIN_S`, and what Kafka or the database raises.
        """
        async with asyncio.timeout(SET_ASIDE_WITHIN_S):
            if not record.is_alone and await self._takes_alone(record):
                return
            letter = refused_letter(
                record.topic, record.key, record.value, record.headers, refusal, id_=record.id_
            )
            await self.set_aside([letter])

    async def _takes_alone(self, record: ArrivalRecord) -> bool:
        """Whether Kafka accepts a record now; it may have been refused because of another one."""
        try:
            await (await self.send(record))
        except KafkaError as error:
            if is_refusal(error):
                return False
            raise
        return True
