"""A broadcast from a table, while clients text: one JSON object of figures.

The SMS centre accepts messages as fast as they come. Beside the broadcast clients send
`CLIENT sms start` 20 times a second. Run it with `--recipients 10000` and `--recipients 1000000` to
see that memory does not grow with the audience.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import psycopg
from typing_extensions import override

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.store.migrations.runner import migrate
from schemas.topics import TOPICS
from tests.bench.__main__ import KEY, free_port, load_directory, numbers, quantile, say
from tests.bench.load import LoadSmsc
from tests.bench.processes import ProcessUsages, roles, servers

ROLES: Final = ("gateway", "worker", "relay", "scheduler", "projector")
TEXTS_PER_S: Final = 20
TEXTERS: Final = 20_000
TEXT: Final = "{name}, офис закрыт 9 мая."
_FIRST_RECIPIENT: Final = 79_200_000_000


class BroadcastSmsc(LoadSmsc):
    """Counts what is submitted to recipients of the broadcast."""

    def __init__(self, window: int) -> None:
        super().__init__(window)
        self.received = 0
        self.last_at = 0.0

    @override
    def _note_reply(self, number: str) -> None:
        if int(number) >= _FIRST_RECIPIENT:
            self.received += 1
            self.last_at = time.monotonic()
        else:
            super()._note_reply(number)


def main() -> None:
    """Run the benchmark and print the figures."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that kill ends the servers, too
    parser = argparse.ArgumentParser(prog="python -m tests.bench.broadcast", description=__doc__)
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--window", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scserv-bench-") as folder:
        print(json.dumps(bench(Path(folder), options.recipients, options.window)))


def bench(folder: Path, recipients: int, window: int) -> dict[str, object]:
    """Start everything, send a broadcast, and return the figures. Blocks for minutes."""
    with servers(folder) as (postgres, kafka):
        admin.apply(KafkaConnection(kafka.bootstrap), TOPICS, 1)
        migrate(postgres.url())
        texters = numbers(TEXTERS)
        load_directory(folder, texters, postgres.url())
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            # So that no client has to be imported for each recipient.
            connection.execute("UPDATE accounts SET rights = rights || '{strangers}'")
        centre_port = free_port()
        environment = {
            "SCSERV_DATABASE_URL": postgres.url(),
            "SCSERV_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "SCSERV_VAULT_KEY": KEY,
            "SCSERV_SUBJECT_KEY": KEY,
            "SCSERV_SMPP__PORT": str(centre_port),
            "SCSERV_SMPP__WINDOW": str(window),
            "SCSERV_LOG_LEVEL": "warning",
            "SCSERV_BROADCASTS__APPROVAL_ABOVE": str(recipients),
        }
        pids = {"kafka": kafka.pid or 0, "postgres": postgres.pid or 0}
        return asyncio.run(
            _measure(folder, environment, pids, BroadcastSmsc(window), texters, recipients)
        )


async def _measure(
    folder: Path,
    environment: dict[str, str],
    pids: dict[str, int],
    centre: BroadcastSmsc,
    texters: list[str],
    recipients: int,
) -> dict[str, object]:
    await centre.start(int(environment["SCSERV_SMPP__PORT"]))
    ports = {role: free_port() for role in ROLES}
    context = roles(folder, environment, ports)
    started = await asyncio.to_thread(context.__enter__)
    try:
        await centre.bound()
        measured = ProcessUsages({**pids, **started})
        table = write_table(folder, recipients)
        scserv = command(environment)
        begin = time.monotonic()
        created = await asyncio.to_thread(
            scserv, "create", "--name", "bench", "--text", TEXT, "--audience", str(table), "--json"
        )
        load_s = time.monotonic() - begin
        say(f"{recipients} recipients loaded in {load_s:.1f} s")
        texting = asyncio.create_task(centre.text(texters, b"CLIENT sms start", TEXTS_PER_S))
        begin = time.monotonic()
        await asyncio.to_thread(scserv, "start", created["id"])
        await _all_received(centre, recipients)
        took_s = centre.last_at - begin
        texting.cancel()
        with suppress(asyncio.CancelledError):
            await texting
        shown = await asyncio.to_thread(scserv, "show", created["id"], "--json")
        latencies = centre.run.latencies()
        return {
            "recipients": recipients,
            "load_s": round(load_s, 1),
            "messages_per_second": round(recipients / took_s),
            "received": centre.received,
            "ack_p50_s": quantile(latencies, 0.5),
            "ack_p99_s": quantile(latencies, 0.99),
            "texts": len(latencies),
            "peak_rss_mb": {
                name: round(usage.peak_rss_mb) for name, usage in measured.usage().items()
            },
            "show": {name: shown[name] for name in ("state", "recipients", "waiting", "sent")},
        }
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        await centre.stop()


async def _all_received(centre: BroadcastSmsc, recipients: int) -> None:
    said = time.monotonic()
    while centre.received < recipients:
        await asyncio.sleep(0.2)
        if time.monotonic() > said + 5:
            said = time.monotonic()
            say(f"{centre.received} of {recipients}")


def command(environment: dict[str, str]) -> Callable[..., dict[str, str]]:
    """Return a function that runs `scserv broadcast` and returns what it prints as JSON."""

    def run(*words: str) -> dict[str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "inbound.cli", "broadcast", *words],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        answer: dict[str, str] = json.loads(done.stdout) if "--json" in words else {}
        return answer

    return run


def write_table(folder: Path, recipients: int) -> Path:
    """Write the table of the audience: a number and a name in each row."""
    path = folder / "audience.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("msisdn,name\n")
        for n in range(recipients):
            file.write(f"+{_FIRST_RECIPIENT + n},Клиент {n}\n")
    return path


if __name__ == "__main__":
    main()
