"""Alarms of roles that don't run, or are behind. Pure.

A role that doesn't run is one alarm, whatever waits for it.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from inbound.desk.status.alarm import Alarm
from inbound.desk.status.service_status import ServiceStatus, Stored
from inbound.freshness.model import PendingWork
from inbound.projections.status import ProjectionStatus
from inbound.store.access.process_keys import ALIVE

_TEXTS_WAIT: Final = timedelta(seconds=30)
_RELAY_WAITS: Final = timedelta(seconds=30)
_BEHIND_S: Final = 120.0
_OPTIONAL: Final = ("api", "desk", "ingress")
"""Roles that not every installation has. For the others it is noticed sooner that none runs."""


def of_roles(status: ServiceStatus, stored: Stored) -> Iterator[Alarm]:
    """Yield what is wrong with processes that report to the database."""
    since = stored.unpublished_since
    if not stored.running.relay:
        yield Alarm(
            "bad",
            "No relay is running: replies wait in the database.",
            "Nothing is lost. Start `scserv relay`, or read its log.",
        )
    elif since and status.at - since > _RELAY_WAITS:
        yield Alarm(
            "bad",
            "Messages to send have waited for the relay for {seconds} s.",
            "Nothing is lost. Check that `scserv relay` runs, and read its log.",
            {"seconds": round((status.at - since).total_seconds())},
        )
    if not stored.running.scheduler:
        yield Alarm(
            "bad",
            "No scheduler is running: scheduled messages and broadcasts wait.",
            "Start `scserv scheduler`, or read its log.",
        )
    yield from _of_projections(stored.projections)
    for silent in stored.silent:
        yield Alarm(
            "open",
            "{process} has not been heard from for {seconds} s.",
            "Every process reports once a minute. This one was killed, hangs, or does not reach "
            "PostgreSQL: read its log. If another one has taken its place, this ends by itself.",
            {"process": silent.process, "seconds": round(silent.age_s)},
        )
    for one in stored.seen:
        if one.role in _OPTIONAL and one.age_s > ALIVE.total_seconds():
            yield Alarm(
                "open",
                "No {role} is running: the last one reported {minutes} min ago.",
                "Start it, or read its log. If it was ended for good, this is said for an hour.",
                {"role": one.role, "minutes": round(one.age_s / 60)},
            )


def of_workers(status: ServiceStatus) -> Iterator[Alarm]:
    """Yield that no worker runs, or that texts wait for one."""
    if status.backlog.oldest is None:
        return
    if status.backlog.workers == 0:
        yield Alarm(
            "bad",
            "No worker is running: texts are stored and not answered.",
            "Nothing is lost. Start `scserv worker`, or read its log.",
        )
        return
    for pending in status.backlog.pending(PendingWork.TEXTS):
        if pending.since and status.at - pending.since > _TEXTS_WAIT:
            yield Alarm(
                "bad",
                "Texts have waited for the workers for {seconds} s.",
                "Check that `scserv worker` runs, and read its log.",
                {"seconds": round((status.at - pending.since).total_seconds())},
            )


def _of_projections(all_: Sequence[ProjectionStatus]) -> Iterator[Alarm]:
    if all_ and not any(one.has_projector for one in all_):
        yield Alarm(
            "open",
            "No projector is running: the look-up tables are not kept up to date.",
            "Start `scserv projector`. Answers are as old as the tables until then.",
        )
        return
    for one in all_:
        yield from _of_projection(one)


def _of_projection(one: ProjectionStatus) -> Iterator[Alarm]:
    if one.live is None:
        yield Alarm(
            "open",
            "The look-up table {name} was never built.",
            "Start `scserv projector`; it builds the table.",
            {"name": one.name},
        )
    elif not one.has_projector:
        yield Alarm(
            "open",
            "No projector keeps {name} up to date.",
            "Start `scserv projector`. Answers are as old as the table until then.",
            {"name": one.name},
        )
    elif one.live.seconds > _BEHIND_S:
        yield Alarm(
            "open",
            "{name} is {seconds} s behind.",
            "Support can't find what happened since. Read the projector's log.",
            {"name": one.name, "seconds": round(one.live.seconds)},
        )
