"""The sentence about a request in Russian, and the one about its time limit."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final, assert_never

from inbound.smpp.status import name_of
from inbound.timeline import russian_outcomes, russian_plans
from inbound.timeline.cases import Case, ReplyProgress
from inbound.timeline.model import ClockState, ReplyStatus
from inbound.timeline.pending import RUSSIAN, clause
from inbound.timeline.russian_outcomes import taken_up, undeliverable
from inbound.timeline.russian_refusals import switched_by
from inbound.timeline.words import (
    OPEN_CLOCKS,
    Calendar,
    days_in_russian,
    russian_duration,
    spelling_of,
)

_LONG: Final = timedelta(days=1)
_ACKNOWLEDGEMENT: Final = "уведомление о приёме заявки"
_UNKNOWN: Final = (
    "отправлен, но оператор не ответил; сообщение могло дойти, а могло и не дойти; если его нет, "
    "повторите запрос"
)
_MAYBE_SENT: Final = (
    "мог быть отправлен, а мог и не быть: во время отправки работа сервиса прерывалась; если "
    "его нет, повторите запрос"
)
_EXPIRED: Final = "вовремя отправить не удалось, и больше он не отправляется; повторите запрос"
_ERASED: Final = "не отправлен: номер или данные были удалены из сервиса"


def sentence(case: Case, calendar: Calendar) -> str:
    """Say what happened to a request."""
    return _Sentence(calendar).request(case)


def clock(case: Case, calendar: Calendar) -> str:
    """Say whether the acknowledgement is in time."""
    clock = case.clock
    if case.unread and clock.state in OPEN_CLOCKS:
        return f"пока неизвестно: {clause(RUSSIAN, case.unread, calendar)}"
    if case.taken_at is not None and clock.state in OPEN_CLOCKS:
        taken = taken_up("о", calendar.near(case.taken_at, case.arrived_at))
        return f"пока неизвестно: уведомление о приёме заявки {taken}"
    match clock.state:
        case ClockState.KEPT:
            return f"соблюдены: приём подтверждён через {_seconds(clock.after_s)}"
        case ClockState.LATE:
            return f"нарушены: приём подтверждён лишь через {_seconds(clock.after_s)}"
        case ClockState.RUNNING:
            return f"идут: приём ещё не подтверждён, осталось {_seconds(clock.left_s)}"
        case ClockState.OVERDUE:
            return f"нарушены: приём не подтверждён, просрочено на {_seconds(clock.left_s)}"
        case ClockState.MISSED:
            return "не подтверждены: центр не сообщил, принял ли он уведомление о приёме заявки"
        case _:
            assert_never(clock.state)


class _Sentence:
    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    def request(self, case: Case) -> str:
        # Not as a quotation: the text may have been in capitals, and it is not kept.
        came = f"Ваше сообщение с командой {spelling_of(case.command)} получено "
        came += self._on(case.arrived_at)
        became = self._outcome(case, case.reply)
        ends = f"{_late(case)}{self._restored(case)}"
        return f"{came}{self._owed(case)} {became}{ends}".removesuffix(".") + "."

    def _outcome(self, case: Case, reply: ReplyProgress) -> str:
        """Say what happened to the reply."""
        match reply.status:
            case ReplyStatus.WAITING:
                return self._waiting(case, reply)
            case ReplyStatus.HELD:
                return self._held(case)
            case ReplyStatus.ON_ITS_WAY:
                return self._on_its_way(case, reply)
            case ReplyStatus.DELIVERED:
                return self._delivered(case, reply)
            case ReplyStatus.UNDELIVERABLE:
                return undeliverable(reply, "доставлен")
            case ReplyStatus.UNDETERMINED:
                return self._undetermined(case, reply)
            case ReplyStatus.REJECTED:
                return _rejected(reply)
            case ReplyStatus.UNKNOWN:
                return _UNKNOWN if reply.was_sent else _MAYBE_SENT
            case ReplyStatus.EXPIRED:
                return _EXPIRED
            case ReplyStatus.ERASED:
                return _ERASED
            case _:
                assert_never(reply.status)

    def _delivered(self, case: Case, reply: ReplyProgress) -> str:
        return f"доставлен на Ваш телефон {self._near(reply.at, case)}"

    def _on_its_way(self, case: Case, reply: ReplyProgress) -> str:
        sent = f"передан оператору связи {self._near(reply.sent_at, case)}"
        if reply.parts_delivered:
            delivered = f"доставлено его частей: {reply.parts_delivered} из {reply.parts}"
            return f"{sent}{self._unread(case)}{';' if case.unread else ','} {delivered}"
        if case.unread:
            return f"{sent}{self._unread(case)}"
        if case.open_for > _LONG:
            return f"{sent}, отчёта о доставке нет уже {days_in_russian(case.open_for.days)}"
        return f"{sent}, отчёта о доставке на телефон ещё нет"

    def _undetermined(self, case: Case, reply: ReplyProgress) -> str:
        sent = f"передан оператору связи {self._near(reply.sent_at, case)}"
        return f"{sent}, но дошёл ли он до телефона, оператору неизвестно"

    def _waiting(self, case: Case, reply: ReplyProgress) -> str:
        if case.unread:
            return "мог уже быть отправлен"
        if case.taken_at is not None:
            when = self._near(case.taken_at, case)
            if case.confirm and case.acknowledgement.status is ReplyStatus.WAITING:
                return f"последует за уведомлением о приёме заявки: оно {taken_up('о', when)}"
            return taken_up("", when)
        if case.acknowledgement.status is not ReplyStatus.WAITING:
            return self._being_sent(case, reply, "")
        due = _seconds(case.clock.left_s)
        running = case.clock.state is ClockState.RUNNING
        when = f"прийти в течение {due}" if running else f"было прийти {due} назад"
        if not case.confirm:
            must = "должен" if running else "должен был"
            return f"{self._being_sent(case, reply, '')}: {must} {when.removeprefix('было ')}"
        first = self._being_sent(case, case.acknowledgement, "о")
        return f"последует за уведомлением о приёме заявки, которое {first}: оно должно {when}"

    def _being_sent(self, case: Case, reply: ReplyProgress, ending: str) -> str:
        near = partial(self._calendar.bare_near, mentioned=case.arrived_at)
        return russian_outcomes.being_sent(reply, ending, case.waits, near)

    def _unread(self, case: Case) -> str:
        """Add that the reply may have got further; the timeline says which reports wait."""
        return " и мог уже дойти" if case.unread else ""

    def _held(self, case: Case) -> str:
        latest = f" (срок проверки истекает {self._on(case.held_until)})" if case.held_until else ""
        return f"задержан до проверки запроса сотрудником{latest}"

    def _restored(self, case: Case) -> str:
        if case.restored_at is None:
            return ""
        return (
            f"; {self._on(case.restored_at)} мы отменили это отключение и снова включили "
            "СМС-уведомления и СМС-оповещения"
        )

    def _owed(self, case: Case) -> str:
        """Say what was decided and name the reply whose outcome follows."""
        if case.refused is not None:
            return f"{russian_plans.refusal(case.refused)}; {russian_plans.REFUSED_REPLY}"
        only = "единственный ответ о приёме заявки"
        reply = russian_plans.reply(case.plan) if case.confirm else only
        return f"{russian_plans.decision(case, self._since(case))}; {reply}"

    def _since(self, case: Case) -> str:
        """Say since when notifications were off before, and who had switched them."""
        if (stop := case.stop) is None:
            return ""
        return f" ({self._near(stop.at, case)} {switched_by(stop)})"

    def _on(self, moment: datetime) -> str:
        return self._calendar.on(moment)

    def _near(self, moment: datetime | None, case: Case) -> str:
        return self._calendar.near(moment or case.arrived_at, case.arrived_at)


def _rejected(reply: ReplyProgress) -> str:
    if reply.command_status is None:
        return "не удалось подготовить к отправке, и он не отправлен"
    status = name_of(reply.command_status)
    if reply.partly:
        return f"принят СМС-центром оператора не полностью ({status}), и целиком он не дойдёт"
    return f"не принят СМС-центром оператора ({status}) и не отправлен"


def _seconds(seconds: float | None) -> str:
    return russian_duration(timedelta(seconds=abs(seconds or 0)))


def _late(case: Case) -> str:
    """Say what went wrong with the acknowledgement, if anything did."""
    match case.clock.state:
        case ClockState.LATE:
            after = _seconds(case.clock.after_s)
            return f"; {_ACKNOWLEDGEMENT} опоздало: отправлено через {after}, а не в течение 2 мин"
        case ClockState.MISSED if case.confirm:
            if case.acknowledgement.status is ReplyStatus.UNKNOWN:
                return f"; дошло ли {_ACKNOWLEDGEMENT}, неизвестно"
            return f"; {_ACKNOWLEDGEMENT} отправить не удалось"
        case ClockState.KEPT | ClockState.RUNNING | ClockState.OVERDUE | ClockState.MISSED:
            return ""
        case _:
            assert_never(case.clock.state)
