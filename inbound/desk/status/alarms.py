"""Things that an operator has to act on, the worst first.

Pure. The limits are those of deploy/alerts.yaml where there is a rule, but apply to a single
moment.
"""

from collections.abc import Iterator
from typing import Final

from inbound.desk.status.alarm import Alarm
from inbound.desk.status.role_alarms import of_roles, of_workers
from inbound.desk.status.service_status import ServiceStatus, Stored
from inbound.smpp.status import Status, name_of
from schemas.lanes import Lane

_URGENT_WAITS_S: Final = 30.0
_NORMAL_WAITS_S: Final = 120.0
_SLOW_S: Final = 30.0
_RECENT_MINUTES: Final = 5
_SLOW_MINUTES: Final = 2
_ENOUGH: Final = 10
"""The least acknowledgements to judge by: with fewer, a single slow one would be an alarm."""

_WRONG_CREDENTIALS: Final = (Status.ESME_RINVPASWD, Status.ESME_RINVSYSID)
_FULL: Final = 0.5
_DECIDE: Final = (
    "`scserv deadletters list` says why. Then `scserv deadletters retry` them once the cause is "
    "gone, or `discard` them."
)


def alarms_of(status: ServiceStatus) -> list[Alarm]:
    """Return what is wrong, what clients notice first."""
    found = [*_of_log(status), *_of_kafka(status)]
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
            *of_roles(status, status.stored),
            *_of_lanes(status.stored),
            *_of_dead_letters(status, status.stored),
            *_of_quotas(status, status.stored),
            *_of_registrations(status.stored),
        ]
    found += of_workers(status)
    found += _of_acknowledgements(status)
    return sorted(found, key=lambda alarm: alarm.colour != "bad")


def _of_log(status: ServiceStatus) -> Iterator[Alarm]:
    if status.lost_end is not None:
        yield Alarm(
            "bad",
            "The log ends with event {last}, and event {published} was published: the database "
            "was restored from a backup, or a standby took over that lacked the end.",
            "Stop every process of the service, and run `scserv log recover`. Start nothing before "
            "it has ended with status 0.",
            {"last": status.lost_end.last, "published": status.lost_end.published},
        )


def _of_kafka(status: ServiceStatus) -> Iterator[Alarm]:
    if status.kafka is None:
        return
    if status.kafka.is_refusal:
        yield Alarm(
            "bad",
            "Kafka can't be used: it refuses this service, or is not trusted.",
            "Texts stay at the SMS centre and replies wait; nothing is lost. `scserv status` says "
            "what to correct.",
        )
    else:
        yield Alarm(
            "bad",
            "Kafka does not answer.",
            "Texts stay at the SMS centre and replies wait; nothing is lost. Check the brokers and "
            "SCSERV_KAFKA_BOOTSTRAP_SERVERS.",
        )


def _of_binds(stored: Stored) -> Iterator[Alarm]:
    if not stored.binds:
        yield Alarm(
            "bad",
            "No gateway is running.",
            "Nothing is received or sent; the SMS centre keeps the texts. Start `scserv gateway`, "
            "or read its log.",
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
    types = {bind.details.get("type") for bind in stored.binds if bind.shown_state != "gone"}
    if types == {"transmitter"}:
        yield Alarm(
            "bad",
            "No bind receives: all are transmitters.",
            "Texts stay with the SMS centre. Give a gateway a transceiver or a receiver.",
        )
    for bind in stored.binds:
        if bind.shown_state == "gone":
            # Another gateway has taken the place of one that has a live bind of this name.
            if live and bind.bind not in live:
                yield Alarm(
                    "open",
                    "The gateway {gateway} with the bind {bind} has stopped reporting.",
                    "No other gateway has a bind of this name. Start it, or restart it if it "
                    "hangs.",
                    {"gateway": bind.gateway, "bind": bind.bind},
                )
        elif bind.shown_state != "bound":
            yield Alarm(
                "bad",
                "The bind {bind} of {gateway} is not bound: {reason}",
                _what_to_do(reason := str(bind.details.get("reason", ""))),
                {"bind": bind.bind, "gateway": bind.gateway, "reason": reason},
            )
    for gateway, centres in stored.lacking_centres.items():
        yield Alarm(
            "open",
            "The gateway {gateway} has no bind to {centres}.",
            "Every gateway needs a bind to every SMS centre: correct its [[binds]].",
            {"gateway": gateway, "centres": ", ".join(centres)},
        )


def _what_to_do(reason: str) -> str:
    if any(name_of(status) in reason for status in _WRONG_CREDENTIALS):
        return (
            "Correct system_id and password of the bind (SCSERV_SMPP__SYSTEM_ID, "
            "SCSERV_SMPP__PASSWORD), or ask the SMS centre whether they were changed there."
        )
    return "It connects again by itself. If the reason is a refusal, ask the SMS centre."


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
                "Look at the binds (`scserv binds`): are they bound, or throttled by the SMS "
                "centre?",
                {"seconds": round(age)},
            )


def _of_acknowledgements(status: ServiceStatus) -> Iterator[Alarm]:
    recent = (status.hour or ())[-_RECENT_MINUTES:]
    slow = [one.p99 for one in recent if one.p99 is not None and one.p99 > _SLOW_S]
    if len(slow) >= _SLOW_MINUTES and sum(one.arrived for one in recent) >= _ENOUGH:
        yield Alarm(
            "bad",
            "Acknowledgements are slow: within the last {minutes} minutes some took {seconds} s; "
            "120 are promised.",
            "`scserv binds` shows whether binds are down or throttled. If they are well, look at "
            "the load of PostgreSQL and Kafka.",
            {"minutes": _RECENT_MINUTES, "seconds": round(max(slow))},
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
    elif stored.waiting_texts:
        yield Alarm(
            "bad",
            "Texts that can't be processed wait for a decision, and their clients for an answer: "
            "{count}.",
            _DECIDE,
            {"count": stored.waiting_texts},
            "/status/dead-letters",
        )
    elif stored.dead_letters.rows:
        yield Alarm(
            "open",
            "Messages that can't be processed wait for a decision: {count}.",
            _DECIDE,
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
