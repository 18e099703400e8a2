"""What commands show of broadcasts, and its JSON."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from inbound.cli._backlog import ask_backlog
from inbound.clock import utc_now
from inbound.freshness.model import Freshness
from inbound.handlers.broadcasts import BroadcastState
from inbound.money import amount_text
from inbound.settings import Settings
from inbound.store.broadcasts.rows import Broadcast, Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from inbound.broadcasts.review import Review


@dataclass(frozen=True, slots=True)
class Shown:
    """A broadcast with what is shown of it."""

    one: Broadcast
    progress: Progress
    review: "Review"
    freshness: Freshness


def look(conn: "psycopg.Connection", settings: Settings, one: Broadcast) -> Shown:
    """Read what is shown of a broadcast. Blocks on Kafka, for 2 s at most, and on the database."""
    from inbound.broadcasts.review import Reviewer
    from inbound.broadcasts.sealing import AudienceSealer

    reviewer = Reviewer(AudienceSealer(settings.vault_keys()), settings.sender)
    freshness = freshness_of(conn, settings, [one])
    progress = progress_now(conn, one)
    return Shown(one, progress, reviewer.review(conn, one, progress, utc_now()), freshness)


def freshness_of(
    conn: "psycopg.Connection", settings: Settings, broadcasts: "Sequence[Broadcast]"
) -> Freshness:
    """Return how current the counts of these broadcasts will be; ask before they are read.

    Nothing can be missing while none of them has begun.
    """
    from inbound.freshness.model import PendingWork
    from inbound.freshness.people import freshness_of_people

    if all(one.lifecycle.began_at is None for one in broadcasts):
        return Freshness(utc_now())
    return freshness_of_people(conn, ask_backlog(settings), None, PendingWork.RESULTS)


def freshness_json(freshness: Freshness) -> dict[str, object]:
    """Return how current counts are, for programs."""
    return {
        "as_of": freshness.as_of,
        "pending": [one.model_dump(mode="json") for one in freshness.pending],
    }


def as_json(one: Broadcast, progress: Progress) -> dict[str, object]:
    """Return a broadcast and its progress for programs."""
    now = one.lifecycle
    return {
        "id": one.broadcast_id,
        "name": one.name,
        "account": one.account,
        "state": one.state.value,
        **asdict(progress),
        "excluded": sum(one.excluded.values()),
        "excluded_by_reason": dict(one.excluded),
        "needs_confirmation": now.needs_confirmation,
        "problem": one.problem if one.state is BroadcastState.PAUSED else None,
        "template": one.template,
        "template_version": one.template_version,
        "sender": one.sender,
        "hours": one.hours and f"{one.hours.start:%H:%M}-{one.hours.end:%H:%M}",
        "time_zone": one.hours and one.hours.zone,
        "spread": one.is_spread,
        "rate": one.rate,
        "parts": one.parts,
        "most_parts": one.most_parts,
        "created_at": one.created_at,
        "created_by": now.created_by,
        "started_by": now.started_by,
        "approved_by": now.approved_by,
        "starts_at": now.starts_at,
        "began_at": now.began_at,
        "ended_at": one.ended_at,
    }


def reviewed_json(shown: Shown) -> dict[str, object]:
    """Return a broadcast with what it is going to send, for programs."""
    review = shown.review
    return {
        **as_json(shown.one, shown.progress),
        **freshness_json(shown.freshness),
        "text": review.text,
        "sample": review.samples[0].text if review.samples else None,
        "sample_language": review.samples[0].language if review.samples else None,
        "samples": [asdict(sample) for sample in review.samples],
        "missing_languages": list(review.missing_languages),
        "price": None if review.price is None else amount_text(review.price),
        "cost": review.cost and amount_text(review.cost.charged),
        "refunded": review.cost and amount_text(review.cost.refunded),
        "currency": review.cost.currency if review.cost else review.currency,
        "balance": None if review.balance is None else amount_text(review.balance),
        "balance_currency": None if review.balance is None else review.currency,
        "waits_until": review.waits_until,
        "expected_end": review.forecast.ends_at,
        "recent_rate": review.forecast.recent_rate,
        "can_send": review.forecast.gap is None,
        "overdue_since": review.forecast.overdue_since,
        "approval_above": review.approval_above,
        "history": [step._asdict() for step in review.history],
        "warnings": [
            {"reason": warning.reason.value, "detail": warning.advice}
            for warning in review.warnings
        ],
    }


def progress_now(conn: "psycopg.Connection", one: Broadcast) -> Progress:
    from inbound.broadcasts.control import progress_of

    return progress_of(conn, [one])[one.broadcast_id]
