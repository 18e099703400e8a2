"""How long clients wait during each failover: `python -m tests.chaos.machines.failovers`, as root.

Clients text at a steady rate while one thing fails. Prints one JSON object for each failure:

* `texts`: commands that were accepted and acknowledged; `doubled`: acknowledgements too many;
* `away_s`: how long something was away, or its successor not complete;
* `silence_s`: the longest time in which nobody got an acknowledgement;
* `slowest_s`: the longest time from a text to its acknowledgement, the SMS centre's attempts to
  deliver it included;
* `waited`: how many acknowledgements took longer than a second.
"""

import argparse
import asyncio
import json
import logging
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from inbound.terminal import echo
from tests.chaos.leaks import make_client
from tests.chaos.machines.deployment import MachinesDeployment, open_machines
from tests.chaos.machines.faults import MachineFaults
from tests.chaos.machines.network import enter
from tests.chaos.schedule import PlannedFault
from tests.chaos.traffic import SentText, Traffic
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_service import eventually

_CLIENTS: Final = 100
_PER_SECOND: Final = 5.0
_BEFORE_S: Final = 3.0
_AFTER_S: Final = 15.0
_WAITED_S: Final = 1.0

FAILURES: Final[dict[str, tuple[str, str, float]]] = {
    "nothing": ("", "", 10),
    "broker killed": ("broker", "BROKER kill -9", 5),
    "controller killed": ("broker", "CONTROLLER kill -9", 5),
    "broker suspended": ("broker", "BROKER SIGSTOP", 15),
    "broker with a slow disk": ("slow disk", "broker BROKER", 15),
    "PostgreSQL with a slow disk": ("slow disk", "postgres", 15),
    "PostgreSQL primary killed": ("failover", "kill -9", 5),
    "PostgreSQL primary cut off": ("failover", "split", 5),
    "PostgreSQL standby killed": ("standby", "kill -9", 5),
    "machine of the primary without power": ("power", "PRIMARY", 5),
    "machine of the standby without power": ("power", "STANDBY", 5),
    "third machine without power": ("power", "3", 5),
    "machine isolated": ("partition", "3 isolated", 15),
    "machine cut off from the others": ("partition", "3 split", 15),
    "gateway killed": ("kill -9", "gateway 0", 0),
    "worker killed": ("kill -9", "worker 0", 0),
    "relay killed": ("kill -9", "relay 0", 0),
    "scheduler killed": ("kill -9", "scheduler 0", 0),
    "projector killed": ("kill -9", "projector 0", 0),
}
"""Kind and target of the fault, in which a word in capitals is a machine, and its seconds."""


@dataclass(frozen=True, slots=True)
class Answered:
    """When a command was sent, and when its acknowledgement came."""

    sent_at: float
    acknowledged_at: float


def main() -> None:
    """Measure the failures that are named, or all."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help=f"separated by commas: {', '.join(FAILURES)}")
    options = parser.parse_args()
    enter()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    names = options.only.split(",") if options.only else list(FAILURES)
    folder = Path(tempfile.mkdtemp(prefix="scserv-failovers-"))
    asyncio.run(measure_all(folder, names))
    shutil.rmtree(folder)


async def measure_all(folder: Path, names: Sequence[str]) -> None:
    """Measure one failure after the other on one deployment."""
    async with open_machines(folder) as deployment:
        clients = [make_client(number) for number in range(_CLIENTS)]
        deployment.import_clients(clients)
        traffic = Traffic(clients, deployment.deliver_home, random.Random(1), _PER_SECOND)
        for name in names:
            found = await measure(deployment, traffic, name)
            echo(json.dumps({"failure": name, **found}))


class Watch:
    """The commands that were sent since it began, and their acknowledgements."""

    def __init__(self, deployment: MachinesDeployment, traffic: Traffic) -> None:
        self._accepted = deployment.smsc_faults.accepted
        self._clients = traffic.clients
        self._seen = len(self._accepted)
        self._before = {one.client.number: len(one.texts) for one in traffic.clients}

    @property
    def texts(self) -> dict[str, list[SentText]]:
        """The commands by number."""
        return {
            one.client.number: one.texts[self._before[one.client.number] :] for one in self._clients
        }

    @property
    def acknowledgements(self) -> dict[str, list[float]]:
        """When the SMS centres accepted acknowledgements, by number."""
        found: dict[str, list[float]] = {number: [] for number in self._before}
        for one in self._accepted[self._seen :]:
            if one.text == ACKNOWLEDGEMENT:
                found[one.number].append(one.at)
        return found

    @property
    def missing(self) -> int:
        """How many acknowledgements have not come."""
        come = self.acknowledgements
        return sum(max(0, len(texts) - len(come[number])) for number, texts in self.texts.items())

    def answered(self) -> list[Answered]:
        """Return each command with its acknowledgement; those of a client come in order."""
        come = self.acknowledgements
        return [
            Answered(text.sent_at, at)
            for number, texts in self.texts.items()
            for text, at in zip(texts, come[number], strict=False)
        ]


async def measure(deployment: MachinesDeployment, traffic: Traffic, name: str) -> dict[str, Any]:
    """Let one thing fail under steady traffic, and return what clients noticed."""
    kind, target, lasts_s = FAILURES[name]
    watch, runner = Watch(deployment, traffic), MachineFaults(deployment)
    sending = asyncio.create_task(traffic.run())
    await asyncio.sleep(_BEFORE_S)
    began = time.monotonic()
    if kind:
        fault = PlannedFault(1, kind, await _named(deployment, target), 0, lasts_s)
        await runner.ACTIONS[kind](runner, fault)
    else:
        await asyncio.sleep(lasts_s)
    away_s = time.monotonic() - began
    await asyncio.sleep(_AFTER_S)
    sending.cancel()
    await traffic.wait_until_answered()
    await eventually(
        lambda: watch.missing == 0, lambda: f"{watch.missing} acknowledgements are missing"
    )
    await deployment.ready()
    answered = watch.answered()
    come = sum(map(len, watch.acknowledgements.values()))
    return {
        "texts": len(answered),
        "doubled": come - len(answered),
        "away_s": round(away_s, 1),
        **figures(answered, began),
    }


def figures(answered: Sequence[Answered], began: float) -> dict[str, float]:
    """Return what clients noticed from `began` on."""
    latencies = [one.acknowledged_at - one.sent_at for one in answered]
    times = sorted(one.acknowledged_at for one in answered)
    silences = [later - earlier for earlier, later in pairwise(times) if later >= began]
    return {
        "silence_s": round(max(silences, default=0.0), 1),
        "slowest_s": round(max(latencies, default=0.0), 1),
        "waited": sum(latency > _WAITED_S for latency in latencies),
    }


async def _named(deployment: MachinesDeployment, target: str) -> str:
    """Return a target with the numbers of its machines."""
    leader = await asyncio.to_thread(deployment.brokers.leader)
    numbers = {
        "CONTROLLER": leader,
        "BROKER": leader % len(deployment.machines) + 1,
        "PRIMARY": deployment.databases.primary.machine.number,
        "STANDBY": deployment.databases.standby.machine.number,
    }
    return " ".join(str(numbers.get(word, word)) for word in target.split())


if __name__ == "__main__":
    main()
