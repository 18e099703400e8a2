"""How broadcasts are printed. Times are in the zone of the service, which stands with them."""

import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from inbound.cli._command_line import command_line
from inbound.cli._format import counted
from inbound.cli._progress import progress_bar
from inbound.cli._times import local
from inbound.clock import utc_now
from inbound.handlers.broadcasts import FINAL, BroadcastState, words
from inbound.settings import Settings
from inbound.store.broadcasts.rows import Broadcast, Progress
from inbound.terminal import echo
from inbound.timeline.words import english_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from inbound.broadcasts.review import Review

_LOOK_EVERY_S: Final = 0.5
_COUNTS: Final = ("waiting", "sent", "delivered", "undelivered", "unknown", "withheld", "refused")
_UNSTARTED: Final = frozenset({BroadcastState.DRAFT, BroadcastState.AWAITING_APPROVAL})
_STANDS_STILL: Final = FINAL | _UNSTARTED | {BroadcastState.PAUSED}


@dataclass(frozen=True, slots=True)
class Shown:
    """A broadcast with what is shown of it."""

    one: Broadcast
    progress: Progress
    review: "Review"


def look(conn: "psycopg.Connection", settings: Settings, one: Broadcast) -> Shown:
    """Read what is shown of a broadcast. Blocks on the database."""
    from inbound.broadcasts.review import Reviewer
    from inbound.broadcasts.sealing import AudienceSealer

    reviewer = Reviewer(AudienceSealer(settings.vault_key_bytes()), settings.sender)
    return Shown(one, _progress(conn, one), reviewer.review(conn, one, utc_now()))


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
        "text": review.text,
        "sample": review.sample,
        "sample_language": review.sample_language,
        "missing_languages": list(review.missing_languages),
        "price": None if review.price is None else str(review.price),
        "currency": review.currency,
        "balance": None if review.balance is None else str(review.balance),
        "waits_until": review.waits_until,
        "warnings": [
            {"reason": warning.reason.value, "detail": warning.detail}
            for warning in review.warnings
        ],
    }


def print_broadcast(settings: Settings, shown: Shown) -> None:
    """Print a broadcast for people."""
    one = shown.one
    echo(f"{one.name}: {words(one.state)}, {counted(shown.progress.recipients, 'recipient')}")
    for line in (
        *_content_lines(shown, settings.sender),
        *_pace_lines(one),
        *_excluded_lines(one),
        *(_progress_lines(shown.progress) if one.state not in _UNSTARTED else ()),
        *_time_lines(shown, settings.time_zone),
    ):
        echo(f"  {line}")
    if one.lifecycle.needs_confirmation:
        confirm = command_line("broadcast", "confirm", str(one.broadcast_id))
        echo(f"  missed its start; to start it now: {confirm}")
    if one.problem and one.state is BroadcastState.PAUSED:
        echo(f"  paused because of a problem: {one.problem}")
    if one.state is BroadcastState.DRAFT and not one.lifecycle.recipients:
        why = ", ".join(f"{count}: {reason}" for count, reason in _excluded(one))
        echo(
            "warning: it has no recipients, so it can't be started; "
            + (f"excluded {why}" if why else "the audience is empty"),
            err=True,
        )
    print_warnings(shown.review)


def print_warnings(review: "Review") -> None:
    """Print why recipients would be refused, to standard error."""
    for warning in review.warnings:
        echo(f"warning: {warning.detail}", err=True)


def print_list(conn: "psycopg.Connection", broadcasts: "Sequence[Broadcast]", zone: str) -> None:
    """Print one line for each."""
    from inbound.broadcasts.control import progress_of

    if not broadcasts:
        echo("no broadcasts yet; create one with `scserv broadcast create`")
        return
    progress = progress_of(conn, broadcasts)
    for one in broadcasts:
        created = local(one.created_at, zone)
        echo(
            f"{one.broadcast_id}  {created}  {words(one.state)}  "
            f"{_summary(progress[one.broadcast_id])}  {one.name}"
        )


def watch(conn: "psycopg.Connection", one: Broadcast) -> Broadcast:
    """Show a progress bar until the broadcast ends or stands still; return it as it is then."""
    from inbound.broadcasts.control import found

    with progress_bar(one.name, unit="recipients") as advance:
        while True:
            progress = _progress(conn, one)
            advance(progress.recipients - progress.waiting, progress.recipients)
            if one.state in _STANDS_STILL or one.lifecycle.needs_confirmation:
                return one
            time.sleep(_LOOK_EVERY_S)
            one = found(conn, one.broadcast_id)


def _summary(count: Progress) -> str:
    """Return how many have been sent it, and how many were not."""
    reached = count.sent + count.delivered + count.undelivered + count.unknown
    left_out = count.withheld + count.refused
    not_sent = f", {left_out} not sent" if left_out else ""
    return f"{reached} of {count.recipients} sent{not_sent}"


def _content_lines(shown: Shown, own_sender: str) -> "Iterator[str]":
    one, review = shown.one, shown.review
    yield f"account {one.account}, sender {one.sender or own_sender}"
    if one.template is not None:
        yield f"template {one.template}, version {one.template_version}"
        for language in review.missing_languages:
            yield f"the template has no text in {language}: those clients get its first one"
    elif review.text is not None:
        yield f"text: {review.text}"
    if review.sample is not None:
        language = f" in {review.sample_language}" if review.sample_language else ""
        yield f"to the first recipient{language}: {review.sample}"
    if one.parts is not None and one.most_parts is not None:
        longest = counted(one.most_parts, "SMS part")
        yield f"the longest text has {longest}, all texts {counted(one.parts, 'SMS part')} at most"
    if review.price is not None and review.currency is not None:
        from inbound.broadcasts.review import money

        of = "unlimited"
        if review.balance is not None:
            of = money(review.balance, review.currency)
        yield f"costs {money(review.price, review.currency)} at most; balance {of}"


def _pace_lines(one: Broadcast) -> "Iterator[str]":
    if one.hours is not None:
        spread = ", spread evenly" if one.is_spread else ""
        yield f"hours {one.hours.start:%H:%M}-{one.hours.end:%H:%M} {one.hours.zone}{spread}"
    if one.rate is not None:
        takes = english_duration(timedelta(seconds=one.lifecycle.recipients / one.rate))
        yield f"{counted(one.rate, 'message')} a second at most: {takes} of sending"


def _excluded_lines(one: Broadcast) -> "Iterator[str]":
    for count, why in _excluded(one):
        yield f"excluded {count}: {why}"
    if one.excluded and one.audience_deleted_at is None:
        yield f"the excluded rows: {command_line('broadcast', 'excluded', str(one.broadcast_id))}"


def _excluded(one: Broadcast) -> "Iterator[tuple[int, str]]":
    """Yield how many rows each reason has excluded, and the reason in words."""
    from inbound.broadcasts.audience import EXPLANATIONS, Exclusion

    for reason, count in sorted(one.excluded.items()):
        yield count, EXPLANATIONS[Exclusion(reason)]


def _progress_lines(progress: Progress) -> "Iterator[str]":
    counts = {name: getattr(progress, name) for name in _COUNTS}
    yield ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    for name, reasons in (
        ("withheld", progress.withheld_by_reason),
        ("refused", progress.refused_by_reason),
    ):
        for reason, count in reasons.items():
            yield f"{name} {count}: {reason.replace('_', ' ')}"


def _time_lines(shown: Shown, zone: str) -> "Iterator[str]":
    one = shown.one
    is_scheduled = one.state is BroadcastState.SCHEDULED
    moments: tuple[tuple[str, datetime | None], ...] = (
        ("created", one.created_at),
        ("starts", one.lifecycle.starts_at if is_scheduled else None),
        ("waits for its sending hours until", shown.review.waits_until),
        ("began", one.lifecycle.began_at),
        ("ended", one.ended_at),
    )
    for what, moment in moments:
        if moment is not None:
            by = f" by {one.lifecycle.created_by}" if what == "created" else ""
            yield f"{what} {local(moment, zone)}{by}"


def _progress(conn: "psycopg.Connection", one: Broadcast) -> Progress:
    from inbound.broadcasts.control import progress_of

    return progress_of(conn, [one])[one.broadcast_id]
