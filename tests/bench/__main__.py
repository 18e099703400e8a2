"""`make bench`: loads the whole service and prints one JSON object of figures.

A load generator in the SMSC role sends `CLIENT sms stop` from known numbers with a window of
500, as fast as possible and then at a fifth of that rate. PostgreSQL, Kafka and the generator run
on the same machine, and their CPU time counts too.
"""

import argparse
import asyncio
import json
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from inbound.cli._client_import import run_import
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.store.migrations.runner import migrate
from inbound.terminal import Terminal
from schemas.topics import TOPICS
from tests.bench.load import LoadSmsc, Run
from tests.bench.processes import KEY, ProcessUsages, Usage, environment, roles, servers

WARM_UP = 1000
COSTS = "cpu_s_per_1000_of_each_part"
REST_CORES = 0.4
"""The CPU that all processes may use when they have nothing to do."""
REST_WITHIN_S = 60
ROLES = ("gateway", "worker", "relay", "projector")


def main() -> None:
    """Run the benchmark and print the figures."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that kill ends the servers, too
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--window", type=int, default=500)
    parser.add_argument("--keep", type=Path, help="folder for data and logs, kept afterwards")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        figures = bench(options.keep.resolve(), options.requests, options.window)
    else:
        with tempfile.TemporaryDirectory(prefix="scserv-bench-") as folder:
            figures = bench(Path(folder), options.requests, options.window)
    print(json.dumps(figures))


def bench(folder: Path, requests: int, window: int, parts: int = 1) -> dict[str, object]:
    """Start everything, load it, and return the figures. Blocks for a minute or two.

    The requests are sent in `parts`, and each has its own cost among the figures.
    """
    say("starting PostgreSQL and Kafka")
    with servers(folder) as (postgres, kafka):
        admin.apply(KafkaConnection(kafka.bootstrap), TOPICS, 1)
        migrate(postgres.url())
        # Every phase has its own numbers: a command repeated within a minute is one request.
        phases = numbers(WARM_UP + 2 * requests)
        load_directory(folder, phases, postgres.url())
        centre_port = free_port()
        settings = environment(postgres, kafka, centre_port, window)
        servers_pids = {"kafka": kafka.pid or 0, "postgres": postgres.pid or 0}
        driven = partial(drive, phases=phases, requests=requests, parts=parts)
        return asyncio.run(_measure(folder, settings, servers_pids, centre_port, window, driven))


async def _measure(
    folder: Path,
    settings: dict[str, str],
    servers_pids: dict[str, int],
    centre_port: int,
    window: int,
    driven: Callable[[LoadSmsc, ProcessUsages], Awaitable[dict[str, object]]],
) -> dict[str, object]:
    centre = LoadSmsc(window)
    await centre.start(centre_port)
    ports = {role: free_port() for role in ROLES}
    say(f"starting {', '.join(ROLES)}")
    context = roles(folder, settings, ports)
    pids = await asyncio.to_thread(context.__enter__)
    try:
        await centre.bound()
        return await driven(centre, ProcessUsages({**servers_pids, **pids}))
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        await centre.stop()


async def drive(
    centre: LoadSmsc, measured: ProcessUsages, phases: list[str], requests: int, parts: int = 1
) -> dict[str, object]:
    """Send `requests` texts as fast as they are taken, then some at a fifth of that rate.

    `phases` are the numbers: `WARM_UP`, and twice as many as there are requests. The CPU of a
    phase includes what its requests still cost after their answers, and no phase has to share
    the machine with such work of the one before.
    """
    say(f"warming up with {WARM_UP} requests")
    await centre.text(phases[:WARM_UP], b"CLIENT sms stop")
    await _rest(measured)
    runs, costs, took_s, own_s = [], [], 0.0, 0.0
    before = after = measured.usage()
    for part in range(parts):
        first, last = (requests * edge // parts for edge in (part, part + 1))
        say(f"{last - first} requests")
        begin, own = time.monotonic(), time.process_time()
        runs.append(await centre.text(phases[WARM_UP + first : WARM_UP + last], b"CLIENT sms stop"))
        took_s, own_s = took_s + time.monotonic() - begin, own_s + time.process_time() - own
        await _rest(measured)
        used_s = _cpu_s(after)
        after = measured.usage()
        costs.append(round((_cpu_s(after) - used_s) * 1000 / (last - first), 3))
    rate = requests / took_s
    calm_requests = max(100, min(requests, int(rate * 0.2 * 20)))
    say(f"{calm_requests} requests at {rate * 0.2:.0f} a second")
    calm_numbers = phases[WARM_UP + requests : WARM_UP + requests + calm_requests]
    calm = await centre.text(calm_numbers, b"CLIENT sms stop", rate * 0.2)
    found = figures(requests, took_s, runs, calm, before, after, own_s)
    return found | ({COSTS: costs} if parts > 1 else {})


async def _rest(measured: ProcessUsages) -> None:
    """Wait until the processes have done what the last phase left them to do."""
    for _ in range(REST_WITHIN_S):
        before = _cpu_s(measured.usage())
        await asyncio.sleep(1.0)
        if _cpu_s(measured.usage()) - before < REST_CORES:
            return
    say(f"the processes are still busy after {REST_WITHIN_S} s: what follows is slower for it")


def _cpu_s(usages: Mapping[str, Usage]) -> float:
    return sum(usage.cpu_s for usage in usages.values())


def figures(
    requests: int,
    took_s: float,
    full: Sequence[Run],
    calm: Run,
    before: dict[str, Usage],
    after: dict[str, Usage],
    generator_cpu_s: float,
) -> dict[str, object]:
    """Return the JSON object that `make bench` prints."""
    latencies = sorted(seconds for run in full for seconds in run.latencies())
    calm_latencies = calm.latencies()
    per_1000 = 1000 / requests
    cpu = {name: (after[name].cpu_s - before[name].cpu_s) * per_1000 for name in after}
    cpu["load_generator"] = generator_cpu_s * per_1000
    return {
        "requests": requests,
        "requests_per_second": round(requests / took_s),
        "ack_p50_s": quantile(latencies, 0.5),
        "ack_p99_s": quantile(latencies, 0.99),
        "ack_max_s": quantile(latencies, 1),
        "at_20_percent": {
            "requests_per_second": round(requests / took_s * 0.2),
            "ack_p50_s": quantile(calm_latencies, 0.5),
            "ack_p99_s": quantile(calm_latencies, 0.99),
            "ack_max_s": quantile(calm_latencies, 1),
        },
        "cpu_s_per_1000": {name: round(value, 3) for name, value in cpu.items()}
        | {"all": round(sum(cpu.values()), 3)},
        "peak_rss_mb": {name: round(usage.peak_rss_mb) for name, usage in after.items()},
        "refused": sum(run.refused for run in (*full, calm)),
        "extra_replies": sum(run.extra for run in (*full, calm)),
    }


def quantile(ordered: list[float], q: float) -> float:
    """Return the value below which a share `q` of the sorted values lies, in seconds."""
    return round(ordered[min(len(ordered) - 1, int(q * len(ordered)))], 4)


def numbers(count: int) -> list[str]:
    """Return valid Russian mobile numbers, digits only."""
    return [f"7916{n:07d}" for n in range(count)]


def load_directory(folder: Path, phones: list[str], database_url: str) -> None:
    """Import a client for each number, as operators do."""
    path = folder / "clients.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("msisdn,client_id,personal_code,login,password\n")
        for n, phone in enumerate(phones):
            file.write(f"+{phone},C{n},{n % 10_000:04d},user{n},pw{n}\n")
    key = bytes.fromhex(KEY)
    begin = time.monotonic()
    if run_import(path, database_url, key, key, Terminal(quiet=True)) != 0:
        raise SystemExit("bench: the clients could not be imported")
    say(f"{len(phones)} clients imported in {time.monotonic() - begin:.1f} s")


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def say(text: str) -> None:
    """Print progress to standard error."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
