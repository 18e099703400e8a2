"""How broadcasts are printed. Times are in the zone of the service, which stands with them."""

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from inbound.broadcasts.control import MOVED, exclusions, without_recipients
from inbound.cli._broadcast_json import Shown, progress_now
from inbound.cli._command_line import command_line
from inbound.cli._format import counted
from inbound.cli._progress import progress_bar
from inbound.cli._times import local
from inbound.handlers.broadcasts import FINAL, Action, BroadcastState, words
from inbound.money import money
from inbound.settings import Settings
from inbound.store.broadcasts.rows import Broadcast, Progress
from inbound.terminal import echo
from inbound.timeline.words import english_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from inbound.broadcasts.review import Review
    from inbound.freshness.reception import SendingGap

_LOOK_EVERY_S: Final = 0.5
_COUNTS: Final = ("waiting", "sent", "delivered", "undelivered", "unknown", "withheld", "refused")
_UNSTARTED: Final = frozenset({BroadcastState.DRAFT, BroadcastState.AWAITING_APPROVAL})
_DONE: Final = {
    Action.START.value: "started",
    Action.APPROVE.value: "approved",
    Action.CONFIRM.value: "confirmed",
    Action.PAUSE.value: "paused",
    Action.RESUME.value: "resumed",
    Action.CANCEL.value: "cancelled",
    MOVED: "moved",
    "create": "created",
}
"""What the actions of the audit are called."""
_STANDS_STILL: Final = FINAL | _UNSTARTED | {BroadcastState.PAUSED}


def print_broadcast(settings: Settings, shown: Shown) -> None:
    """Print a broadcast for people."""
    one = shown.one
    echo(f"{one.name}: {words(one.state)}, {counted(shown.progress.recipients, 'recipient')}")
    for line in (
        *_content_lines(shown, settings.sender),
        *_pace_lines(shown, settings.time_zone),
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
    warn_of_no_recipients(one)
    if one.state is BroadcastState.DRAFT and shown.review.approval_above is not None:
        approve = command_line("broadcast", "approve", str(one.broadcast_id))
        echo(
            f"it needs approval, as it has more than {shown.review.approval_above:,} recipients: "
            f"after `start`, another person runs {approve}",
            err=True,
        )
    print_warnings(shown.review)


def warn_of_no_recipients(one: Broadcast) -> None:
    """Say on standard error that a draft can't be started, and why it has no recipients."""
    if one.state is BroadcastState.DRAFT and not one.lifecycle.recipients:
        echo(f"warning: {without_recipients(one)}, so it can't be started", err=True)


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
            progress = progress_now(conn, one)
            advance(progress.recipients - progress.waiting, progress.recipients)
            if one.state in _STANDS_STILL or one.lifecycle.needs_confirmation:
                return one
            time.sleep(_LOOK_EVERY_S)
            one = found(conn, one.broadcast_id)


def _summary(count: Progress) -> str:
    """Return how many were sent it, and what became of the others."""
    left_out = count.withheld + count.refused
    rest = ((count.undelivered, "undelivered"), (count.unknown, "unknown"), (left_out, "not sent"))
    others = "".join(f", {number} {what}" for number, what in rest if number)
    return f"{count.sent + count.delivered} of {count.recipients} sent{others}"


def _content_lines(shown: Shown, own_sender: str) -> "Iterator[str]":
    one, review = shown.one, shown.review
    yield f"account {one.account}, sender {one.sender or own_sender}"
    if one.template is not None:
        version = f"version {one.template_version}, the newest when the draft was created"
        yield f"template {one.template}, {version}; it stays"
        for language in review.missing_languages:
            yield f"the template has no text in {language}: those clients get its first one"
    elif review.text is not None:
        yield f"text: {review.text}"
    for sample in review.samples:
        if sample.language is None:
            yield f"to the first recipient: {sample.text}"
        else:
            to = counted(sample.recipients, "recipient")
            yield f"to {to} in {sample.language}, the first one: {sample.text}"
    if one.parts is not None and one.most_parts is not None:
        longest = counted(one.most_parts, "SMS part")
        yield f"the longest text has {longest}, all texts {counted(one.parts, 'SMS part')} at most"
    if review.price is not None and review.currency is not None:
        of = "unlimited"
        if review.balance is not None:
            of = money(review.balance, review.currency)
        most = money(review.price, review.currency)
        if review.cost is None:
            yield f"costs {most} at most; balance {of}"
        else:
            cost, back = (money(amount, review.currency) for amount in review.cost)
            yield f"cost {cost} of {most} at most; {back} given back; balance {of}"


def _pace_lines(shown: Shown, zone: str) -> "Iterator[str]":
    one, expected = shown.one, shown.review.forecast
    if one.hours is not None:
        spread = ", spread evenly" if one.is_spread else ""
        yield f"hours {one.hours.start:%H:%M}-{one.hours.end:%H:%M} {one.hours.zone}{spread}"
    if one.rate is not None:
        takes = english_duration(timedelta(seconds=one.lifecycle.recipients / one.rate))
        yield f"{counted(one.rate, 'message')} a second at most: {takes} of sending"
    elif one.state in _UNSTARTED and not one.is_spread:
        yield "no rate: as fast as the SMS centre takes it, so its end is not known before"
    if expected.gap is not None:
        yield _no_bind(expected.gap, zone)
    elif expected.ends_at is not None and expected.begins_at is not None:
        begins, ends = local(expected.begins_at, zone), local(expected.ends_at, zone)
        started = "if it were started now, it would send" if one.state in _UNSTARTED else "sends"
        yield f"{started} from {begins} until about {ends}"
    elif expected.recent_rate is not None:
        ends = f"; ends about {local(expected.ends_at, zone)}" if expected.ends_at else ""
        pace = f"{expected.recent_rate:,.1f} a second in the last minute"
        yield f"{_summary(shown.progress)}, {pace}{ends}"


def _no_bind(gap: "SendingGap", zone: str) -> str:
    since = f" since {local(gap.since, zone)}" if gap.since else ""
    return f"nothing can be sent now: no bind to an SMS centre is up{since}; see `scserv binds`"


def _excluded_lines(one: Broadcast) -> "Iterator[str]":
    for count, why in exclusions(one):
        yield f"excluded {count}: {why}"
    if one.excluded and one.audience_deleted_at is None:
        yield f"the excluded rows: {command_line('broadcast', 'excluded', str(one.broadcast_id))}"


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
    """Yield what was done and what happened, in the order of time; last, what is to come."""
    one = shown.one
    is_scheduled = one.state is BroadcastState.SCHEDULED
    past = [
        (step.at, _DONE.get(step.action, step.action), step.by) for step in shown.review.history
    ]
    past += [
        (at, what, "")
        for what, at in (("began", one.lifecycle.began_at), ("ended", one.ended_at))
        if at is not None
    ]
    for at, what, by in sorted(past, key=lambda step: step[0]):
        yield f"{what} {local(at, zone)}" + (f" by {by}" if by else "")
    to_come: tuple[tuple[str, datetime | None], ...] = (
        ("starts", one.lifecycle.starts_at if is_scheduled else None),
        ("waits for its sending hours until", shown.review.waits_until),
    )
    for what, moment in to_come:
        if moment is not None:
            yield f"{what} {local(moment, zone)}"
