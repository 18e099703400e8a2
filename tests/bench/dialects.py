"""Messages in other services' dialects over HTTP: one JSON object of figures.

Each dialect gets messages one at a time from 50 connections, in turns with the others and with
`POST /v1/messages`, so that what else goes on concerns all alike. All roles run, and an SMS centre
accepts what is sent. The load generator runs on the same machine.
"""

import argparse
import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import aiohttp
import psycopg

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.store.migrations.runner import migrate
from schemas.topics import TOPICS
from tests.bench.__main__ import free_port, say
from tests.bench.load import FIRST_RECIPIENT, ReceivingSmsc
from tests.bench.messages import CONNECTIONS, TEXT, WARM_UP, Answers
from tests.bench.processes import ProcessUsages, environment, roles, scserv, servers

ROLES: Final = ("gateway", "worker", "relay", "scheduler", "projector", "api", "ingress")
ROUNDS: Final = 2

Credentials = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spoken:
    """How a dialect sends: method, path, arguments of the request, and whether it was accepted."""

    process: str
    method: str
    path: str
    arguments: Callable[[Credentials, str], dict[str, Any]]
    accepted: Callable[[str], bool]


def _smsc(one: Credentials, phone: str) -> dict[str, Any]:
    signed = {"login": one["login"], "psw": one["password"], "fmt": 3, "charset": "utf-8"}
    return {"data": {**signed, "phones": phone, "mes": TEXT}}


SPOKEN: Final = {
    "api": Spoken(
        "api",
        "POST",
        "/v1/messages",
        lambda one, phone: {
            "json": {"to": f"+{phone}", "text": TEXT},
            "headers": {"Authorization": f"Bearer {one['token']}"},
        },
        lambda answer: '"queued"' in answer,
    ),
    "smsc": Spoken("ingress", "POST", "/sys/send.php", _smsc, lambda answer: '"cnt"' in answer),
    "bytehand": Spoken(
        "ingress",
        "GET",
        "/send",
        lambda one, phone: {
            "params": {"id": one["id"], "key": one["key"], "to": phone, "text": TEXT}
        },
        lambda answer: '"status":0' in answer,
    ),
    "smspay": Spoken(
        "ingress",
        "GET",
        "/users/send_bulk.php",
        lambda one, phone: {
            "params": {
                "user_id": one["id"],
                "service_id": one["service_id"],
                "msisdn": phone,
                "text": TEXT,
            }
        },
        lambda answer: answer == "MSG_OK",
    ),
}


def main() -> None:
    """Run the benchmark and print the figures."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that kill ends the servers, too
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dialects", description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000, help="messages a dialect and round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scserv-bench-") as folder:
        print(json.dumps(bench(Path(folder), options.messages)))


def bench(folder: Path, messages: int) -> dict[str, object]:
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
            "SCSERV_INGRESS__PORT": str(free_port()),
            "SCSERV_SMPP_SERVER__PORT": str(free_port()),
        }
        return asyncio.run(_measure(folder, settings, messages))


async def _measure(folder: Path, settings: dict[str, str], messages: int) -> dict[str, object]:
    centre = ReceivingSmsc(500, FIRST_RECIPIENT)
    await centre.start(int(settings["SCSERV_SMPP__PORT"]))
    context = roles(folder, settings, {role: free_port() for role in ROLES})
    started = await asyncio.to_thread(context.__enter__)
    try:
        await centre.bound()
        measured = ProcessUsages(started)
        made = await asyncio.to_thread(
            scserv, settings, "accounts", "credentials", "default", "--json"
        )
        token = await asyncio.to_thread(
            scserv, settings, "tokens", "create", "--name", "bench", "--scope", "send"
        )
        credentials = json.loads(made) | {"token": token.strip()}
        numbers = (str(number) for number in count(FIRST_RECIPIENT))
        results: dict[str, list[dict[str, object]]] = {name: [] for name in SPOKEN}
        async with aiohttp.ClientSession() as http:
            for spoken in SPOKEN.values():
                await _send(http, settings, spoken, credentials, _some(numbers, WARM_UP))
            for _ in range(ROUNDS):
                for name, spoken in SPOKEN.items():
                    say(f"{messages} messages: {name}")
                    before = measured.usage()[spoken.process].cpu_s
                    phones = _some(numbers, messages)
                    figures = await _send(http, settings, spoken, credentials, phones)
                    cpu_s = measured.usage()[spoken.process].cpu_s - before
                    figures["cpu_s_per_1000"] = round(cpu_s * 1000 / messages, 3)
                    results[name].append(figures)
        return dict(results)
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        await centre.stop()


def _some(numbers: Iterator[str], how_many: int) -> list[str]:
    return [next(numbers) for _ in range(how_many)]


async def _send(
    http: aiohttp.ClientSession,
    settings: dict[str, str],
    spoken: Spoken,
    credentials: Credentials,
    phones: Sequence[str],
) -> dict[str, object]:
    """Send a message to every phone, on `CONNECTIONS` connections at once."""
    answers, waiting = Answers(), iter(phones)
    url = f"http://127.0.0.1:{settings[f'SCSERV_{spoken.process.upper()}__PORT']}{spoken.path}"

    async def connection() -> None:
        for phone in waiting:
            begin = time.monotonic()
            asked = spoken.arguments(credentials, phone)
            async with http.request(spoken.method, url, **asked) as response:
                answer = await response.text()
            answers.seconds.append(time.monotonic() - begin)
            if not spoken.accepted(answer):
                raise RuntimeError(f"{response.status}: {answer}")
            answers.accepted += 1

    begin = time.monotonic()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return answers.figures(time.monotonic() - begin)


if __name__ == "__main__":
    main()
