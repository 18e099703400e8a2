"""Where what an SMS centre delivers is stored: Kafka, or dead letters for what Kafka refuses."""

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
"""How long a centre waits for the answer to a message that Kafka refuses."""


class ArrivalRecord(NamedTuple):
    """What is stored of one delivered message; `is_alone` if nothing was in flight with it."""

    id_: UUID
    topic: str
    key: bytes
    value: bytes
    headers: Headers
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class Storage:
    """Kafka's producer, and what stores dead letters; the topics have so many partitions."""

    producer: AIOKafkaProducer
    set_aside: SetAside
    partitions: int = PARTITIONS

    async def send(self, record: ArrivalRecord) -> asyncio.Future[Any]:
        """Return the future of its storing. Blocks while too many records wait for Kafka."""
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
        """Whether Kafka takes a record now; it may have been refused with others."""
        try:
            await (await self.send(record))
        except KafkaError as error:
            if is_refusal(error):
                return False
            raise
        return True
