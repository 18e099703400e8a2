"""`python -m tests.bench.startup`: how long each process takes to start.

Starts one process of each role, one after the other, beside PostgreSQL, Kafka and an SMS centre
that run. Prints a JSON object for each role, the medians of all rounds: the seconds until the
health port says `live` and `ready`, and the CPU seconds that took. The figures of docs/OPERATORS.md
come from here.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.store.migrations.runner import migrate
from schemas.topics import TOPICS
from tests.bench.__main__ import free_port, say
from tests.bench.load import LoadSmsc
from tests.bench.processes import READY_WITHIN_S, ProcessUsages, environment, servers
from tests.ceilings import NO_CEILINGS

ROLES: Final = ("gateway", "worker", "relay", "scheduler", "projector", "api", "desk", "ingress")
_LOOK_EVERY_S: Final = 0.02


def main() -> None:
    """Measure and print the figures. Blocks for a minute or two."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="python -m tests.bench.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scserv-bench-") as folder:
        for role, figures in asyncio.run(_measure_all(Path(folder), options.rounds)).items():
            print(json.dumps({"role": role, **figures}))


async def _measure_all(folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    found: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    with servers(folder) as (postgres, kafka):
        admin.apply(KafkaConnection(kafka.bootstrap), TOPICS, 1)
        migrate(postgres.url())
        centre, centre_port = LoadSmsc(10), free_port()
        await centre.start(centre_port)
        settings = environment(postgres, kafka, centre_port, 10)
        for number in range(rounds):
            for role in ROLES:
                say(f"{role}, round {number + 1} of {rounds}")
                figures = await asyncio.to_thread(_measure, folder, settings, role)
                say(" ".join(f"{name} {value:.1f}" for name, value in figures.items()))
                found[role].append(figures)
        await centre.stop()
    return {
        role: {name: round(statistics.median(each[name] for each in runs), 1) for name in runs[0]}
        for role, runs in found.items()
    }


def _measure(folder: Path, settings: Mapping[str, str], role: str) -> dict[str, float]:
    port = free_port()
    ports = {name: str(free_port()) for name in ("API", "DESK", "INGRESS", "SMPP_SERVER")}
    own = {f"SCSERV_{name}__PORT": value for name, value in ports.items()}
    variables = {**os.environ, **NO_CEILINGS, **settings, **own, "SCSERV_HEALTH_PORT": str(port)}
    log = folder / f"{role}.log"
    began = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "inbound.cli", role],
            env=variables,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
    try:
        after = {
            f"{condition}_s": _until(process, port, condition, log) - began
            for condition in ("live", "ready")
        }
        return {**after, "cpu_s": ProcessUsages({role: process.pid}).usage()[role].cpu_s}
    finally:
        process.terminate()
        process.wait()


def _until(process: subprocess.Popen[bytes], port: int, condition: str, log: Path) -> float:
    """Return the time at which a page of the health port first answers 200."""
    deadline = time.monotonic() + READY_WITHIN_S
    why: object = None
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/{condition}", timeout=2):
                return time.monotonic()
        except urllib.error.HTTPError as error:
            why = error.read()
        except OSError as error:
            why = error
        time.sleep(_LOOK_EVERY_S)
    raise RuntimeError(f"not {condition}: {why!r}\n{log.read_text('utf-8', 'replace')[-2000:]}")


if __name__ == "__main__":
    main()
