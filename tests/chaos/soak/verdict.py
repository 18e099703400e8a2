"""Whether the samples of a soak are flat. Pure.

Memory, files, connections and tables without history are judged by the second half of the time:
what fills up to a limit, as a cache or an hour's memory does, is full by then. Growth is what the
slope of that half makes of the whole time. Processes are compared within the life of each, after
its warm-up; if no process of a name lives long enough, they are "not judged", which is no success
either. A table or topic that keeps history grows with the number of events: an event must not take
more of it later than at first.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any, Final, Literal

from tests.chaos.soak.samples import KAFKA, ProcessSample, Sample

SHARE: Final = 0.10
"""By which memory, files, connections and tables may grow."""
MEMORY_MB: Final = 8.0
HEAP_MB: Final = 64.0
"""Of Kafka, whose Java fills its heap of 256 MB before it collects."""
FILES: Final = 8.0
CONNECTIONS: Final = 5.0
TABLE_MB: Final = 1.0
"""What may be added to a table or topic at any rate: it grows by pages and segments."""
HISTORY_SHARE: Final = 0.30
SHORTEST_LIFE_SHARE: Final = 0.4
"""Of the second half: the longest life of a process has to be this long, or it isn't judged."""

HISTORY: Final = frozenset(
    {
        *("events", "requests", "log_heads", "audit"),
        *("inbox", "outbox", "mt_claims", "smsc_messages", "early_receipts"),
        *("mo_parts", "rejected_mos"),
        *("orders", "order_contents", "smpp_messages", "smpp_parts"),
        *("broadcasts", "broadcast_recipients", "broadcast_exclusions"),
    }
)
"""Tables that keep something of each text or message, for ever or until its retention ends."""

Points = Sequence[tuple[float, float]]
"""Seconds and values."""

_MB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what is usual, by how much it grew in the whole time, and how much it may.

    `growth` is None when there is too little to tell.
    """

    name: str
    usual: float
    growth: float | None
    allowed: float

    @property
    def verdict(self) -> Literal["flat", "grew", "not judged"]:
        """Whether it grew by no more than it may."""
        if self.growth is None:
            return "not judged"
        return "flat" if self.growth <= self.allowed else "grew"

    def __str__(self) -> str:
        growth = "" if self.growth is None else f"{self.growth:+.1f}, "
        return f"{self.verdict}: {self.name}: {self.usual:.1f}, {growth}allowed +{self.allowed:.1f}"

    def as_json(self) -> dict[str, Any]:
        """Return the figures, rounded."""
        return {
            "usual": round(self.usual, 1),
            "growth": None if self.growth is None else round(self.growth, 1),
            "allowed": round(self.allowed, 1),
        }


def figures(samples: Sequence[Sample], warm_up_s: float) -> list[Figure]:
    """Return all figures; none of fewer than 3 samples after the warm-up.

    The first `warm_up_s` of the soak and of the life of each process don't count.
    """
    settled = [sample for sample in samples if sample.at_s >= warm_up_s]
    if len(settled) < 3:
        return []
    lasted_s = samples[-1].at_s
    second_half = [sample for sample in settled if sample.at_s >= lasted_s / 2]
    return [
        *_of_processes(second_half, warm_up_s, lasted_s),
        *_flat_tables(second_half, lasted_s),
        *_history(
            settled, "table", lambda sample: sample.tables, settled[-1].tables.keys() & HISTORY
        ),
        *_history(settled, "topic", lambda sample: sample.topics, settled[-1].topics),
    ]


def _of_processes(samples: Sequence[Sample], warm_up_s: float, lasted_s: float) -> Iterable[Figure]:
    kinds: tuple[tuple[str, Callable[[ProcessSample], float], float], ...] = (
        ("MB", lambda one: one.memory_mb, MEMORY_MB),
        ("files", lambda one: one.files, FILES),
        ("connections", lambda one: one.connections, CONNECTIONS),
    )
    for name in sorted({one.name for sample in samples for one in sample.processes}):
        for unit, value, least in kinds:
            lives: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
            for sample in samples:
                for one in sample.processes:
                    if one.name == name and one.age_s >= warm_up_s:
                        lives[one.pid].append((sample.at_s, value(one)))
            allowed = HEAP_MB if (name, unit) == (KAFKA, "MB") else least
            shortest_s = SHORTEST_LIFE_SHARE * (samples[-1].at_s - samples[0].at_s)
            yield _flat(f"{name}, {unit}", list(lives.values()), shortest_s, lasted_s, allowed)


def _flat_tables(samples: Sequence[Sample], lasted_s: float) -> Iterable[Figure]:
    for name in sorted(samples[-1].tables.keys() - HISTORY):
        points = [(one.at_s, one.tables.get(name, 0) / _MB) for one in samples]
        yield _flat(f"table {name}, MB", [points], 0.0, lasted_s, TABLE_MB)


def _flat(
    name: str, lives: Collection[Points], shortest_s: float, lasted_s: float, least: float
) -> Figure:
    usual = median([y for life in lives for _, y in life] or [0.0])
    longest_s = max((life[-1][0] - life[0][0] for life in lives), default=0.0)
    is_judged = longest_s > 0 and longest_s >= shortest_s
    growth = slope(lives) * lasted_s if is_judged else None
    return Figure(name, usual, growth, max(least, SHARE * usual))


def slope(lives: Iterable[Points]) -> float:
    """Return the growth per second, by least squares within each life."""
    above = below = 0.0
    for life in lives:
        middle, usual = mean(x for x, _ in life), mean(y for _, y in life)
        above += sum((x - middle) * (y - usual) for x, y in life)
        below += sum((x - middle) ** 2 for x, _ in life)
    return above / below if below else 0.0


def _history(
    samples: Sequence[Sample],
    kind: str,
    sizes: Callable[[Sample], dict[str, int]],
    names: Collection[str],
) -> Iterable[Figure]:
    """Compare what the events of the second half added with what those of the first half did."""
    first, middle, last = samples[0], samples[len(samples) // 2], samples[-1]
    early, late = middle.events - first.events, last.events - middle.events
    for name in sorted(names):
        before, between, after = (sizes(one).get(name, 0) / _MB for one in (first, middle, last))
        expected = max(0.0, between - before) * late / early if early else 0.0
        growth = after - between - expected if early and late else None
        yield Figure(
            f"{kind} {name}, MB beyond its events",
            after,
            growth,
            max(TABLE_MB, HISTORY_SHARE * expected),
        )
