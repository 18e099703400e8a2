"""Prints broadcasts. Times are in the zone of the service, which is printed with them."""

import time
from typing import TYPE_CHECKING, Final

from inbound.broadcasts.control import MOVED, REQUESTED, exclusions, without_recipients
from inbound.broadcasts.outcome_reasons import reason_of_count
from inbound.cli._broadcast_json import Shown, progress_now
from inbound.cli._broadcast_pace import (
    UNSTARTED,
    current_lines,
    pace_lines,
    pending_lines,
    recipient_count,
    summary,
)
from inbound.cli._command_line import command_line
from inbound.cli._progress import progress_bar
from inbound.cli._times import local
from inbound.handlers.broadcasts import FINAL, BroadcastAction, BroadcastState, words
from inbound.money import money
from inbound.settings import Settings
from inbound.store.broadcasts.rows import Broadcast, Progress, RecipientState
from inbound.terminal import echo
from inbound.wording import Bilingual, both, counted_both, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from inbound.broadcasts.review import Review
    from inbound.freshness.model import Freshness

_LOOK_EVERY_S: Final = 0.5
_DONE: Final = {
    BroadcastAction.START.value: both("started", "запущена"),
    BroadcastAction.APPROVE.value: both("approved", "утверждена"),
    BroadcastAction.CONFIRM.value: both("confirmed", "подтверждена"),
    BroadcastAction.PAUSE.value: both("paused", "приостановлена"),
    BroadcastAction.RESUME.value: both("resumed", "возобновлена"),
    BroadcastAction.CANCEL.value: both("cancelled", "отменена"),
    MOVED: both("moved", "перенесена"),
    REQUESTED: both("approval asked for", "запрошено утверждение"),
    "create": both("created", "создана"),
}
"""The names of the actions in the audit."""
_STANDS_STILL: Final = FINAL | UNSTARTED | {BroadcastState.PAUSED}


def print_broadcast(settings: Settings, shown: Shown) -> None:
    """Print a broadcast for people."""
    one = shown.one
    of = recipient_count(shown.progress.recipients)
    echo(one.name + both(": {state}, {of}", ": {state}, {of}", state=words(one.state), of=of))
    for line in (
        *_content_lines(shown, settings.sender),
        *pace_lines(shown, settings.time_zone),
        *_excluded_lines(one),
        *(_progress_lines(shown.progress) if one.state not in UNSTARTED else ()),
        *current_lines(shown, settings.time_zone),
        *_time_lines(shown, settings.time_zone),
    ):
        echo("  " + line)
    if one.lifecycle.needs_confirmation:
        confirm = command_line("broadcast", "confirm", str(one.broadcast_id))
        echo(
            both(
                "  missed its start; to start it now: {confirm}",
                "  время начала пропущено; начать сейчас: {confirm}",
                confirm=confirm,
            )
        )
    if one.problem and one.state is BroadcastState.PAUSED:
        echo(
            both("  paused because of a problem: ", "  приостановлена из-за ошибки: ") + one.problem
        )
    warn_of_no_recipients(one)
    if one.state is BroadcastState.DRAFT and shown.review.approval_above is not None:
        approve = command_line("broadcast", "approve", str(one.broadcast_id))
        above = f"{shown.review.approval_above:,}"
        echo(
            both(
                "it needs approval, as it has more than {above} recipients: after `start`, another "
                "person runs {approve}",
                "нужно утверждение: получателей больше {above}. После `start` другой человек "
                "выполняет {approve}",
                above=Bilingual(above, above.replace(",", "\N{NO-BREAK SPACE}")),
                approve=approve,
            ),
            err=True,
        )
    print_warnings(shown.review)


def warn_of_no_recipients(one: Broadcast) -> None:
    """Say on standard error that a draft can't be started, and why it has no recipients."""
    if one.state is BroadcastState.DRAFT and not one.lifecycle.recipients:
        why = without_recipients(one)
        echo(
            both(
                "warning: {why}, so it can't be started",
                "внимание: {why}, поэтому запустить её нельзя",
                why=why,
            ),
            err=True,
        )


def print_warnings(review: "Review") -> None:
    """Print why recipients would be refused, to standard error."""
    for warning in review.warnings:
        echo(both("warning: ", "внимание: ") + warning.advice, err=True)


def print_list(
    conn: "psycopg.Connection",
    broadcasts: "Sequence[Broadcast]",
    freshness: "Freshness",
    zone: str,
) -> None:
    """Print one line for each, and what they don't count yet."""
    from inbound.broadcasts.control import progress_of

    if not broadcasts:
        echo(
            both(
                "no broadcasts yet; create one with `scserv broadcast create`",
                "рассылок пока нет; создайте: `scserv broadcast create`",
            )
        )
        return
    progress = progress_of(conn, broadcasts)
    for one in broadcasts:
        created = local(one.created_at, zone)
        echo(
            joined(
                "  ",
                (
                    *(str(one.broadcast_id), created, words(one.state)),
                    *(summary(progress[one.broadcast_id]), one.name),
                ),
            )
        )
    for line in pending_lines(freshness, zone):
        echo(line)


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


def _content_lines(shown: Shown, own_sender: str) -> "Iterator[str]":
    one, review = shown.one, shown.review
    yield both(
        "account {account}, sender {sender}",
        "учётная запись {account}, отправитель {sender}",
        account=one.account,
        sender=one.sender or own_sender,
    )
    if one.template is not None:
        yield both(
            "template {name}, version {version}, the newest when the draft was created; it stays",
            "шаблон {name}, версия {version} — последняя при создании черновика; она не изменится",
            name=one.template,
            version=one.template_version,
        )
        for language in review.missing_languages:
            yield both(
                "the template has no text in {language}: those clients get its first one",
                "в шаблоне нет текста на языке {language}: такие клиенты получат первый текст",
                language=language,
            )
    elif review.text is not None:
        yield both("text: ", "текст: ") + review.text
    for sample in review.samples:
        if sample.language is None:
            yield both("to the first recipient: ", "первому получателю: ") + sample.text
        else:
            to = both(
                "to {to} in {language}, the first one: ",
                "на языке {language} — {to}, первому: ",
                to=recipient_count(sample.recipients),
                language=sample.language,
            )
            yield to + sample.text
    if one.parts is not None and one.most_parts is not None:
        yield both(
            "the longest text has {longest}, all texts {all} at most",
            "в самом длинном тексте {longest}, во всех не больше: {all}",
            longest=_parts(one.most_parts),
            all=_parts(one.parts),
        )
    yield from _money_lines(review)


def _parts(number: int) -> Bilingual:
    nouns = ("часть СМС", "части СМС", "частей СМС")
    return counted_both(number, ("SMS part", "SMS parts"), nouns)


def _money_lines(review: "Review") -> "Iterator[str]":
    if review.currency is None:
        return
    of: str = both("unlimited", "не ограничен")
    if review.balance is not None:
        of = money(review.balance, review.currency)
    most = None if review.price is None else money(review.price, review.currency)
    if review.cost is None:
        if most is not None:
            yield both(
                "costs {most} at most; balance {of}",
                "стоит не больше {most}; баланс {of}",
                most=most,
                of=of,
            )
        return
    charged, refunded, currency = review.cost
    yield both(
        "cost {cost}{most}; {back} given back; balance {of}",
        "стоила {cost}{most}; возвращено {back}; баланс {of}",
        cost=money(charged, currency),
        most=both(" of {most} at most", " из возможных {most}", most=most) if most else "",
        back=money(refunded, currency),
        of=of,
    )


def _excluded_lines(one: Broadcast) -> "Iterator[str]":
    for count, why in exclusions(one):
        yield both("excluded {count}: {why}", "исключены, {count}: {why}", count=count, why=why)
    if one.excluded and one.audience_deleted_at is None:
        files = command_line("broadcast", "excluded", str(one.broadcast_id))
        yield both("the excluded rows: ", "исключённые строки: ") + files


_STATES: Final = {
    RecipientState.WAITING: both("waiting", "ждут"),
    RecipientState.SENT: both("sent", "отправлено"),
    RecipientState.DELIVERED: both("delivered", "доставлено"),
    RecipientState.UNDELIVERED: both("undelivered", "не доставлено"),
    RecipientState.UNKNOWN: both("unknown", "неизвестно"),
    RecipientState.WITHHELD: both("withheld", "не отправлено"),
    RecipientState.REFUSED: both("refused", "отказано"),
}


def _progress_lines(progress: Progress) -> "Iterator[str]":
    counts = {state: getattr(progress, state.value) for state in RecipientState}
    yield joined(", ", (_STATES[of] + f" {count}" for of, count in counts.items() if count))
    for of, reasons in (
        (RecipientState.WITHHELD, progress.withheld_by_reason),
        (RecipientState.REFUSED, progress.refused_by_reason),
    ):
        for reason, count in reasons.items():
            yield _STATES[of] + f" {count}: " + reason_of_count(of, reason)


def _time_lines(shown: Shown, zone: str) -> "Iterator[str]":
    """Yield what was done and what happened, in the order of time; last, what is to come."""
    one = shown.one
    is_scheduled = one.state is BroadcastState.SCHEDULED
    past = [
        (step.at, _DONE.get(step.action, step.action), step.by) for step in shown.review.history
    ]
    ends = (
        (both("began", "началась"), one.lifecycle.began_at),
        (both("ended", "завершилась"), one.ended_at),
    )
    past += [(at, what, "") for what, at in ends if at is not None]
    for at, what, by in sorted(past, key=lambda step: step[0]):
        yield what + f" {local(at, zone)}" + (both(" by {by}", ", {by}", by=by) if by else "")
    to_come = (
        (both("starts", "начнётся"), one.lifecycle.starts_at if is_scheduled else None),
        (
            both("waits for its sending hours until", "ждёт часов отправки до"),
            shown.review.waits_until,
        ),
    )
    for what, moment in to_come:
        if moment is not None:
            yield what + f" {local(moment, zone)}"
