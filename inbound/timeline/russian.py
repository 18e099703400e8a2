"""The sentences in Russian."""

from datetime import datetime, timedelta, tzinfo
from typing import Final, assert_never

from inbound.freshness.model import Pending
from inbound.plurals import ends_in_one
from inbound.smpp.status import name_of
from inbound.timeline import (
    russian_orders,
    russian_plans,
    russian_steps,
)
from inbound.timeline.cases import Case, ReplyProgress
from inbound.timeline.incidents import Exclusion, Switch
from inbound.timeline.model import ClockState, ReplyStatus, StepKind, TextReading
from inbound.timeline.order_cases import OrderCase
from inbound.timeline.pending import RUSSIAN, added, clause, sentence
from inbound.timeline.russian_outcomes import taken_up, undeliverable
from inbound.timeline.words import (
    OPEN_CLOCKS,
    ArrivalSpan,
    Calendar,
    Details,
    MissKind,
    NothingFound,
    Wording,
    accepted_spellings,
    days_in_russian,
    miss_kind,
    russian_duration,
    spelling_of,
)

_MONTHS: Final = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)
_LONG: Final = timedelta(days=1)
_ACKNOWLEDGEMENT: Final = "уведомление о приёме заявки"
_UNKNOWN: Final = (
    "отправлен, но оператор не ответил; сообщение могло дойти, а могло и не дойти; если его нет, "
    "повторите запрос"
)
_EXPIRED: Final = "вовремя отправить не удалось, и больше он не отправляется; повторите запрос"
_ERASED: Final = "не отправлен: номер или данные были удалены из сервиса"


class Russian(Wording):
    """Implements `Wording` in Russian."""

    def __init__(self, zone: tzinfo) -> None:
        """Give times in this zone."""
        self._calendar = Calendar(
            zone,
            _MONTHS,
            day="{day} {month} {year} г.",
            full="{day} в {time}",
            time="в {time}",
            plain="{time} {day}",
            within_a_day="{day} с {first} по {last}",
            over_days="с {first} по {last}",
        )

    def request(self, case: Case) -> str:
        came = f"Ваше сообщение «{spelling_of(case.command)}» получено {self._on(case.arrived_at)}"
        became = self._outcome(case, case.reply)
        ends = f"{_late(case)}{self._restored(case)}"
        return f"{came}{_owed(case)} {became}{ends}".removesuffix(".") + "."

    def order(self, case: OrderCase) -> str:
        return russian_orders.sentence(case, self._calendar)

    def advice(self, case: OrderCase) -> str | None:
        return russian_orders.advice(case, self._calendar)

    def exclusion(self, exclusion: Exclusion) -> str:
        return russian_orders.exclusion(exclusion, self._calendar)

    def switch(self, switch: Switch) -> str:
        return russian_orders.switched(switch, self._calendar)

    def miss(self, kind: str, span: ArrivalSpan, limit: int | None) -> str:
        known = miss_kind(kind)
        what = _why_missed(known, limit) if known else f"не стало запросом ({kind})"
        if span.count == 1:
            return f"Сообщение, полученное {self._on(span.first_at)}, {what}."
        texts, received = (
            ("сообщения", "полученного") if ends_in_one(span.count) else ("сообщений", "полученных")
        )
        return f"Каждое из {span.count} {texts}, {received} {self._calendar.over(span)}, {what}."

    def reading(self, reading: TextReading) -> str:
        alphabet = "не текст" if reading.alphabet == "none" else reading.alphabet
        return (
            f"октетов: {reading.octets}, прочитано как data_coding {reading.data_coding} "
            f"({alphabet}), канал {reading.bind}"
        )

    def unfinished(self, span: ArrivalSpan, here: int, total: int) -> str:
        return (
            f"От длинного сообщения, которое начало поступать {self._on(span.first_at)}, получено "
            f"частей: {here} из {total}, остальные ожидаются; отправьте его ещё раз одним коротким "
            "сообщением."
        )

    def nothing(self, found: NothingFound) -> str:
        since = f" с {self._calendar.bare(found.since)}" if found.since else ""
        until = f" по {self._calendar.bare(found.until)}" if found.until else ""
        if found.pending:
            waits = " ".join(map(self.pending, found.pending))
            said = (
                f"{waits} Среди уже обработанных сообщений с этого номера{since}{until} нет ни "
                "одного."
            )
        else:
            said = f"У нас нет сведений о сообщениях с этого номера{since}{until}"
            said = f"{said.removesuffix('.')}."
        if found.miss_days:
            said += (
                " О сообщениях, которые не были командами, известно только за последние сутки."
                if found.miss_days == 1
                else " О сообщениях, которые не были командами, известно только за последние "
                f"{days_in_russian(found.miss_days)}."
            )
        else:
            said += " Сообщения, которые не были командами, не учитываются."
        if (out := found.left_out) is not None:
            over = self._calendar.over(out)
            said += (
                f" {over[0].upper()}{over[1:]} со всех номеров пришло столько сообщений, что "
                f"{out.count} из них не учтены; среди них могли быть и с этого номера."
            )
        return said

    def pending(self, pending: Pending) -> str:
        return sentence(RUSSIAN, pending, self._calendar)

    def clock(self, case: Case) -> str:
        clock = case.clock
        if case.unread and clock.state in OPEN_CLOCKS:
            return f"пока неизвестно: {clause(RUSSIAN, case.unread, self._calendar)}"
        if case.taken_at is not None and clock.state in OPEN_CLOCKS:
            taken = taken_up("о", self._near(case.taken_at, case))
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

    def step(self, kind: StepKind, details: Details) -> str:
        return russian_steps.step_text(kind, details, self._calendar.zone)

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
                return f"{_UNKNOWN}{self._unread(case)}"
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
            return f"{sent}, {delivered}{self._unread(case)}"
        if case.unread:
            return f"{sent}{self._unread(case)}"
        if case.open_for > _LONG:
            return f"{sent}, отчёта о доставке нет уже {days_in_russian(case.open_for.days)}"
        return f"{sent}, отчёта о доставке на телефон ещё нет"

    def _undetermined(self, case: Case, reply: ReplyProgress) -> str:
        sent = f"передан оператору связи {self._near(reply.sent_at, case)}"
        return f"{sent}, но дошёл ли он до телефона, оператору неизвестно"

    def _waiting(self, case: Case, reply: ReplyProgress) -> str:
        again = " снова, так как оператор не ответил" if reply.tried else ""
        if case.unread:
            return f"мог уже быть отправлен{self._unread(case)}"
        if case.taken_at is not None:
            when = self._near(case.taken_at, case)
            if case.confirm and case.acknowledgement.status is ReplyStatus.WAITING:
                return f"последует за уведомлением о приёме заявки: оно {taken_up('о', when)}"
            return taken_up("", when)
        if case.acknowledgement.status is not ReplyStatus.WAITING:
            return f"отправляется{again}"
        due = _seconds(case.clock.left_s)
        running = case.clock.state is ClockState.RUNNING
        when = f"прийти в течение {due}" if running else f"было прийти {due} назад"
        if not case.confirm:
            must = "должен" if running else "должен был"
            return f"отправляется{again}: {must} {when.removeprefix('было ')}"
        again = " снова, так как оператор не ответил" if case.acknowledgement.tried else ""
        return (
            f"последует за уведомлением о приёме заявки, которое отправляется{again}: "
            f"оно должно {when}"
        )

    def _unread(self, case: Case) -> str:
        """Add that the reply may have got further, if reports are not processed yet."""
        return added(RUSSIAN, case.unread, self._calendar)

    def _held(self, case: Case) -> str:
        latest = f" (не позднее {self._on(case.held_until)})" if case.held_until else ""
        return f"задержан до проверки запроса сотрудником{latest}"

    def _restored(self, case: Case) -> str:
        if case.restored_at is None:
            return ""
        return (
            f"; {self._on(case.restored_at)} это отключение отменено нами, СМС-уведомления и "
            "СМС-оповещения были снова включены"
        )

    def _on(self, moment: datetime) -> str:
        return self._calendar.on(moment)

    def _near(self, moment: datetime | None, case: Case) -> str:
        return self._calendar.near(moment or case.arrived_at, case.arrived_at)


def _why_missed(kind: MissKind, limit: int | None) -> str:
    match kind:
        case MissKind.LOOK_ALIKE:
            return (
                "содержало буквы, лишь похожие на латинские (например, русскую С в слове "
                "CLIENT), и потому не было командой; наберите его заново латинскими буквами"
            )
        case MissKind.SPACING:
            return (
                "состояло из слов команды, но с другими пробелами между ними; между словами нужен "
                "ровно один пробел"
            )
        case MissKind.EXTRA_WORDS:
            return "содержало, кроме команды, что-то ещё; отправьте только команду"
        case MissKind.UNKNOWN:
            return f"не совпало ни с одной из команд: {', '.join(accepted_spellings())}"
        case MissKind.EMPTY:
            return "было пустым"
        case MissKind.UNDECODABLE:
            return "не удалось прочитать как текст"
        case MissKind.DUPLICATE:
            return (
                "повторило последнюю принятую команду слишком быстро, поэтому оба сообщения "
                "считаются одним запросом, на который даётся один ответ"
            )
        case MissKind.LIMITED:
            number = "" if limit is None else f" ({limit})"
            return f"превысило число команд, принимаемых за час{number}; повторите запрос позже"
        case MissKind.UNKNOWN_NUMBER:
            return (
                "было командой, но этот номер у нас не зарегистрирован, и на такие сообщения "
                "ответа нет"
            )
        case MissKind.UNKNOWN_NUMBER_CEILING:
            return (
                "было командой, но этот номер у нас не зарегистрирован, а таких сообщений в то "
                "время пришло слишком много, чтобы ответить на каждое"
            )
        case MissKind.INCOMPLETE:
            return "пришло по частям, и не все части дошли; отправьте его ещё раз"
        case _:
            assert_never(kind)


def _rejected(reply: ReplyProgress) -> str:
    if reply.command_status is None:
        return "не удалось подготовить к отправке, и он не отправлен"
    status = name_of(reply.command_status)
    if reply.partly:
        return f"принят СМС-центром оператора не полностью ({status}), и целиком он не дойдёт"
    return f"не принят СМС-центром оператора ({status}) и не отправлен"


def _seconds(seconds: float | None) -> str:
    return russian_duration(timedelta(seconds=abs(seconds or 0)))


def _owed(case: Case) -> str:
    """Say what was decided and name the reply whose outcome follows."""
    if case.refused is not None:
        return f"{russian_plans.refusal(case.refused)}; {russian_plans.REFUSED_REPLY}"
    only = "единственный ответ о приёме заявки"
    reply = russian_plans.reply(case.plan) if case.confirm else only
    return f"{russian_plans.decision(case)}; {reply}"


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
