"""What each alert is for: series while all is well, and in the outage that it tells of.

Every case runs the same day: 20 minutes of normal work, 20 minutes of the outage, 40 minutes of
normal work again. `GAUGE`: the first value while all is well, the second in the outage. `COUNTER`:
how much is counted within 15 s. `ONCE`: one event, at the start of the outage. `GONE`: no samples.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

STEP_S: Final = 15
WELL: Final = 80
"""Samples of normal work, and of the outage; twice as many follow."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series through the day, as promtool writes samples."""

    normal: str
    outage: str
    after: str

    @property
    def values(self) -> str:
        return f"{self.normal} {self.outage} {self.after}"


def gauge(well: float, bad: float) -> Series:
    return Series(f"{well}x{WELL - 1}", f"{bad}x{WELL - 1}", f"{well}x{2 * WELL}")


def gone(well: float = 1) -> Series:
    return Series(f"{well}x{WELL - 1}", f"stale _x{WELL - 2}", f"{well}x{2 * WELL}")


def counter(well: float, bad: float) -> Series:
    """A counter that goes on by so much in each step."""
    first = well * WELL
    second = first + bad * WELL
    return Series(
        f"0+{well}x{WELL - 1}", f"{first}+{bad}x{WELL - 1}", f"{second}+{well}x{2 * WELL}"
    )


def once(by: float = 1) -> Series:
    """A counter that had counted something before, and counts more at the start of the outage."""
    return Series(f"3x{WELL - 1}", f"{3 + by}x{WELL - 1}", f"{3 + by}x{2 * WELL}")


def restarted(name: str, by: float = 1) -> dict[str, Series]:
    """A counter of a process that ends 2 minutes before the outage, and of its successor's.

    The successor counts nothing before the outage, so its series begins there.
    """
    old, new = name.replace("}", ', instance="a-1"}'), name.replace("}", ', instance="a-2"}')
    return {
        old: Series(f"30x{WELL - 9} stale _x7", f"_x{WELL}", f"_x{2 * WELL}"),
        new: Series(f"_x{WELL}", f"{by}x{WELL - 1}", f"{by}x{2 * WELL}"),
    }


def crashing(name: str, times: int) -> dict[str, Series]:
    """A gauge of processes that end a minute after their start, one after the other.

    In normal work they are told to, so their last value is 0; in the outage it is 1.
    """
    told = {
        _of_instance(name, f"told-{n}"): Series(f"_x{4 * n + 1} 1x3 0", f"_x{WELL}", f"_x{WELL}")
        for n in range(times)
    }
    crashed = {
        _of_instance(name, f"crashed-{n}"): Series(f"_x{WELL}", f"_x{4 * n + 1} 1x3", f"_x{WELL}")
        for n in range(times)
    }
    return told | crashed


def _of_instance(name: str, instance: str) -> str:
    return name.replace("}", f', instance="{instance}"}}')


@dataclass(frozen=True, slots=True)
class Case:
    """`seen_at_s` after the start of the outage the alert fires, with these labels."""

    series: Mapping[str, Series]
    labels: Mapping[str, str] = field(default_factory=dict)
    seen_at_s: int = 19 * 60


def _latency() -> dict[str, Series]:
    name = "scserv_acknowledgement_latency_seconds_bucket"
    return {
        f'{name}{{le="1"}}': counter(10, 0),
        f'{name}{{le="30"}}': counter(10, 0),
        f'{name}{{le="60"}}': counter(10, 10),
        f'{name}{{le="+Inf"}}': counter(10, 10),
    }


_DAY: Final = 86_400
ONCE_AT_S: Final = 5 * 60

CASES: Final[Mapping[str, Case]] = {
    "AcknowledgementLate": Case(
        {"scserv_acknowledgements_late_total": once()}, seen_at_s=ONCE_AT_S
    ),
    "AcknowledgementOverdue": Case({"scserv_acknowledgements_overdue": gauge(0, 80)}),
    "AcknowledgementSlow": Case(_latency()),
    "BindDown": Case(
        {
            'scserv_bind_up{bind="main-1", instance="a"}': gauge(1, 0),
            'scserv_bind_up{bind="main-2", instance="a"}': gauge(1, 1),
        },
        {"bind": "main-1"},
    ),
    "CentreLacking": Case(
        {
            'scserv_gateway_lacking_centres{instance="a"}': gauge(0, 1),
            'scserv_gateway_lacking_centres{instance="b"}': gauge(0, 0),
        },
        {"instance": "a"},
    ),
    "DeadLetterStored": Case(
        {'scserv_dead_letters_total{topic="sms.mo.v1"}': once()},
        {"topic": "sms.mo.v1"},
        ONCE_AT_S,
    ),
    "DeadLetterFlood": Case({'scserv_dead_letters_total{topic="sms.mo.v1"}': counter(0, 30)}),
    "DeadLettersFillUp": Case({"scserv_dead_letters_used": gauge(0.2, 0.6)}),
    "DeadLettersDropped": Case({"scserv_dead_letters_dropped_total": once()}, seen_at_s=ONCE_AT_S),
    "QuotaFillsUp": Case({'scserv_quota_used{kind="parts"}': gauge(0, 0.7)}, {"kind": "parts"}),
    "PartsDropped": Case(
        {'scserv_parts_dropped_total{quota="sender"}': once()}, seen_at_s=ONCE_AT_S
    ),
    "ReceiptsDropped": Case(
        {
            'scserv_receipts_unmatched_total{reason="quota"}': once(),
            'scserv_receipts_unmatched_total{reason="no_message"}': counter(1, 1),
        },
        seen_at_s=ONCE_AT_S,
    ),
    "BacklogFillsUp": Case(
        {'scserv_backlog_used{topic="sms.mo.v1"}': gauge(0.1, 0.8)}, {"topic": "sms.mo.v1"}
    ),
    "Lagging": Case(
        {
            'scserv_lag{topic="sms.mo.v1", instance="a"}': gauge(10, 600),
            'scserv_lag{topic="sms.mo.v1", instance="b"}': gauge(10, 600),
        },
        {"topic": "sms.mo.v1"},
    ),
    "ProjectionBehind": Case(
        {'scserv_projection_age_seconds{projection="requests"}': gauge(1, 200)},
        {"projection": "requests"},
    ),
    "NoProjector": Case({'scserv_projection_lag{projection="requests"}': gone()}),
    "BroadcastMissedItsStart": Case({"scserv_broadcasts_unconfirmed": gauge(0, 1)}),
    "CallbacksDead": Case(
        {
            'scserv_callbacks_total{outcome="dead"}': once(),
            'scserv_callbacks_total{outcome="failed"}': counter(1, 1),
        },
        seen_at_s=ONCE_AT_S,
    ),
    "NoScheduler": Case({"scserv_broadcasts_running": gone(0)}),
    "NoApi": Case(
        {
            'scserv_ready{role="api", instance="api-a-1"}': gone(),
            'scserv_ready{role="worker", instance="worker-a-1"}': gauge(1, 1),
        }
    ),
    "NoDesk": Case({'scserv_ready{role="desk", instance="desk-a-1"}': gone()}),
    "NoIngress": Case({'scserv_ready{role="ingress", instance="ingress-a-1"}': gone()}),
    "NotReady": Case(
        {
            'scserv_ready{role="worker", instance="worker-a-1"}': gauge(1, 0),
            'scserv_ready{role="worker", instance="worker-a-2"}': gauge(1, 1),
        },
        {"role": "worker", "instance": "worker-a-1"},
    ),
    "CrashLoop": Case(crashing('scserv_young{role="worker"}', 15), {"role": "worker"}),
    "ClockSkewed": Case(
        {
            'scserv_clock_skew_seconds{clock="machine", instance="worker-a-1"}': gauge(0, -7200),
            'scserv_clock_skew_seconds{clock="machine", instance="worker-b-1"}': gauge(0, 1),
        },
        {"clock": "machine", "instance": "worker-a-1"},
    ),
    "CertificateExpires": Case(
        {
            'scserv_certificate_expiry_seconds{certificate="API"}': gauge(60 * _DAY, 13 * _DAY),
            'scserv_certificate_expiry_seconds{certificate="desk"}': gauge(60 * _DAY, 15 * _DAY),
        },
        {"certificate": "API"},
    ),
    "DiskFillsUp": Case(
        {
            'scserv_disk_free{server="kafka 1"}': gauge(0.6, 0.1),
            'scserv_disk_free{server="kafka 2"}': gauge(0.6, 0.6),
        },
        {"server": "kafka 1"},
    ),
    "HostDiskFillsUp": Case(
        {
            'node_filesystem_avail_bytes{instance="db", mountpoint="/data", fstype="xfs"}': gauge(
                60, 10
            ),
            'node_filesystem_size_bytes{instance="db", mountpoint="/data", fstype="xfs"}': gauge(
                100, 100
            ),
            'node_filesystem_avail_bytes{instance="db", mountpoint="/run", fstype="tmpfs"}': gauge(
                1, 1
            ),
            'node_filesystem_size_bytes{instance="db", mountpoint="/run", fstype="tmpfs"}': gauge(
                100, 100
            ),
        },
        {"instance": "db", "mountpoint": "/data"},
    ),
    "DiskUnwatched": Case(
        {
            'scserv_disk_free{server="kafka 1"}': gauge(0.6, 0.6),
            'scserv_disk_free{server="postgresql"}': Series(
                f"1x{WELL - 1}", f"stale _x{2 * WELL - 1}", f"1x{WELL}"
            ),
        },
        seen_at_s=36 * 60,
    ),
    "NoWorker": Case({'scserv_lag{topic="sms.mo.v1"}': gone(0)}),
    "NoGateway": Case({'scserv_backlog_used{topic="sms.mo.v1"}': gone(0)}),
    "NoRelay": Case({'scserv_lag{feed="outbox"}': gone(0)}, {"feed": "outbox"}),
    "TextsUnprocessed": Case(
        {'scserv_backlog_standing_seconds{topic="sms.mo.v1"}': gauge(1, 60)},
        {"topic": "sms.mo.v1"},
    ),
    "OldestWaiting": Case(
        {
            'scserv_lane_oldest_age_seconds{smsc="main", lane="urgent"}': gauge(1, 40),
            'scserv_lane_oldest_age_seconds{smsc="main", lane="bulk"}': gauge(3600, 3600),
        },
        {"smsc": "main", "lane": "urgent"},
    ),
    "OutcomesUnknown": Case(
        {
            'scserv_replies_total{outcome="submitted"}': counter(100, 100),
            'scserv_replies_total{outcome="unknown"}': counter(0, 10),
        }
    ),
    "Refused": Case({'scserv_replies_total{outcome="rejected"}': once(6)}, seen_at_s=2 * 60),
    "OftenAttempted": Case(
        {'scserv_messages_often_attempted_total{purpose="fulfilment"}': once()},
        seen_at_s=ONCE_AT_S,
    ),
    "ApiFailing": Case(
        {
            'scserv_api_requests_total{status="200"}': counter(10, 10),
            'scserv_api_requests_total{status="503"}': counter(0, 2),
        }
    ),
    "RegistrationsHeld": Case({"scserv_registrations_held": gauge(0, 4)}),
    "RegistrationCeilingReached": Case(
        {'scserv_registrations_total{reason="hourly_ceiling"}': once()}, seen_at_s=ONCE_AT_S
    ),
    "UnknownNumberCeilingReached": Case(
        {
            'scserv_mo_rejected_total{reason="unknown_number_ceiling"}': once(),
            'scserv_mo_rejected_total{reason="unknown"}': counter(5, 5),
        },
        seen_at_s=ONCE_AT_S,
    ),
    "RegistrationsOff": Case({"scserv_registrations_off": gauge(0, 1)}),
    "StopBurst": Case(
        {
            'scserv_requests_accepted_total{command="sms_stop"}': counter(0, 2),
            "scserv_directory_size": gauge(1000, 1000),
        }
    ),
    "ApiTokensGuessed": Case({"scserv_api_token_failures_total": counter(0, 30)}),
    "ApiConnectionsCrowded": Case(
        {'scserv_api_connections_closed_total{reason="evicted"}': counter(0, 30)}
    ),
}

RESTARTED: Final[Mapping[str, Case]] = {
    "AcknowledgementLate": Case(
        restarted('scserv_acknowledgements_late_total{service="scserv"}'), seen_at_s=ONCE_AT_S
    ),
    "DeadLetterStored": Case(
        restarted('scserv_dead_letters_total{topic="sms.mo.v1"}'),
        {"topic": "sms.mo.v1"},
        ONCE_AT_S,
    ),
    "DeadLettersDropped": Case(
        restarted('scserv_dead_letters_dropped_total{topic="sms.mo.v1"}'), seen_at_s=ONCE_AT_S
    ),
    "PartsDropped": Case(
        restarted('scserv_parts_dropped_total{quota="sender"}'), seen_at_s=ONCE_AT_S
    ),
    "ReceiptsDropped": Case(
        restarted('scserv_receipts_unmatched_total{reason="quota"}'), seen_at_s=ONCE_AT_S
    ),
    "CallbacksDead": Case(restarted('scserv_callbacks_total{outcome="dead"}'), seen_at_s=ONCE_AT_S),
    "Refused": Case(restarted('scserv_replies_total{outcome="rejected"}', 6), seen_at_s=2 * 60),
    "OftenAttempted": Case(
        restarted('scserv_messages_often_attempted_total{purpose="fulfilment"}'),
        seen_at_s=ONCE_AT_S,
    ),
    "RegistrationCeilingReached": Case(
        restarted('scserv_registrations_total{reason="hourly_ceiling"}'), seen_at_s=ONCE_AT_S
    ),
    "UnknownNumberCeilingReached": Case(
        restarted('scserv_mo_rejected_total{reason="unknown_number_ceiling"}'),
        seen_at_s=ONCE_AT_S,
    ),
    "StopBurst": Case(
        restarted('scserv_requests_accepted_total{command="sms_stop"}', 25), seen_at_s=ONCE_AT_S
    ),
}
"""Rules about single events, after the process that had counted many was restarted."""
