"""The progress and speed of a broadcast, and how current its counts are, as lines for people."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from inbound.cli._broadcast_json import Shown
from inbound.cli._times import local
from inbound.handlers.broadcasts import BroadcastState
from inbound.store.broadcasts.rows import Progress
from inbound.timeline.words import english_duration, russian_duration
from inbound.wording import Bilingual, both, counted_both, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inbound.broadcasts.forecasting import Forecast
    from inbound.freshness.model import Freshness
    from inbound.freshness.reception import SendingGap

UNSTARTED: Final = frozenset({BroadcastState.DRAFT, BroadcastState.AWAITING_APPROVAL})


def recipient_count(number: int) -> Bilingual:
    """Return a number of recipients."""
    return counted_both(
        number, ("recipient", "recipients"), ("получатель", "получателя", "получателей")
    )


def summary(count: Progress) -> Bilingual:
    """Return to how many it was sent, and what happened to the others."""
    rest = (
        (count.undelivered, both("undelivered", "не доставлено")),
        (count.unknown, both("unknown", "неизвестно")),
        (count.refused, both("refused", "отказано")),
        (count.withheld, both("withheld", "не отправлено")),
    )
    sent = both(
        "{sent} of {all} sent",
        "отправлено {sent} из {all}",
        sent=count.sent + count.delivered,
        all=count.recipients,
    )
    others = (
        both("{count} {what}", "{what} {count}", count=number, what=what)
        for number, what in rest
        if number
    )
    return joined(", ", (sent, *others))


def pace_lines(shown: Shown, zone: str) -> "Iterator[str]":
    one, expected = shown.one, shown.review.forecast
    if one.hours is not None:
        hours = f"{one.hours.start:%H:%M}-{one.hours.end:%H:%M} {one.hours.zone}"
        spread = both(", spread evenly", ", равномерно") if one.is_spread else ""
        yield both("hours {hours}{spread}", "часы {hours}{spread}", hours=hours, spread=spread)
    if one.rate is not None:
        takes = timedelta(seconds=one.lifecycle.recipients / one.rate)
        messages = ("сообщения", "сообщений", "сообщений")
        yield both(
            "{rate} a second at most: {takes} of sending",
            "не больше {rate} в секунду: отправка займёт {takes}",
            rate=counted_both(one.rate, ("message", "messages"), messages),
            takes=Bilingual(english_duration(takes), russian_duration(takes)),
        )
    elif one.state in UNSTARTED and not one.is_spread:
        yield both(
            "no rate: as fast as the SMS centre takes it, so its end is not known before",
            "без ограничения скорости: как быстро принимает СМС-центр, поэтому конец неизвестен",
        )
    yield from _forecast_lines(shown, expected, zone)


def _forecast_lines(shown: Shown, expected: "Forecast", zone: str) -> "Iterator[str]":
    ends = local(expected.ends_at, zone) if expected.ends_at else ""
    if expected.gap is not None:
        yield _no_bind(expected.gap, zone)
    elif expected.overdue_since is not None:
        yield both(
            "it should have begun at {at}, and no scheduler has begun it; see `scserv status`",
            "она должна была начаться {at}, но планировщик её не начал; см. `scserv status`",
            at=local(expected.overdue_since, zone),
        )
    elif ends and expected.begins_at is not None:
        begins = local(expected.begins_at, zone)
        if shown.one.state in UNSTARTED:
            yield both(
                "if it were started now, it would send from {begins} until about {ends}",
                "если запустить сейчас: с {begins} примерно до {ends}",
                begins=begins,
                ends=ends,
            )
        else:
            yield both(
                "sends from {begins} until about {ends}",
                "отправляется с {begins} примерно до {ends}",
                begins=begins,
                ends=ends,
            )
    elif expected.recent_rate is not None:
        pace = f"{expected.recent_rate:,.1f}"
        about = both("; ends about {ends}", "; конец примерно {ends}", ends=ends) if ends else ""
        yield both(
            "{summary}, {pace} a second in the last minute{about}",
            "{summary}, за последнюю минуту {pace} в секунду{about}",
            summary=summary(shown.progress),
            pace=Bilingual(pace, pace.replace(",", "\N{NO-BREAK SPACE}").replace(".", ",")),
            about=about,
        )
    elif ends:
        yield both("ends about {ends}", "конец примерно {ends}", ends=ends)


def _no_bind(gap: "SendingGap", zone: str) -> Bilingual:
    since = both(" since {at}", " с {at}", at=local(gap.since, zone)) if gap.since else ""
    return both(
        "nothing can be sent now: no bind to an SMS centre is up{since}; see `scserv binds`",
        "сейчас ничего нельзя отправить: нет связи ни с одним СМС-центром{since}; см. "
        "`scserv binds`",
        since=since,
    )


def current_lines(shown: Shown, zone: str) -> "Iterator[str]":
    """Yield how current the counts are, of a broadcast that has begun."""
    freshness = shown.freshness
    if shown.one.lifecycle.began_at is not None and freshness.as_of is not None:
        yield both("as of {at}", "по состоянию на {at}", at=local(freshness.as_of, zone))
    yield from pending_lines(freshness, zone)


def pending_lines(freshness: "Freshness", zone: str) -> "Iterator[Bilingual]":
    """Yield what the counts and states of recipients don't have yet."""
    for one in freshness.pending:
        if one.since is None:
            yield both(
                "it can't be told now whether all results are counted: Kafka did not answer in "
                "time",
                "сейчас нельзя узнать, все ли результаты учтены: Kafka не ответила вовремя",
            )
        else:
            yield both(
                "results since {at} are not counted yet: more recipients may have got it",
                "результаты с {at} ещё не учтены: получивших может быть больше",
                at=local(one.since, zone),
            )
