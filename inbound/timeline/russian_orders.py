"""The sentences about orders in Russian: what support reads to the client, and what to do."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, assert_never

from inbound.smpp.status import name_of
from inbound.timeline import russian_channels, russian_refusals
from inbound.timeline.cases import ReplyProgress
from inbound.timeline.incidents import BroadcastExclusion, Switch, WhyExcluded
from inbound.timeline.model import ReplyStatus
from inbound.timeline.order_cases import OrderCase
from inbound.timeline.russian_outcomes import being_sent, taken_up, undeliverable
from inbound.timeline.words import Calendar, days_in_russian
from schemas.orders import OrderKind, OrderState, WithheldReason

_LONG: Final = timedelta(days=1)
_PAUSED: Final = "ждёт возобновления приостановленной рассылки"


def sentence(case: OrderCase, calendar: Calendar) -> str:
    """Say what happened to an order. Times are to the minute, unless the case wants them exact."""
    words = _Sentence(case, _clock_of(case, calendar))
    return f"{words.subject()} {words.predicate()}".removesuffix(".") + "."


def subject_of(kind: OrderKind) -> str:
    """Name the message of an order; each name is neuter."""
    match kind:
        case OrderKind.NOTIFICATION:
            return "СМС-уведомление"
        case OrderKind.BROADCAST:
            return "СМС-оповещение"
        case OrderKind.SERVICE:
            return "Сервисное сообщение"
        case _:
            assert_never(kind)


def advice(case: OrderCase, calendar: Calendar) -> str | None:
    """Say to support why an order was refused, and what can be done; None if that was said."""
    if case.state is OrderState.REFUSED:
        near = partial(_clock_of(case, calendar).near, mentioned=case.ordered_at)
        return russian_refusals.refusal(case, near).advice
    if case.state is OrderState.WITHHELD and case.withheld is WithheldReason.PAUSED:
        return "его нужно заказать снова"
    return None


def exclusion(one: BroadcastExclusion, calendar: Calendar) -> str:
    """Say why a broadcast was not sent to somebody who was in its audience."""
    when = replace(calendar, clock="%H:%M", full="{day} ({time})").on(one.began_at)
    return f"СМС-оповещение от {when} на этот номер не отправлено: {_why_excluded(one)}."


def switched(one: Switch, calendar: Calendar) -> str:
    """Say that an operator switched notifications and broadcasts on or off."""
    when = replace(calendar, full="{day} в {time}").on(one.at)
    if one.is_repeat:
        stem = "включ" if one.notifications_on else "отключ"
        return (
            f"Мы записали {when} просьбу {stem}ить СМС-уведомления и СМС-оповещения: они уже были "
            f"{stem}ены."
        )
    verb = "включили" if one.notifications_on else "отключили"
    return f"Мы {verb} СМС-уведомления и СМС-оповещения {when}."


def _why_excluded(one: BroadcastExclusion) -> str:
    match one.why:
        case WhyExcluded.OPTED_OUT:
            return russian_refusals.opted_out(None, str)
        case WhyExcluded.NOT_A_CLIENT:
            return "номера не было в нашем справочнике клиентов"
        case WhyExcluded.REPEATED:
            return "номер был в списке получателей несколько раз, и сообщение для него одно"
        case WhyExcluded.DATA:
            return "не хватило данных для текста сообщения"
        case why:
            assert_never(why)


def _clock_of(case: OrderCase, calendar: Calendar) -> Calendar:
    return calendar if case.is_exact else replace(calendar, clock="%H:%M")


class _Sentence:
    def __init__(self, case: OrderCase, calendar: Calendar) -> None:
        self._case = case
        self._calendar = calendar
        self._dated = replace(calendar, full="{day} ({time})")

    def subject(self) -> str:
        when = self._dated.on(self._case.ordered_at)
        decided = self._case.decided
        if decided.channel is not None:
            return f"{russian_channels.subject_of(decided.channel)} от {when}"
        return f"{subject_of(decided.kind)} от {when}"

    def predicate(self) -> str:
        case, state = self._case, self._case.state
        if (of_channel := russian_channels.predicate(case, self._near)) is not None:
            return of_channel
        match state:
            case OrderState.SCHEDULED:
                return self._scheduled()
            case OrderState.QUEUED:
                if case.unread:
                    return "могло уже быть отправлено"
                if case.taken_at is not None:
                    return taken_up("о", self._near(case.taken_at))
                if case.is_paused:
                    return _PAUSED
                return being_sent(case.message, "о", case.waits, self._bare_near)
            case OrderState.SENT:
                return self._sent()
            case OrderState.DELIVERED:
                return f"доставлено на Ваш телефон {self._near(case.message.at or case.at)}"
            case OrderState.UNDELIVERED:
                return undeliverable(case.message, "доставлено")
            case OrderState.UNKNOWN:
                return self._unknown()
            case OrderState.REJECTED:
                return _rejected(case.message)
            case OrderState.EXPIRED:
                return f"не отправлено: срок отправки истёк {self._near(case.at)}"
            case OrderState.WITHHELD:
                return f"не отправлено{self._withheld()}"
            case OrderState.CANCELLED:
                return f"отменено {self._near(case.at)} и не отправлено"
            case OrderState.REFUSED:
                return f"не отправлено: {russian_refusals.refusal(case, self._near).why}"
            case OrderState.ERASED:
                return "не отправлено: номер или данные были удалены из сервиса"
            case _:
                assert_never(state)

    def _scheduled(self) -> str:
        case = self._case
        if case.expired_at is not None:
            expired = self._near(case.expired_at)
            return f"не отправлено: срок отправки истёк {expired}, и отправлено оно уже не будет"
        if case.due_at is None:
            return _PAUSED
        if case.is_overdue:
            return f"должно было быть отправлено {self._near(case.due_at)} и ещё ждёт отправки"
        return f"ждёт своего времени и будет отправлено {self._near(case.due_at)}{self._hours()}"

    def _hours(self) -> str:
        """Say that it waits for its sending hours, if that is why."""
        if (hours := self._case.awaited_hours) is None:
            return ""
        zone = "" if hours.zone == str(self._calendar.zone) else f" ({hours.zone})"
        times = f"с {hours.start:%H:%M} до {hours.end:%H:%M}"
        return f", так как отправлять его можно только {times}{zone}"

    def _sent(self) -> str:
        case, message = self._case, self._case.message
        sent = f"передано оператору связи {self._near(message.sent_at or case.at)}"
        if message.parts_delivered:
            delivered = f"доставлено его частей: {message.parts_delivered} из {message.parts}"
            return f"{sent}{self._unread()}; {delivered}"
        if case.unread:
            return f"{sent}{self._unread()}"
        if case.open_for > _LONG:
            return f"{sent}, отчёта о доставке нет уже {days_in_russian(case.open_for.days)}"
        return f"{sent}, отчёта о доставке на телефон ещё нет"

    def _unknown(self) -> str:
        case = self._case
        if case.message.status is ReplyStatus.UNDETERMINED:
            sent = f"передано оператору связи {self._near(case.message.sent_at or case.at)}"
            return f"{sent}, но дошло ли оно до телефона, оператору неизвестно"
        if not case.message.was_sent:
            return (
                "могло быть отправлено, а могло и не быть: во время отправки работа сервиса "
                "прерывалась; повторно оно не отправляется"
            )
        return (
            "отправлено, но оператор не ответил: оно могло дойти, а могло и не дойти; повторно оно "
            "не отправляется"
        )

    def _unread(self) -> str:
        """Add that the message may have got further; the timeline says which reports wait."""
        return " и могло уже дойти" if self._case.unread else ""

    def _withheld(self) -> str:
        case, reason = self._case, self._case.withheld
        match reason:
            case WithheldReason.OPTED_OUT:
                return f": {russian_refusals.opted_out(case.stop, self._near)}"
            case WithheldReason.CANCELLED:
                of = "рассылка отменена" if case.decided.broadcast_id else "оно было отменено"
                return f": {of}"
            case WithheldReason.PAUSED:
                return ": рассылка была приостановлена"
            case None:
                return ""
            case _:
                assert_never(reason)

    def _bare_near(self, moment: datetime) -> str:
        return self._calendar.bare_near(moment, self._case.ordered_at)

    def _near(self, moment: datetime) -> str:
        return self._calendar.near(moment, self._case.ordered_at)


def _rejected(message: ReplyProgress) -> str:
    if message.command_status is None:
        return "не удалось подготовить к отправке, и оно не отправлено"
    status = name_of(message.command_status)
    if message.partly:
        return f"принято СМС-центром оператора не полностью ({status}), и целиком оно не дойдёт"
    return f"не принято СМС-центром оператора ({status}) и не отправлено"
