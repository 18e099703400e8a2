"""The schedule: which fault happens when, from a seed alone. Pure.

A longer schedule of the same seed begins like a shorter one.
"""

import random
from collections.abc import Iterator
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

FAULT_KINDS: Final[dict[str, _FaultKind]] = {
    "kill -9": _FaultKind(14, _PROCESSES),
    "SIGSTOP": _FaultKind(8, _PROCESSES, (1, 12)),
    "SIGTERM": _FaultKind(3, _PROCESSES),
    "rebalance": _FaultKind(3, ("gateway", "worker", "relay"), (3, 9)),
    "kill -9 server": _FaultKind(4, ("kafka", "postgres"), (0, 10)),
    "SIGSTOP server": _FaultKind(3, ("kafka", "postgres"), (1, 6)),
    "slow disk": _FaultKind(2, ("postgres",), (3, 8)),
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


def schedule(seed: int) -> Iterator[PlannedFault]:
    """Yield the faults of a seed, without end."""
    rng = random.Random(seed)
    kinds = list(FAULT_KINDS)
    weights = [FAULT_KINDS[kind].weight for kind in kinds]
    number = 0
    while True:
        number += 1
        (kind,) = rng.choices(kinds, weights)
        fault_kind = FAULT_KINDS[kind]
        yield PlannedFault(
            number,
            kind,
            rng.choice(fault_kind.targets),
            round(rng.uniform(*PAUSE_S), 2),
            round(rng.uniform(*fault_kind.lasts_s), 1),
        )
