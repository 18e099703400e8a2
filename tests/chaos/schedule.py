"""The schedule: which fault happens when, from a seed alone. Pure.

A longer schedule of the same seed begins like a shorter one.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from inbound.local.simulator.attacks import ATTACKS
from inbound.local.simulator.habits import HABITS
from inbound.local.simulator.hostile_values import HOSTILE

PAUSE_S: Final = (0.2, 2.0)
"""Shortest and longest pause before a fault."""


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault: its kind, its target, and for how long.

    `target` names a process, a server or a variant of the fault. `pause_s` comes before the
    fault; `lasts_s` is 0 for a fault that is over at once.
    """

    number: int
    kind: str
    target: str
    pause_s: float
    lasts_s: float

    def __str__(self) -> str:
        lasts = f" for {self.lasts_s:.1f} s" if self.lasts_s else ""
        return f"#{self.number} {self.kind} {self.target}{lasts}".replace("  ", " ")


@dataclass(frozen=True, slots=True)
class _FaultKind:
    weight: int
    targets: tuple[str, ...]
    lasts_s: tuple[float, float] = (0.0, 0.0)


_PROCESSES: Final = (
    "gateway 0",
    "gateway 1",
    "worker 0",
    "worker 1",
    "relay 0",
    "relay 1",
    "projector 0",
    "scheduler 0",
    "scheduler 1",
    "api 0",
    "ingress 0",
)

ATTACK: Final = "attack"
"""The first word of a hostile target that is a kind of attack; else it is a command."""

_PROCESS_KINDS: Final[dict[str, _FaultKind]] = {
    "kill -9": _FaultKind(14, _PROCESSES),
    "SIGSTOP": _FaultKind(8, _PROCESSES, (1, 12)),
    "SIGTERM": _FaultKind(3, _PROCESSES),
    "rebalance": _FaultKind(3, ("gateway", "worker", "relay"), (3, 9)),
}

_CENTRE_KINDS: Final[dict[str, _FaultKind]] = {
    "link cut": _FaultKind(
        12,
        (
            "submit_sm before",
            "submit_sm middle",
            "submit_sm after",
            "submit_sm lost",
            "deliver_sm before",
            "deliver_sm middle",
            "deliver_sm after",
            "receipt middle",
        ),
        (2, 5),
    ),
    "lost response": _FaultKind(8, ("submit_sm taken", "submit_sm lost", "deliver_sm"), (1, 4)),
    "double delivery": _FaultKind(4, ("deliver_sm", "receipt"), (2, 6)),
    "throttling": _FaultKind(6, ("ESME_RTHROTTLED", "ESME_RMSGQFUL", "ESME_RSYSERR"), (2, 8)),
    "late answers": _FaultKind(5, ("submit_sm", "deliver_sm", "receipt"), (2, 8)),
    "malformed": _FaultKind(
        4, ("garbage", "half_body", "other_response", "wrong_sequence", "empty_body"), (1, 3)
    ),
    "no bind": _FaultKind(
        3, ("refused", "unanswered", "refused north", "unanswered south"), (2, 8)
    ),
    "habit": _FaultKind(
        10,
        tuple(f"{command} {name}" for name in HABITS for command in sorted(HABITS[name])),
        (2, 6),
    ),
    "clock step": _FaultKind(2, ("-40", "-15", "15", "40")),
    "hostile": _FaultKind(
        8,
        (
            *(f"{ATTACK} {kind}" for kind in ATTACKS),
            *(f"{command} {name}" for name in HOSTILE for command in sorted(HOSTILE[name])),
        ),
        (2, 6),
    ),
}

FAULT_KINDS: Final = {
    **_PROCESS_KINDS,
    "kill -9 server": _FaultKind(4, ("kafka", "postgres"), (0, 10)),
    "SIGSTOP server": _FaultKind(3, ("kafka", "postgres"), (1, 6)),
    "slow disk": _FaultKind(2, ("postgres",), (3, 8)),
    **_CENTRE_KINDS,
}
"""With one Kafka and one PostgreSQL."""

_MACHINES: Final = ("1", "2", "3")

MACHINE_KINDS: Final = {
    "broker": _FaultKind(
        8,
        tuple(f"{number} {how}" for number in _MACHINES for how in ("kill -9", "SIGSTOP")),
        (2, 12),
    ),
    "slow disk": _FaultKind(4, ("broker 1", "broker 2", "broker 3", "postgres"), (3, 8)),
    "failover": _FaultKind(5, ("kill -9", "split"), (1, 5)),
    "standby": _FaultKind(3, ("kill -9", "SIGSTOP"), (1, 6)),
    "power": _FaultKind(4, _MACHINES, (2, 8)),
    "partition": _FaultKind(
        8,
        tuple(
            f"{number} {how}"
            for number in _MACHINES
            for how in ("isolated", "split", f"deaf {int(number) % len(_MACHINES) + 1}")
        ),
        (2, 12),
    ),
    "line": _FaultKind(
        8,
        tuple(
            f"{number} {how}"
            for number in _MACHINES
            for how in ("loses 5%", "loses 20%", "slow line")
        ),
        (3, 10),
    ),
}
"""Of three machines, their network, brokers and PostgreSQL's primary and standby."""

KINDS_WITH_MACHINES: Final = {**_PROCESS_KINDS, **MACHINE_KINDS, **_CENTRE_KINDS}


def schedule(
    seed: int, fault_kinds: Mapping[str, _FaultKind] = FAULT_KINDS
) -> Iterator[PlannedFault]:
    """Yield the faults of a seed, without end."""
    rng = random.Random(seed)
    kinds = list(fault_kinds)
    weights = [fault_kinds[kind].weight for kind in kinds]
    number = 0
    while True:
        number += 1
        (kind,) = rng.choices(kinds, weights)
        fault_kind = fault_kinds[kind]
        yield PlannedFault(
            number,
            kind,
            rng.choice(fault_kind.targets),
            round(rng.uniform(*PAUSE_S), 2),
            round(rng.uniform(*fault_kind.lasts_s), 1),
        )
