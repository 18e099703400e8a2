"""What counts as wrong now: slow acknowledgements, and workers that are gone."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from inbound.desk.status.alarms import alarms_of
from inbound.desk.status.service_status import Limits, ServiceStatus, Stored
from inbound.freshness.model import Backlog, PendingWork
from inbound.freshness.trouble import KafkaTrouble
from inbound.projections.queries import Minute
from inbound.smpp.status import Status, explain
from inbound.store.bind_reports import ReportedBind
from inbound.store.dead_letters.limits import DeadLetterLimits
from inbound.store.dead_letters.rows import DeadLetterUsage
from inbound.store.quotas import Quotas, Usage
from inbound.store.registrations.status import RegistrationStatus
from inbound.store.running_roles import RunningRoles

NOW = datetime(2024, 5, 17, 10, tzinfo=UTC)
LIMITS = Limits(DeadLetterLimits(10, 10_000), Quotas())


def hour(*recent: tuple[int, float | None]) -> list[Minute]:
    """The last hour: quiet, and at its end these minutes with how many arrived and the p99."""
    minutes = [(0, None)] * (60 - len(recent)) + list(recent)
    begin = NOW - timedelta(hours=1)
    return [
        Minute(begin + timedelta(minutes=n), arrived, p99, p99)
        for n, (arrived, p99) in enumerate(minutes)
    ]


def slow(minutes: Sequence[Minute]) -> list[str]:
    """Return what is said about slow acknowledgements."""
    whole = Minute(None, 6, 1.0, 59.0)
    status = ServiceStatus(NOW, LIMITS, Backlog(NOW, {}), None, minutes, whole)
    return [one.what for one in alarms_of(status) if one.what.startswith("Acknowledgements")]


def test_one_slow_acknowledgement_is_no_alarm() -> None:
    assert not slow(hour((2, 59.0), (4, 1.0)))
    assert not slow(hour((40, 59.0), (40, 1.0)))


def test_it_is_one_while_many_are_slow_for_minutes_and_not_afterwards() -> None:
    late = [(40, 59.0), (40, 70.0)]
    assert len(slow(hour(*late, (40, 1.0)))) == 1
    assert not slow(hour(*late, *[(40, 1.0)] * 5))


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (None, []),
        (KafkaTrouble("no answer within 2 s"), ["Kafka does not answer."]),
        (
            KafkaTrouble("its certificate has expired", is_refusal=True),
            ["Kafka can't be used: it refuses this service, or is not trusted."],
        ),
    ],
)
def test_kafka_is_away_only_if_it_does_not_answer(
    trouble: KafkaTrouble | None, said: list[str]
) -> None:
    """Not if it is too slow to say in time what waits for the workers."""
    status = ServiceStatus(NOW, LIMITS, Backlog(NOW, None), None, None, None, kafka=trouble)
    assert [one.what for one in alarms_of(status) if one.what.startswith("Kafka")] == said


def told(backlog: Backlog) -> list[str]:
    """Return what is said about workers."""
    status = ServiceStatus(NOW, LIMITS, backlog, None, None, None)
    return [one.what for one in alarms_of(status) if "worker" in one.what]


def test_workers_that_are_gone_are_one_alarm_even_if_nothing_waits() -> None:
    old = {(PendingWork.TEXTS, 0): NOW - timedelta(minutes=1)}
    gone = "No worker is running: texts are stored and not answered."
    assert told(Backlog(NOW, {}, workers=0)) == [gone]
    assert told(Backlog(NOW, old, workers=0)) == [gone]
    assert told(Backlog(NOW, {}, workers=1)) == []
    assert told(Backlog(NOW, {})) == []
    assert told(Backlog(NOW, old, workers=1)) == [
        "Texts have waited for the workers for {seconds} s."
    ]


@pytest.mark.parametrize(
    ("status", "todo"),
    [
        (Status.ESME_RINVPASWD, "SCSERV_SMPP__PASSWORD"),
        (Status.ESME_RBINDFAIL, "ask the SMS centre"),
    ],
)
def test_a_wrong_password_of_a_bind_is_corrected_here(status: Status, todo: str) -> None:
    reason = f"the SMS centre refused the bind: {explain(status)}"
    state = json.dumps({"state": "closed", "reason": reason, "centre": "", "type": "transceiver"})
    bind = ReportedBind("a", "main", "gateway-1", True, state.encode(), 1.0, NOW)
    stored = Stored(
        [bind],
        [],
        DeadLetterUsage(0, 0),
        RegistrationStatus(False, None, None, None, 0, None, 0, 0),
        Usage(0, 0),
        Usage(0, 0),
        RunningRoles(relay=True, scheduler=True),
        0,
        [],
        [],
    )
    found = ServiceStatus(NOW, LIMITS, Backlog(NOW, {}), stored, None, None)
    [alarm] = [one for one in alarms_of(found) if "is not bound" in one.what]
    assert todo in alarm.todo
