"""`python -m tests.bench.backlog`: starts the service with a million texts and messages waiting.

Most texts are not commands, as after a night of spam; each command gets two replies. Prints one
JSON object: the rates at which both backlogs were processed, the peak memory of each process early
and at the end, and the number of unknown outcomes, which shows cascading time-outs.
"""

import argparse
import asyncio
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from inbound.gateway.process import new_producer
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.keys import SubjectHasher
from inbound.smpp.pdu import RequestPdu, ResponsePdu, SubmitSm
from inbound.smpp.session import Session
from inbound.store.migrations.runner import migrate
from schemas.cloudevents import Attributes, to_headers
from schemas.messages import MobileOriginated
from schemas.topics import MO, TOPICS
from tests.bench.__main__ import free_port, load_directory, numbers, say
from tests.bench.lanes import fill
from tests.bench.load import LoadSmsc
from tests.bench.processes import ProcessUsages, Usage, environment, index_key, roles, servers

ROLES = ("gateway", "worker", "relay", "projector")
GIVE_UP_S = 3600
"""Ends the benchmark when the service hangs."""

EARLY = 0.1
"""The share of the backlog after which memory is measured first."""


class CountingSmsc(LoadSmsc):
    """Accepts every message at once and counts them."""

    def __init__(self, window: int) -> None:
        super().__init__(window)
        self.taken = 0
        self._wanted = 0
        self._reached = asyncio.Event()

    async def until(self, taken: int) -> None:
        """Wait until this many were accepted. Raises TimeoutError after `GIVE_UP_S`."""
        self._wanted = taken
        self._reached.clear()
        if self.taken < taken:
            async with asyncio.timeout(GIVE_UP_S):
                await self._reached.wait()

    async def _on_request(self, request: RequestPdu[Any], session: Session) -> ResponsePdu:
        del session
        answer: ResponsePdu = request.answer()
        if isinstance(request, SubmitSm):
            self.taken += 1
            taken = request.answer()
            taken.message_id = f"{self.taken:x}"
            answer = taken
            if self.taken == self._wanted:
                self._reached.set()
        return answer


def main() -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument(
        "--commands", type=int, default=20_000, help="how many of the texts are commands"
    )
    parser.add_argument("--messages", type=int, default=1_000_000, help="on the bulk lane")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scserv-backlog-") as folder:
        found = backlog(Path(folder), options.texts, options.commands, options.messages)
    print(json.dumps(found))


def backlog(folder: Path, texts: int, commands: int, messages: int) -> dict[str, object]:
    """Fill both backlogs, start everything, and return the figures. Blocks for an hour at most."""
    say("starting PostgreSQL and Kafka")
    with servers(folder) as (postgres, kafka):
        admin.apply(KafkaConnection(kafka.bootstrap), TOPICS, 1)
        migrate(postgres.url())
        people = numbers(commands)
        load_directory(folder, people, postgres.url())
        port = free_port()
        settings = environment(postgres, kafka, port, 200)
        return asyncio.run(_measure(folder, settings, port, people, texts, messages))


async def fill_texts(bootstrap: str, hasher: SubjectHasher, people: list[str], texts: int) -> None:
    """Publish texts as a gateway does; every nth is a command."""
    producer = new_producer(KafkaConnection(bootstrap))
    await producer.start()
    every = max(1, texts // max(1, len(people)))
    waiting = iter(people)
    sent = []
    for n in range(texts):
        number = next(waiting, None) if n % every == 0 else None
        source = f"+{number.removeprefix('+')}" if number else f"+7935{n % 100_000:07d}"
        mo = MobileOriginated(
            mo_id=uuid4(),
            centre="main",
            bind="main-1",
            source=source,
            destination="79086228779",
            data_coding=0,
            esm_class=0,
            alphabet="gsm0338",
            payload=b"CLIENT sms stop" if number else b"you have won",
            arrived_at=datetime.now(UTC),
        )
        headers = to_headers(Attributes(id=str(mo.mo_id), type=mo.TYPE, time=mo.arrived_at))
        key = hasher.hash(source).hex().encode()
        sent.append(await producer.send(MO, mo.to_json(), key=key, headers=headers))
        if len(sent) == 5000:
            await asyncio.gather(*sent)
            sent.clear()
    await asyncio.gather(*sent)
    await producer.stop()


async def _measure(
    folder: Path,
    settings: dict[str, str],
    port: int,
    people: list[str],
    texts: int,
    messages: int,
) -> dict[str, object]:
    bootstrap = settings["SCSERV_KAFKA_BOOTSTRAP_SERVERS"]
    url = settings["SCSERV_DATABASE_URL"]
    say(f"{texts} texts and {messages} messages")
    await fill_texts(bootstrap, SubjectHasher(index_key(url)), people, texts)
    await fill(url, bootstrap, messages)
    centre = CountingSmsc(200)
    await centre.start(port)
    context = roles(folder, settings, {role: free_port() for role in ROLES})
    begin = time.monotonic()
    pids = await asyncio.to_thread(context.__enter__)
    measured = ProcessUsages(pids)
    try:
        everything = messages + 2 * len(people)
        say("everything waits; the service has started")
        await centre.until(int(everything * EARLY))
        early = measured.usage()
        texts_s = await asyncio.to_thread(_texts_done, url, len(people), begin)
        say(f"all texts are decided after {texts_s:.0f} s")
        await centre.until(everything)
        sent_s = time.monotonic() - begin
        late = measured.usage()
        unknown = await asyncio.to_thread(_unknown, url)
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        await centre.stop()
    return {
        "texts": texts,
        "commands": len(people),
        "texts_per_s": round(texts / texts_s),
        "messages": everything,
        "messages_per_s": round(everything / sent_s),
        "taken": centre.taken,
        "unknown": unknown,
        "peak_rss_mb": {name: [_mb(early[name]), _mb(late[name])] for name in late},
    }


def _texts_done(url: str, commands: int, begin: float) -> float:
    """Wait until the last command has made its request; return seconds since `begin`."""
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = connection.execute("SELECT count(*) FROM inbox").fetchone()
            done = int(row[0]) if row else 0
            if done >= commands:
                return time.monotonic() - begin
            if time.monotonic() > begin + GIVE_UP_S:
                raise TimeoutError(f"{done} of {commands} commands after {GIVE_UP_S} s")
            time.sleep(0.5)


def _unknown(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM events WHERE type = 'message.unknown'"
        ).fetchone()
    return int(row[0]) if row else 0


def _mb(usage: Usage) -> int:
    return round(usage.peak_rss_mb)


if __name__ == "__main__":
    main()
