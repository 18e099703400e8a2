"""What an operator must do something about, the worst first. Pure.

The limits are those of deploy/alerts.yaml where there is a rule; but these look at one moment.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from inbound.desk.status.service_status import ServiceStatus, Stored
from inbound.freshness.model import PendingWork
from inbound.projections.status import ProjectionStatus
from schemas.lanes import Lane

_TEXTS_WAIT: Final = timedelta(seconds=30)
_RELAY_WAITS: Final = timedelta(seconds=30)
_URGENT_WAITS_S: Final = 30.0
_NORMAL_WAITS_S: Final = 120.0
_SLOW_S: Final = 30.0
_BEHIND_S: Final = 120.0
_FULL: Final = 0.5


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that is wrong. `what` and `todo` are keys of the desk's words, with `values`.

    `colour` is `bad` if clients notice it, else `open`. `link` leads to a page that helps.
    """

    colour: str
    what: str
    todo: str
    values: Mapping[str, object] = field(default_factory=dict)
    link: str = ""


def alarms_of(status: ServiceStatus) -> list[Alarm]:
    """Return what is wrong, what clients notice first."""
    found = [*_of_kafka(status)]
    if status.stored is None:
        found.append(
            Alarm(
                "bad",
                "PostgreSQL does not answer.",
                "Texts are still accepted and wait in Kafka; nothing is lost, and nothing is sent. "
                "Bring PostgreSQL back first.",
            )
        )
    else:
        found += [
            *_of_binds(status.stored),
            *_of_relay(status, status.stored),
            *_of_lanes(status.stored),
            *_of_dead_letters(status, status.stored),
            *_of_quotas(status, status.stored),
            *_of_registrations(status.stored),
        ]
        for one in status.stored.projections:
            found += _of_projection(one)
    found += _of_acknowledgements(status)
    return sorted(found, key=lambda alarm: alarm.colour != "bad")


def _of_kafka(status: ServiceStatus) -> Iterator[Alarm]:
    if status.backlog.oldest is None:
        yield Alarm(
            "bad",
            "Kafka does not answer.",
            "Texts stay at the SMS centre and replies wait; nothing is lost. Check the brokers and "
            "SCSERV_KAFKA_BOOTSTRAP_SERVERS.",
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


def _of_binds(stored: Stored) -> Iterator[Alarm]:
    if not stored.binds:
        yield Alarm(
            "bad",
            "No gateway has reported a bind within the last hour.",
            "Nothing is received or sent. Start `scserv gateway`, or read its log.",
        )
    live = {bind.bind for bind in stored.binds if bind.shown_state != "gone"}
    if stored.binds and not live:
        yield Alarm(
            "bad",
            "No gateway is running: none has reported for {seconds} s.",
            "Nothing is received or sent; the SMS centre keeps the texts. Start `scserv gateway`, "
            "or read its log.",
            {"seconds": round(min(bind.age_s for bind in stored.binds))},
        )
    for bind in stored.binds:
        if bind.shown_state == "gone":
            # Another gateway has taken the place of one that has a live bind of this name.
            if live and bind.bind not in live:
                yield Alarm(
                    "open",
                    "The gateway {gateway} with the bind {bind} has stopped reporting.",
                    "No other gateway has a bind of this name. Start it again.",
                    {"gateway": bind.gateway, "bind": bind.bind},
                )
        elif bind.shown_state != "bound":
            yield Alarm(
                "bad",
                "The bind {bind} of {gateway} is not bound: {reason}",
                "It connects again by itself. If the reason is a refusal, ask the SMS centre.",
                {
                    "bind": bind.bind,
                    "gateway": bind.gateway,
                    "reason": bind.details.get("reason", ""),
                },
            )
    for gateway, centres in stored.lacking_centres.items():
        yield Alarm(
            "open",
            "The gateway {gateway} has no bind to {centres}.",
            "Every gateway needs a bind to every SMS centre: correct its [[binds]].",
            {"gateway": gateway, "centres": ", ".join(centres)},
        )


def _of_relay(status: ServiceStatus, stored: Stored) -> Iterator[Alarm]:
    since = stored.unpublished_since
    if since and status.at - since > _RELAY_WAITS:
        yield Alarm(
            "bad",
            "Messages to send have waited for the relay for {seconds} s.",
            "Nothing is lost. Check that `scserv relay` runs, and read its log.",
            {"seconds": round((status.at - since).total_seconds())},
        )


def _of_lanes(stored: Stored) -> Iterator[Alarm]:
    ages = stored.oldest_waiting_s
    for lane, limit in ((Lane.URGENT, _URGENT_WAITS_S), (Lane.NORMAL, _NORMAL_WAITS_S)):
        age = ages.get(lane, 0.0)
        if age > limit:
            yield Alarm(
                "bad",
                "An acknowledgement has waited for {seconds} s to be sent; 120 are promised."
                if lane is Lane.URGENT
                else "A reply or notification has waited for {seconds} s to be sent.",
                "Look at the binds below: are they bound, or throttled by the SMS centre?",
                {"seconds": round(age)},
            )


def _of_acknowledgements(status: ServiceStatus) -> Iterator[Alarm]:
    slowest = status.whole_hour.p99 if status.whole_hour else None
    if slowest is not None and slowest > _SLOW_S:
        yield Alarm(
            "bad",
            "One of a hundred acknowledgements of the last hour took {seconds} s or more.",
            "120 s are promised. Look at the lanes and binds below.",
            {"seconds": round(slowest)},
        )


def _of_dead_letters(status: ServiceStatus, stored: Stored) -> Iterator[Alarm]:
    used = status.limits.dead_letters.used(stored.dead_letters)
    if used > _FULL:
        yield Alarm(
            "bad",
            "{share} of the room for dead letters is used.",
            "When it is full, partitions wait. Retry or discard some.",
            {"share": f"{used:.0%}"},
            "/status/dead-letters",
        )
    elif stored.dead_letters.rows:
        yield Alarm(
            "open",
            "Messages that can't be processed wait for a decision: {count}.",
            "Read why, then retry or discard them.",
            {"count": stored.dead_letters.rows},
            "/status/dead-letters",
        )


def _of_quotas(status: ServiceStatus, stored: Stored) -> Iterator[Alarm]:
    quotas = status.limits.quotas
    for usage, quota, what in (
        (stored.parts, quotas.parts, "More than half of the room for parts of long texts is used."),
        (
            stored.early_receipts,
            quotas.early_receipts,
            "More than half of the room for early receipts is used.",
        ),
    ):
        if max(usage.rows / quota.rows, usage.bytes / quota.bytes) > _FULL:
            yield Alarm(
                "open",
                what,
                "Somebody sends them without end, or the workers are behind. The oldest are "
                "dropped when it is full.",
            )


def _of_registrations(stored: Stored) -> Iterator[Alarm]:
    if stored.registrations.off:
        yield Alarm(
            "bad",
            "Registrations are switched off: no client gets registration data.",
            "`scserv registrations on` switches them on, once the reason is gone.",
        )
    if stored.registrations.held:
        yield Alarm(
            "open",
            "Requests for registration data wait for a person: {count}.",
            "`scserv registrations list` lists them; release or refuse each.",
            {"count": stored.registrations.held},
        )


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
