"""Whether Kafka answers, when it was not learned in time what waits there.

A client needs several round trips over two connections for that, and a busy machine may be too slow
for them. That is no outage: one answer to one connection shows it.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from inbound.daemon_threads import to_daemon_thread
from inbound.errors import SetupError
from inbound.kafka import availability
from inbound.kafka.connection import KafkaConnection

LOOK_WITHIN_S: Final = 2.5


@dataclass(frozen=True, slots=True)
class KafkaTrouble:
    """Why Kafka can't be used. `is_refusal`: it answers, so waiting doesn't help."""

    reason: str
    is_refusal: bool = False


async def find_trouble(
    kafka: KafkaConnection, within_s: float = LOOK_WITHIN_S
) -> KafkaTrouble | None:
    """Return why Kafka can't be used, None if it answers. Blocks for `within_s` at most."""
    try:
        async with asyncio.timeout(within_s):
            found = await to_daemon_thread(availability.problem, kafka)
    except TimeoutError:
        found = f"no answer within {within_s:g} s"
    except SetupError as error:
        return KafkaTrouble(str(error), is_refusal=True)
    return KafkaTrouble(f"no Kafka at {kafka}: {found}") if found else None
