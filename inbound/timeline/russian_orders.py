"""The sentences about orders in Russian: what support reads to the client, and what to do."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from inbound.smpp.status import name_of
from inbound.timeline import russian_refusals
from inbound.timeline.cases import ReplyProgress
from inbound.timeline.model import ReplyStatus
from inbound.timeline.order_cases import OrderCase
from inbound.timeline.pending import RUSSIAN, added
from inbound.timeline.russian_outcomes import taken_up, undeliverable
from inbound.timeline.words import Calendar
from schemas.orders import OrderKind, OrderState, WithheldReason

_LONG: Final = timedelta(days=1)


def sentence(case: OrderCase, calendar: Calendar) -> str:
    """Say what happened to an order. Times are to the minute."""
    words = _Sentence(case, replace(calendar, clock="%H:%M"))
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


class _Sentence:
    def __init__(self, case: OrderCase, calendar: Calendar) -> None:
        self._case = case
        self._calendar = calendar
        self._dated = replace(calendar, full="{day} ({time})")

    def subject(self) -> str:
        when = self._dated.on(self._case.ordered_at)
        return f"{subject_of(self._case.decided.kind)} от {when}"

    def predicate(self) -> str:
        case, state = self._case, self._case.state
        match state:
            case OrderState.SCHEDULED:
                return self._scheduled()
            case OrderState.QUEUED:
                if case.unread:
                    return f"могло уже быть отправлено{self._unread()}"
                if case.taken_at is not None:
                    return taken_up("о", self._near(case.taken_at))
                again = " снова, так как оператор не ответил" if case.message.tried else ""
                return f"отправляется{again}"
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
                why, fix = russian_refusals.refusal(case, self._near)
                return f"не отправлено: {why}; {fix}"
            case OrderState.ERASED:
                return "не отправлено: номер или данные были удалены из сервиса"
            case _:
                assert_never(state)

    def _scheduled(self) -> str:
        case = self._case
        if case.due_at is None:
            return "ждёт возобновления приостановленной рассылки"
        if case.is_overdue:
            return f"должно было быть отправлено {self._near(case.due_at)} и ещё ждёт отправки"
        return f"ждёт своего времени и будет отправлено {self._near(case.due_at)}"

    def _sent(self) -> str:
        case, message = self._case, self._case.message
        sent = f"передано оператору связи {self._near(message.sent_at or case.at)}"
        if message.parts_delivered:
            delivered = f"доставлено его частей: {message.parts_delivered} из {message.parts}"
            return f"{sent}, {delivered}{self._unread()}"
        if case.unread:
            return f"{sent}{self._unread()}"
        if case.open_for > _LONG:
            return f"{sent}, отчёта о доставке нет уже {case.open_for.days} сут."
        return f"{sent}, отчёта о доставке на телефон ещё нет"

    def _unknown(self) -> str:
        case = self._case
        if case.message.status is ReplyStatus.UNDETERMINED:
            sent = f"передано оператору связи {self._near(case.message.sent_at or case.at)}"
            return f"{sent}, но дошло ли оно до телефона, оператору неизвестно"
        return (
            "отправлено, но оператор не ответил: оно могло дойти, а могло и не дойти; повторно оно "
            f"не отправляется{self._unread()}"
        )

    def _unread(self) -> str:
        """Add that the message may have got further, if reports are not processed yet."""
        return added(RUSSIAN, self._case.unread, self._calendar)

    def _withheld(self) -> str:
        case, reason = self._case, self._case.withheld
        match reason:
            case WithheldReason.OPTED_OUT:
                why, fix = russian_refusals.opted_out(case, self._near)
                return f": {why}; {fix}"
            case WithheldReason.CANCELLED:
                of = "рассылка отменена" if case.decided.broadcast_id else "оно было отменено"
                return f": {of}"
            case WithheldReason.PAUSED:
                return ": рассылка была приостановлена; его нужно заказать снова"
            case None:
                return ""
            case _:
                assert_never(reason)

    def _near(self, moment: datetime) -> str:
        return self._calendar.near(moment, self._case.ordered_at)


def _rejected(message: ReplyProgress) -> str:
    if message.command_status is None:
        return "не удалось подготовить к отправке, и оно не отправлено"
    status = name_of(message.command_status)
    if message.partly:
        return f"принято СМС-центром оператора не полностью ({status}), и целиком оно не дойдёт"
    return f"не принято СМС-центром оператора ({status}) и не отправлено"
