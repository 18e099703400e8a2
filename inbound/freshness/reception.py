"""Are the SMS centres connected? From the reports of the gateways' binds. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from inbound.freshness.model import Pending, PendingWork
from inbound.store.bind_reports import GONE_AFTER_S, ReportedBind


def reception_gap(binds: Iterable[ReportedBind]) -> Pending | None:
    """Return since when texts may wait at an SMS centre; None while every one is connected.

    Without reports since when is not known: gateways that end in order take theirs back.
    """
    lost: defaultdict[str, list[datetime | None]] = defaultdict(list)
    for bind in binds:
        if bind.details["type"] != "transmitter":
            lost[bind.details["centre"]].append(_lost_at(bind))
    if not lost:
        return Pending(work=PendingWork.RECEPTION)
    # A centre is connected as long as one of its binds is.
    gaps = [max(times) for times in map(_without_bound, lost.values()) if times]
    return Pending(work=PendingWork.RECEPTION, since=min(gaps)) if gaps else None


@dataclass(frozen=True, slots=True)
class SendingGap:
    """Nothing can be sent, because no bind that sends is bound; `since` is None if not known."""

    since: datetime | None


def sending_gap(binds: Iterable[ReportedBind]) -> SendingGap | None:
    """Return since when nothing can be sent; None while a bind can send.

    One bind is enough, because a message for another SMS centre takes it then.
    """
    lost = [_lost_at(bind) for bind in binds if bind.details["type"] != "receiver"]
    known = [at for at in lost if at is not None]
    return SendingGap(max(known, default=None)) if len(known) == len(lost) else None


def _lost_at(bind: ReportedBind) -> datetime | None:
    """Return when a bind was lost; None while it is bound. The same as long as nothing changes."""
    if bind.age_s >= GONE_AFTER_S:
        return bind.seen_at
    if bind.details["state"] == "bound":
        return None
    return datetime.fromisoformat(bind.details["since"])


def _without_bound(times: list[datetime | None]) -> list[datetime]:
    known = [time for time in times if time is not None]
    return known if len(known) == len(times) else []
