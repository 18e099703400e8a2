"""The schedule: which fault strikes when, from a seed alone. Pure.

A longer schedule of the same seed begins like the shorter one.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PAUSE_S: Final = (0.2, 2.0)
"""How long after one fault the next one strikes."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault: what, on which of the processes or in which variant, for how long.

    `pause_s` comes before it, `lasts_s` is 0 for what is over at once, `target` is an
    index or a choice that the fault itself reads.
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
class _Kind:
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
)

KINDS: Final[dict[str, _Kind]] = {
    "kill -9": _Kind(14, _PROCESSES),
    "SIGSTOP": _Kind(8, _PROCESSES, (1, 12)),
    "SIGTERM": _Kind(3, _PROCESSES),
    "rebalance": _Kind(3, ("gateway", "worker", "relay"), (3, 9)),
    "kill -9 server": _Kind(4, ("kafka", "postgres"), (0, 10)),
    "SIGSTOP server": _Kind(3, ("kafka", "postgres"), (1, 6)),
    "slow disk": _Kind(2, ("postgres",), (3, 8)),
    "link cut": _Kind(
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
    "lost response": _Kind(8, ("submit_sm taken", "submit_sm lost", "deliver_sm"), (1, 4)),
    "double delivery": _Kind(4, ("deliver_sm", "receipt"), (2, 6)),
    "throttling": _Kind(6, ("ESME_RTHROTTLED", "ESME_RMSGQFUL", "ESME_RSYSERR"), (2, 8)),
    "late answers": _Kind(5, ("submit_sm", "deliver_sm", "receipt"), (2, 8)),
    "malformed": _Kind(
        4, ("garbage", "half_body", "other_response", "wrong_sequence", "empty_body"), (1, 3)
    ),
    "no bind": _Kind(2, ("refused", "unanswered"), (2, 8)),
    "clock step": _Kind(2, ("-40", "-15", "15", "40")),
}


def schedule(seed: int) -> Iterator[Planned]:
    """Yield the faults of a seed, without end."""
    rng = random.Random(seed)
    kinds = list(KINDS)
    weights = [KINDS[kind].weight for kind in kinds]
    number = 0
    while True:
        number += 1
        (kind,) = rng.choices(kinds, weights)
        one = KINDS[kind]
        yield Planned(
            number,
            kind,
            rng.choice(one.targets),
            round(rng.uniform(*PAUSE_S), 2),
            round(rng.uniform(*one.lasts_s), 1),
        )
