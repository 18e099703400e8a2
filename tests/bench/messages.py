"""Messages of programs over HTTP: one JSON object of figures.

`POST /v1/messages` one at a time from 50 connections, then 1,000 at a time from two, each message
to a number of its own. All roles run, and an SMS centre accepts what is sent, so that the figures
are those of a service at work. The load generator runs on the same machine.
"""

import argparse
import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import aiohttp
import psycopg

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.store.migrations.runner import migrate
from schemas.topics import TOPICS
from tests.bench.__main__ import free_port, quantile, say
from tests.bench.load import FIRST_RECIPIENT, ReceivingSmsc
from tests.bench.processes import ProcessUsages, environment, roles, scserv, servers

ROLES: Final = ("gateway", "worker", "relay", "scheduler", "projector", "api")
PATH: Final = "/v1/messages"
TEXT: Final = "Заявка 4711 выполнена."
CONNECTIONS: Final = 50
LIST_SIZE: Final = 1_000
LISTS_AT_ONCE: Final = 2
WARM_UP: Final = 500

Body: TypeAlias = dict[str, Any] | list[dict[str, Any]]


@dataclass(slots=True)
class Answers:
    """How long each request waited for its answer, and what was accepted."""

    seconds: list[float] = field(default_factory=list)
    accepted: int = 0

    def figures(self, took_s: float) -> dict[str, object]:
        """Return the part of the JSON object for these requests."""
        ordered = sorted(self.seconds)
        return {
            "requests": len(ordered),
            "accepted": self.accepted,
            "accepted_per_second": round(self.accepted / took_s),
            "p50_s": quantile(ordered, 0.5),
            "p99_s": quantile(ordered, 0.99),
        }


def main() -> None:
    """Run the benchmark and print the figures."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that kill ends the servers, too
    parser = argparse.ArgumentParser(prog="python -m tests.bench.messages", description=__doc__)
    parser.add_argument("--single", type=int, default=10_000, help="messages sent one at a time")
    parser.add_argument("--listed", type=int, default=50_000, help="messages sent 1,000 at a time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scserv-bench-") as folder:
        print(json.dumps(bench(Path(folder), options.single, options.listed)))


def bench(folder: Path, single: int, listed: int) -> dict[str, object]:
    """Start everything, send, and return the figures. Blocks for a minute or two."""
    with servers(folder) as (postgres, kafka):
        admin.apply(KafkaConnection(kafka.bootstrap), TOPICS, 1)
        migrate(postgres.url())
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            # So that no client has to be imported for each recipient.
            connection.execute("UPDATE accounts SET rights = rights || '{strangers}'")
        settings = environment(postgres, kafka, free_port(), 500) | {
            "SCSERV_API__PORT": str(free_port()),
            "SCSERV_API__ORDERS_PER_MINUTE": "10000000",
        }
        pids = {"kafka": kafka.pid or 0, "postgres": postgres.pid or 0}
        return asyncio.run(_measure(folder, settings, pids, single, listed))


async def _measure(
    folder: Path, settings: dict[str, str], pids: dict[str, int], single: int, listed: int
) -> dict[str, object]:
    centre = ReceivingSmsc(500, FIRST_RECIPIENT)
    await centre.start(int(settings["SCSERV_SMPP__PORT"]))
    context = roles(folder, settings, {role: free_port() for role in ROLES})
    started = await asyncio.to_thread(context.__enter__)
    try:
        await centre.bound()
        measured = ProcessUsages({**pids, **started})
        token = await asyncio.to_thread(
            scserv, settings, "tokens", "create", "--name", "bench", "--scope", "send"
        )
        address = f"http://127.0.0.1:{settings['SCSERV_API__PORT']}"
        headers = {"Authorization": f"Bearer {token.strip()}"}
        async with aiohttp.ClientSession(address, headers=headers) as http:
            bodies = _messages()
            await _send(http, list(islice(bodies, WARM_UP)), CONNECTIONS)
            say(f"{single} messages one at a time from {CONNECTIONS} connections")
            before, begun = measured.usage()["api"].cpu_s, time.monotonic()
            one_at_a_time = await _send(http, list(islice(bodies, single)), CONNECTIONS)
            after = measured.usage()["api"].cpu_s
            sent = WARM_UP + single
            drained_s = await _drained(centre, sent)
            single_s = centre.last_at - begun
            say(f"{listed} messages, {LIST_SIZE} at a time")
            lists = [list(islice(bodies, LIST_SIZE)) for _ in range(listed // LIST_SIZE)]
            in_lists = await _send(http, lists, LISTS_AT_ONCE)
            begin = time.monotonic()
            await _drained(centre, sent + listed)
        return {
            "messages_per_second": round(single / single_s),
            "one_at_a_time": one_at_a_time
            | {"api_cpu_s_per_1000": round((after - before) * 1000 / single, 3)}
            | {"last_submitted_after_s": drained_s},
            "in_lists": in_lists | {"last_submitted_after_s": round(time.monotonic() - begin, 1)},
            "peak_rss_mb": {
                name: round(usage.peak_rss_mb) for name, usage in measured.usage().items()
            },
        }
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        await centre.stop()


def _messages() -> Iterator[dict[str, Any]]:
    number = FIRST_RECIPIENT
    while True:
        yield {"to": f"+{number}", "text": TEXT, "kind": "notification"}
        number += 1


async def _send(
    http: aiohttp.ClientSession, bodies: Sequence[Body], connections: int
) -> dict[str, object]:
    """Send every body, on so many connections at once."""
    answers, waiting = Answers(), iter(bodies)

    async def connection() -> None:
        for body in waiting:
            begin = time.monotonic()
            async with http.post(PATH, json=body) as response:
                answer = await response.json()
                answers.seconds.append(time.monotonic() - begin)
                if response.status != 202:
                    raise RuntimeError(f"{response.status}: {answer}")
            each = answer if isinstance(answer, list) else [answer]
            answers.accepted += sum(one["state"] == "queued" for one in each)

    begin = time.monotonic()
    await asyncio.gather(*(connection() for _ in range(connections)))
    return answers.figures(time.monotonic() - begin)


async def _drained(centre: ReceivingSmsc, expected: int) -> float:
    """Wait until the centre has accepted so many messages; return how long that took."""
    begin = time.monotonic()
    while not await centre.has_received(expected, 5):
        say(f"{centre.received} of {expected} accepted by the centre")
    return round(time.monotonic() - begin, 1)


if __name__ == "__main__":
    main()
