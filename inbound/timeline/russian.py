"""The sentences in Russian."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Final

from inbound.smpp.status import name_of
from inbound.timeline import russian_steps
from inbound.timeline.cases import Case, Reply
from inbound.timeline.model import Clock, ClockState, StepKind, Verdict
from inbound.timeline.words import COMMANDS, Calendar, Details, Silence, Span
from schemas.events import Plan
from schemas.messages import ReceiptState

_MONTHS: Final = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)
_LONG: Final = timedelta(days=1)
# All masculine, so that what became of a reply fits each of them.
_REPLIES: Final[Mapping[Plan, str]] = {
    Plan.REGISTRATION: "ответ с регистрационными данными",
    Plan.STOPPED: "ответ с подтверждением",
    Plan.STARTED: "ответ с подтверждением",
    Plan.UNKNOWN_NUMBER: "ответ с отказом",
    Plan.INFO_STALE: "ответ с просьбой повторить запрос",
}
_ACKNOWLEDGEMENT: Final = "уведомление о приёме заявки"
_UNDELIVERED: Final[Mapping[ReceiptState | None, str]] = {
    ReceiptState.EXPIRED: ": телефон был выключен или вне сети, пока не истёк срок хранения у "
    "оператора",
    ReceiptState.DELETED: ": оператор его удалил",
    ReceiptState.REJECTED: ": оператор отклонил его уже после приёма",
    ReceiptState.SKIPPED: ": оператор его пропустил",
    ReceiptState.UNDELIVERABLE: ": оператор не смог передать его на телефон",
}
_UNKNOWN: Final = (
    "отправлен, но оператор не ответил: он мог дойти, а мог и не дойти; если его нет, повторите "
    "запрос"
)
_EXPIRED: Final = "слишком долго не удавалось отправить, и он уже не отправляется; повторите запрос"
_ERASED: Final = "не отправлен: номер или данные были удалены из сервиса"
_MISSES: Final[Mapping[str, str]] = {
    "look_alike": "содержало буквы, лишь похожие на латинские (например, русскую С в слове "
    "CLIENT), и потому не было командой; наберите его заново латинскими буквами",
    "spacing": "состояло из слов команды, но с другими пробелами между ними; между словами нужен "
    "ровно один пробел",
    "extra_words": "содержало, кроме команды, что-то ещё; отправьте только команду",
    "unknown": "не было ни одной из команд: CLIENT info, CLIENT sms stop, CLIENT sms start",
    "empty": "не содержало текста",
    "undecodable": "не удалось прочитать как текст",
    "duplicate": "повторило предыдущую команду так скоро, что обе считаются одним запросом, на "
    "который даётся один ответ",
    "limited": "превысило число команд, принимаемых за час; повторите запрос позже",
    "unknown_number": "было командой, но этот номер у нас не зарегистрирован, и на такие сообщения "
    "ответа нет",
    "incomplete": "пришло по частям, и не все части дошли; отправьте его ещё раз",
}


class Russian:
    """`inbound.timeline.words.Words` in Russian."""

    def __init__(self, zone: tzinfo) -> None:
        """Tell times in this zone."""
        self._calendar = Calendar(
            zone,
            _MONTHS,
            day="{day} {month} {year} г.",
            full="{day} в {time}",
            time="в {time}",
            plain="{day}, {time}",
            within_a_day="{day} с {first} по {last}",
            over_days="с {first} по {last}",
        )
        self._became: Mapping[Verdict, Callable[[Case, Reply], str]] = {
            Verdict.WAITING: self._waiting,
            Verdict.ON_ITS_WAY: self._on_its_way,
            Verdict.DELIVERED: self._delivered,
            Verdict.UNDELIVERABLE: self._undeliverable,
            Verdict.UNDETERMINED: self._undetermined,
            Verdict.REJECTED: self._rejected,
            Verdict.UNKNOWN: lambda *_: _UNKNOWN,
            Verdict.EXPIRED: lambda *_: _EXPIRED,
            Verdict.ERASED: lambda *_: _ERASED,
        }

    def request(self, case: Case) -> str:
        """See the protocol."""
        came = f"Ваше сообщение «{COMMANDS[case.command]}» получено {self._on(case.arrived_at)}"
        became = self._became[case.reply.verdict](case, case.reply)
        return f"{came}{_decided(case)} {became}{_late(case)}".removesuffix(".") + "."

    def miss(self, kind: str, span: Span) -> str:
        """See the protocol."""
        what = _MISSES.get(kind, f"не стало запросом ({kind})")
        if span.count == 1:
            return f"Сообщение, полученное {self._on(span.first_at)}, {what}."
        return (
            f"Каждое из сообщений ({span.count}), полученных {self._calendar.over(span)}, {what}."
        )

    def unfinished(self, span: Span, here: int, total: int) -> str:
        """See the protocol."""
        return (
            f"От длинного сообщения, которое начало поступать {self._on(span.first_at)}, получено "
            f"частей: {here} из {total}, остальные ожидаются; отправьте его ещё раз одним коротким."
        )

    def nothing(self, silence: Silence) -> str:
        """See the protocol."""
        since = f" с {self._calendar.bare(silence.since)}" if silence.since else ""
        until = f" по {self._calendar.bare(silence.until)}" if silence.until else ""
        said = f"У нас нет сведений о сообщениях с этого номера{since}{until}."
        if silence.miss_days:
            said += (
                " О сообщениях, которые не были командами, известно только за последние сутки."
                if silence.miss_days == 1
                else " О сообщениях, которые не были командами, известно только за последние "
                f"{silence.miss_days} сут."
            )
        else:
            said += " Сообщения, которые не были командами, не учитываются."
        if (out := silence.left_out) is not None:
            over = self._calendar.over(out)
            said += (
                f" {over[0].upper()}{over[1:]} со всех номеров пришло столько сообщений, что "
                f"{out.count} из них не учтены; среди них могли быть и с этого номера."
            )
        return said

    def clock(self, clock: Clock) -> str:
        """See the protocol."""
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
                return "нарушены: центр так и не принял уведомление о приёме заявки"

    def step(self, kind: StepKind, details: Details) -> str:
        """See the protocol."""
        return russian_steps.TELLING[kind](details)

    def _delivered(self, case: Case, reply: Reply) -> str:
        return f"доставлен на Ваш телефон {self._near(reply.at, case)}"

    def _on_its_way(self, case: Case, reply: Reply) -> str:
        sent = f"передан оператору связи {self._near(reply.sent_at, case)}"
        if reply.parts_delivered:
            return f"{sent}, доставлено его частей: {reply.parts_delivered} из {reply.parts}"
        if case.open_for > _LONG:
            return f"{sent}, отчёта о доставке нет уже {case.open_for.days} сут."
        return f"{sent}, отчёта о доставке на телефон ещё нет"

    def _undeliverable(self, _case: Case, reply: Reply) -> str:
        code = f" (код оператора {reply.error})" if reply.error else ""
        full = " полностью" if reply.parts > 1 else ""
        return f"не доставлен{full}{_UNDELIVERED.get(reply.state, '')}{code}"

    def _undetermined(self, case: Case, reply: Reply) -> str:
        sent = f"передан оператору связи {self._near(reply.sent_at, case)}"
        return f"{sent}, но дошёл ли он до телефона, оператору неизвестно"

    def _rejected(self, _case: Case, reply: Reply) -> str:
        if reply.status is None:
            return "не удалось подготовить к отправке, и он не отправлен"
        status = name_of(reply.status)
        if reply.partly:
            return f"принят СМС-центром оператора не полностью ({status}), и целиком он не дойдёт"
        return f"не принят СМС-центром оператора ({status}) и не отправлен"

    def _waiting(self, case: Case, reply: Reply) -> str:
        again = " снова, так как оператор не ответил" if reply.tried else ""
        if case.acknowledgement.verdict is not Verdict.WAITING:
            return f"отправляется{again}"
        due = _seconds(case.clock.left_s)
        running = case.clock.state is ClockState.RUNNING
        when = f"срок истекает через {due}" if running else f"срок истёк {due} назад"
        if not case.confirm:
            return f"отправляется{again}: {when}"
        again = " снова, так как оператор не ответил" if case.acknowledgement.tried else ""
        return f"последует за уведомлением о приёме заявки, которое отправляется{again}: {when}"

    def _on(self, moment: datetime) -> str:
        return self._calendar.on(moment)

    def _near(self, moment: datetime | None, case: Case) -> str:
        return self._calendar.near(moment or case.arrived_at, case.arrived_at)


def _seconds(seconds: float | None) -> str:
    return russian_steps.lasting(timedelta(seconds=abs(seconds or 0)))


def _decided(case: Case) -> str:
    """Say what was decided, up to the reply that is owed."""
    reply = _REPLIES[case.plan]
    if case.plan is Plan.REGISTRATION:
        return f"; {reply}"
    if case.plan is Plan.UNKNOWN_NUMBER:
        return f"; в запросе отказано, так как этот номер у нас не зарегистрирован; {reply}"
    if case.plan is Plan.INFO_STALE:
        waited = russian_steps.lasting(case.waited)
        return f", но обработано лишь через {waited}, поэтому в запросе отказано; {reply}"
    off = "отключены" if case.plan is Plan.STOPPED else "включены"
    if not case.repeated:
        return f"; СМС-уведомления и СМС-оповещения {off}; {reply}"
    if case.confirm:
        return f"; СМС-уведомления и СМС-оповещения уже были {off}; {reply}"
    return f"; СМС-уведомления и СМС-оповещения уже были {off}; единственный ответ о приёме заявки"


def _late(case: Case) -> str:
    """Say what went wrong with the acknowledgement, if anything did."""
    if case.clock.state is ClockState.LATE and case.clock.after_s is not None:
        after = _seconds(case.clock.after_s)
        return f"; {_ACKNOWLEDGEMENT} опоздало: отправлено через {after}, а не в течение 2 мин"
    if case.clock.state is ClockState.MISSED and case.confirm:
        if case.acknowledgement.verdict is Verdict.UNKNOWN:
            return f"; дошло ли {_ACKNOWLEDGEMENT}, неизвестно"
        return f"; {_ACKNOWLEDGEMENT} отправить не удалось"
    return ""
