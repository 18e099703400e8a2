"""`python -m tests.bench.lanes`: acknowledgements while a million broadcasts are queued.

The bulk lane is filled before the service starts. The SMSC accepts 30 PDUs per second, throttles a
tenth and cuts the link twice, while clients text at a steady rate. Prints one JSON object: the
latency of acknowledgements, how many took over 120 s, and the memory growth of the gateway.
"""

import argparse
import asyncio
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from inbound.gateway.process import new_producer
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.keys import SubjectHasher, VaultCipher
from inbound.smpp.pdu import RequestPdu, ResponsePdu, SubmitSm
from inbound.smpp.session import Session
from inbound.smpp.status import Status
from inbound.store.migrations.runner import migrate
from inbound.store.transactions.postgres import PostgresStore
from schemas.messages import MobileTerminated, Purpose
from schemas.topics import MT_BULK, TOPICS
from tests.bench.__main__ import free_port, load_directory, numbers, quantile, say
from tests.bench.load import LoadSmsc
from tests.bench.processes import KEY, ProcessUsages, environment, index_key, roles, servers

RATE = 30
ROLES = ("gateway", "worker", "relay")


class ThrottlingSmsc(LoadSmsc):
    """Throttles a tenth of all messages, chosen by a fixed seed."""

    def __init__(self, window: int) -> None:
        super().__init__(window)
        self._draw = Random(4)
        self.throttled = 0
        self.bulk = 0

    async def _on_request(self, request: RequestPdu[Any], session: Session) -> ResponsePdu:
        if isinstance(request, SubmitSm) and self._draw.random() < 0.1:
            self.throttled += 1
            refusal: ResponsePdu = request.answer(Status.ESME_RTHROTTLED)
            return refusal
        if isinstance(request, SubmitSm) and request.destination_addr not in self.run.sent_at:
            self.bulk += 1
            taken = request.answer()
            taken.message_id = "b"
            return taken
        return await super()._on_request(request, session)

    def cut(self) -> None:
        """Cut the link."""
        if self._session is not None:
            self._session.abort("cut by the benchmark")


def main() -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bulk", type=int, default=1_000_000)
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--per-second", type=float, default=2.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scserv-lanes-") as folder:
        found = lanes(Path(folder), options.bulk, options.texts, options.per_second)
    print(json.dumps(found))


def lanes(folder: Path, bulk: int, texts: int, per_second: float) -> dict[str, object]:
    """Start everything, load it, and return the figures. Blocks for some minutes."""
    say("starting PostgreSQL and Kafka")
    with servers(folder) as (postgres, kafka):
        admin.apply(KafkaConnection(kafka.bootstrap), TOPICS, 1)
        migrate(postgres.url())
        people = numbers(texts)
        load_directory(folder, people, postgres.url())
        port = free_port()
        settings = environment(postgres, kafka, port, 50) | {"SCSERV_SMPP__RATE": str(RATE)}
        return asyncio.run(_measure(folder, settings, port, bulk, people, per_second))


async def fill(database_url: str, bootstrap: str, count: int) -> None:
    """Publish broadcasts to a thousand subjects on the bulk lane."""
    hasher = SubjectHasher(index_key(database_url))
    people = {hasher.hash(number): number for number in (f"+7925{n:07d}" for n in range(1000))}
    store = PostgresStore(database_url, VaultCipher(bytes.fromhex(KEY)))
    async with store.transaction() as transaction:
        subjects = list((await transaction.subjects(people)).items())
    await store.close()
    producer = new_producer(KafkaConnection(bootstrap))
    await producer.start()
    later = datetime.now(UTC) + timedelta(days=1)
    sent = []
    for n in range(count):
        number_hash, subject_id = subjects[n % len(subjects)]
        message = MobileTerminated(
            message_id=uuid4(),
            subject_id=subject_id,
            purpose=Purpose.BROADCAST,
            template="stopped",
            not_after=later,
        )
        key_ = number_hash.hex().encode()
        sent.append(await producer.send(MT_BULK, message.to_json(), key=key_))
        if len(sent) == 5000:
            await asyncio.gather(*sent)
            sent.clear()
    await asyncio.gather(*sent)
    await producer.stop()


async def _measure(
    folder: Path,
    settings: dict[str, str],
    port: int,
    bulk: int,
    people: list[str],
    per_second: float,
) -> dict[str, object]:
    bootstrap = settings["SCSERV_KAFKA_BOOTSTRAP_SERVERS"]
    say(f"filling the bulk lane with {bulk}")
    await fill(settings["SCSERV_DATABASE_URL"], bootstrap, bulk)
    centre = ThrottlingSmsc(50)
    await centre.start(port)
    context = roles(folder, settings, {role: free_port() for role in ROLES})
    pids = await asyncio.to_thread(context.__enter__)
    measured = ProcessUsages(pids)
    try:
        await centre.bound()
        before = measured.usage()
        expected_s = len(people) / per_second
        say(f"{len(people)} texts at {per_second:g} a second, {expected_s:.0f} s")
        begin = time.monotonic()
        texting = asyncio.create_task(centre.text(people, b"CLIENT sms stop", per_second))
        for share in (1 / 3, 2 / 3):
            await asyncio.sleep(max(0.0, begin + share * expected_s - time.monotonic()))
            say("cutting the link")
            centre.cut()
        run = await asyncio.wait_for(texting, expected_s + 150)
        took_s = time.monotonic() - begin
        latencies, after = run.latencies(), measured.usage()
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        await centre.stop()
    return {
        "bulk_queued": bulk,
        "bulk_sent": centre.bulk,
        "texts": len(people),
        "seconds": round(took_s),
        "throttled": centre.throttled,
        "ack_p50_s": quantile(latencies, 0.5),
        "ack_p99_s": quantile(latencies, 0.99),
        "ack_max_s": quantile(latencies, 1),
        "over_120_s": sum(latency > 120 for latency in latencies),
        "peak_rss_mb": {
            name: [round(before[name].peak_rss_mb), round(after[name].peak_rss_mb)]
            for name in after
        },
    }


if __name__ == "__main__":
    main()
