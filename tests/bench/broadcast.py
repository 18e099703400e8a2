"""A broadcast from a table, while clients text: one JSON object of figures.

The SMS centre accepts messages as fast as they come. Beside the broadcast clients send
`CLIENT sms start` 20 times a second. Run it with `--recipients 10000` and `--recipients 1000000` to
see that memory does not grow with the audience.
"""

import argparse
import asyncio
import json
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import psycopg

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.store.migrations.runner import migrate
from schemas.topics import TOPICS
from tests.bench.__main__ import free_port, load_directory, numbers, quantile, say
from tests.bench.load import FIRST_RECIPIENT, ReceivingSmsc
from tests.bench.processes import ProcessUsages, environment, roles, scserv, servers

ROLES: Final = ("gateway", "worker", "relay", "scheduler", "projector")
TEXTS_PER_S: Final = 20
TEXTERS: Final = 20_000
TEXT: Final = "{name}, офис закрыт 9 мая."


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
        settings = environment(postgres, kafka, centre_port, window) | {
            "SCSERV_BROADCASTS__APPROVAL_ABOVE": str(recipients)
        }
        pids = {"kafka": kafka.pid or 0, "postgres": postgres.pid or 0}
        return asyncio.run(_measure(folder, settings, pids, window, texters, recipients))


async def _measure(
    folder: Path,
    settings: dict[str, str],
    pids: dict[str, int],
    window: int,
    texters: list[str],
    recipients: int,
) -> dict[str, object]:
    centre = ReceivingSmsc(window, FIRST_RECIPIENT)
    await centre.start(int(settings["SCSERV_SMPP__PORT"]))
    ports = {role: free_port() for role in ROLES}
    context = roles(folder, settings, ports)
    started = await asyncio.to_thread(context.__enter__)
    try:
        await centre.bound()
        measured = ProcessUsages({**pids, **started})
        table = write_table(folder, recipients)
        begin = time.monotonic()
        words = ("--name", "bench", "--text", TEXT, "--audience", str(table), "--json")
        created = json.loads(await _broadcast(settings, "create", *words))
        load_s = time.monotonic() - begin
        say(f"{recipients} recipients loaded in {load_s:.1f} s")
        texting = asyncio.create_task(centre.text(texters, b"CLIENT sms start", TEXTS_PER_S))
        before, begin = measured.usage(), time.monotonic()
        await _broadcast(settings, "start", created["id"])
        while not await centre.has_received(recipients, 5):
            say(f"{centre.received} of {recipients}")
        took_s, after = centre.last_at - begin, measured.usage()
        texting.cancel()
        with suppress(asyncio.CancelledError):
            await texting
        shown = json.loads(await _broadcast(settings, "show", created["id"], "--json"))
        latencies = centre.run.latencies()
        return {
            "recipients": recipients,
            "load_s": round(load_s, 1),
            "messages_per_second": round(recipients / took_s),
            "received": centre.received,
            "ack_p50_s": quantile(latencies, 0.5),
            "ack_p99_s": quantile(latencies, 0.99),
            "texts": len(latencies),
            "cpu_s_per_1000": {
                name: round((after[name].cpu_s - before[name].cpu_s) * 1000 / recipients, 3)
                for name in after
            },
            "peak_rss_mb": {name: round(usage.peak_rss_mb) for name, usage in after.items()},
            "show": {name: shown[name] for name in ("state", "recipients", "waiting", "sent")},
        }
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        await centre.stop()


async def _broadcast(settings: dict[str, str], *words: str) -> str:
    return await asyncio.to_thread(scserv, settings, "broadcast", *words)


def write_table(folder: Path, recipients: int) -> Path:
    """Write the table of the audience: a number and a name in each row."""
    path = folder / "audience.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("msisdn,name\n")
        for n in range(recipients):
            file.write(f"+{FIRST_RECIPIENT + n},Клиент {n}\n")
    return path


if __name__ == "__main__":
    main()
