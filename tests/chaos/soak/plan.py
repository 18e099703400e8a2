"""The faults of a soak: those of a campaign, one a minute. Pure.

The eldest process of each role and, after a third of the time, both servers live on: only what
lives for hours can show that it grows. Campaigns kill all of them.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.chaos.schedule import PlannedFault, schedule

FAULT_EVERY_S: Final = 60.0
SERVERS_LIVE_FROM: Final = 1 / 3
"""Of the time: so that a server has filled its memory before the second half is judged."""

_SINGLE: Final = frozenset({"api", "ingress"})
"""Roles with one process: it is suspended instead."""
_SUSPENDED_S: Final = 5.0


def plan(seed: int) -> Iterator[PlannedFault]:
    """Yield the faults of a seed, without end."""
    for fault in schedule(seed):
        yield replace(_spare_eldest(fault), pause_s=FAULT_EVERY_S)


def spare_servers(fault: PlannedFault) -> PlannedFault:
    """Return the fault of later: a server that would be killed is suspended."""
    if fault.kind == "kill -9 server":
        return replace(fault, kind="SIGSTOP server", lasts_s=min(fault.lasts_s, _SUSPENDED_S))
    return fault


def _spare_eldest(fault: PlannedFault) -> PlannedFault:
    if fault.kind not in {"kill -9", "SIGTERM"}:
        return fault
    role = fault.target.split()[0]
    if role in _SINGLE:
        return replace(fault, kind="SIGSTOP", lasts_s=_SUSPENDED_S)
    # Processes are numbered by age.
    return replace(fault, target=f"{role} 1")
