"""`make versus`: this service and Kannel with a script, in turns on one machine.

Both answer the same texts of the same load generator, with a PostgreSQL of the same settings:
this service with all its guarantees, Kannel with a script that writes a row for each text and
sends two replies. Then both send messages to numbers: single ones, taken over HTTP from 50
connections, by this service in every dialect and over SMPP, too, and a broadcast. Kannel answers
once a message is in its queue, this service once it is committed. Prints the figures of every
round, the medians, and how many times faster this service is. Machines differ: only the ratio says
something.
"""

import argparse
import asyncio
import json
import signal
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from inbound.local.servers.postgres import PostgresServer
from tests.bench import broadcast, dialects, messages
from tests.bench.__main__ import COSTS, WARM_UP, bench, drive, free_port, numbers, say
from tests.bench.kannel import kannel
from tests.bench.kannel_app import sendsms
from tests.bench.load import FIRST_RECIPIENT, ReceivingSmsc
from tests.bench.messages import CONNECTIONS, TEXT
from tests.bench.processes import ProcessUsages

OURS: Final = "scserv"
THEIRS: Final = "kannel"
PORTS: Final = ("admin", "box", "sendsms", "app")
LONG_REQUESTS: Final = 100_000
LONG_PARTS: Final = 5
ACCEPTED: Final = "accepted_per_second"
"""Messages that are answered; ours with the name of each listener."""

Figures = dict[str, Any]


def main() -> None:
    """Run the rounds and print a JSON object for each, and one for all."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that kill ends the servers, too
    parser = argparse.ArgumentParser(prog="make versus", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--recipients", type=int, default=10_000, help="of the broadcast")
    parser.add_argument("--window", type=int, default=500)
    parser.add_argument(
        "--long",
        action="store_true",
        help=f"one round of {LONG_REQUESTS} requests in {LONG_PARTS} parts, and nothing else: does "
        "the cost of a request grow?",
    )
    options = parser.parse_args()
    options.parts = 1
    if options.long:
        options.rounds, options.requests, options.parts = 1, LONG_REQUESTS, LONG_PARTS
    rounds = [_round(number, options) for number in range(1, options.rounds + 1)]
    print(json.dumps(_summary(rounds)))


def _round(number: int, options: argparse.Namespace) -> Figures:
    """Measure both systems once; the one that begins changes from round to round."""
    systems = {OURS: _ours, THEIRS: _theirs}
    order = list(systems) if number % 2 else list(reversed(systems))
    found: Figures = {"round": number}
    for name in order:
        say(f"round {number}: {name}")
        found[name] = systems[name](options)
    print(json.dumps(found), flush=True)
    return found


def _ours(options: argparse.Namespace) -> Figures:
    with _folder() as folder:
        texts = _of_texts(bench(folder, options.requests, options.window, options.parts))
    if options.long:
        return texts
    with _folder() as folder:
        sent = messages.bench(folder, options.messages, messages.LIST_SIZE)
    with _folder() as folder:
        to_all = broadcast.bench(folder, options.recipients, options.window)
    with _folder() as folder:
        [*turns] = dialects.bench(folder, options.messages, seconds=0, rounds=1)["turns"].items()
    return (
        texts
        | {
            "messages_per_second": sent["messages_per_second"],
            "broadcast_per_second": to_all["messages_per_second"],
        }
        | {f"{ACCEPTED}_{name}": figures["accepted_per_second"] for name, [figures] in turns}
    )


def _theirs(options: argparse.Namespace) -> Figures:
    with _folder() as folder, PostgresServer(folder / "postgres") as postgres:
        return asyncio.run(_measure_kannel(folder, postgres, options))


async def _measure_kannel(
    folder: Path, postgres: PostgresServer, options: argparse.Namespace
) -> Figures:
    centre = ReceivingSmsc(options.window, FIRST_RECIPIENT)
    centre_port = await centre.start()
    ports = {name: free_port() for name in PORTS}
    with ExitStack() as stack:
        context = kannel(folder, postgres.url(), centre_port, options.window, ports)
        pids = await asyncio.to_thread(stack.enter_context, context)
        await centre.bound()
        measured = ProcessUsages({"postgres": postgres.pid or 0, **pids})
        phases = numbers(WARM_UP + 2 * options.requests)
        found = _of_texts(await drive(centre, measured, phases, options.requests, options.parts))
        if options.long:
            await centre.stop()
            return found
        say(f"{options.messages} messages from {CONNECTIONS} connections")
        begin = time.monotonic()
        await _sendsms(ports["sendsms"], options.messages)
        accepted_s = time.monotonic() - begin
        while not await centre.has_received(options.messages, 5):
            say(f"{centre.received} of {options.messages} accepted by the centre")
        took_s = centre.last_at - begin
    await centre.stop()
    return found | {
        "messages_per_second": round(options.messages / took_s),
        ACCEPTED: round(options.messages / accepted_s),
    }


async def _sendsms(port: int, count: int) -> None:
    """Hand messages to Kannel, each to a number of its own, from many connections at once."""
    waiting = iter(range(FIRST_RECIPIENT, FIRST_RECIPIENT + count))

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in waiting:
            await sendsms(reader, writer, f"+{number}", TEXT)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))


def _of_texts(figures: Mapping[str, Any]) -> Figures:
    calm = figures["at_20_percent"]
    return {
        "requests_per_second": figures["requests_per_second"],
        "ack_p50_s": figures["ack_p50_s"],
        "ack_p99_s": figures["ack_p99_s"],
        "ack_p50_s_at_20_percent": calm["ack_p50_s"],
        "ack_p99_s_at_20_percent": calm["ack_p99_s"],
        "cpu_s_per_1000": figures["cpu_s_per_1000"],
        **{key: figures[key] for key in (COSTS,) if key in figures},
        "peak_rss_mb": figures["peak_rss_mb"],
        "refused": figures["refused"],
    }


def _summary(rounds: Iterable[Figures]) -> Figures:
    """Return the medians of both systems, and the ratios of what is measured of both."""
    rounds = list(rounds)
    medians = {
        name: {
            key: statistics.median(one[name][key] for one in rounds)
            for key, value in rounds[0][name].items()
            if isinstance(value, int | float)
        }
        for name in (OURS, THEIRS)
    }
    ours, theirs = medians[OURS], medians[THEIRS]
    rates = [key for key in theirs if key.endswith("_per_second") and key in ours]
    ratios = {key: round(ours[key] / theirs[key], 2) for key in rates}
    ratios |= {
        key: round(rate / theirs[ACCEPTED], 2)
        for key, rate in ours.items()
        if key.startswith(ACCEPTED)
    }
    return {
        "medians": medians,
        "ratio": ratios
        | (
            {"broadcast_to_messages": round(ours[broadcasts] / theirs["messages_per_second"], 2)}
            if (broadcasts := "broadcast_per_second") in ours
            else {}
        ),
    }


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="scserv-bench-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    main()
