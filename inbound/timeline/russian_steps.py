"""The steps in Russian, for people who know the service."""

from collections.abc import Mapping
from datetime import timedelta, tzinfo
from typing import Final, assert_never

from inbound.smpp.status import explain
from inbound.timeline import russian_order_steps, russian_plans
from inbound.timeline.cases import DeliveryResult
from inbound.timeline.model import StepKind
from inbound.timeline.russian_outcomes import by_centre, receipt_state
from inbound.timeline.words import (
    Details,
    centre_ids,
    russian_duration,
    spelling_of,
    statuses,
)
from schemas.events import Command, Completion, Plan
from schemas.messages import Outcome, Purpose, ReceiptState
from schemas.orders import OrderKind
from schemas.registration_events import HoldReason, RefusalCause

_UNANSWERED: Final = "нет ответа"
_UNSENT: Final[Mapping[str | None, str]] = {
    "unreported": "возможно, отправлено (шлюз остановился, не сообщив о результате)",
    "given_up": "больше не отправляется; дошло ли раньше, неизвестно",
}
_LANES: Final[Mapping[str, str]] = {
    "urgent": "в срочную очередь (urgent)",
    "normal": "в обычную очередь (normal)",
    "bulk": "в очередь рассылок (bulk)",
    "channels": "в очередь других способов доставки (channels)",
}


def step_text(kind: StepKind, d: Details, zone: tzinfo) -> str:
    """Return what happened at a step. `d` are its details (`inbound.timeline.steps`)."""
    match kind:
        case StepKind.ARRIVED:
            return _arrived(d)
        case StepKind.ASSEMBLED:
            return _assembled(d)
        case StepKind.PARSED:
            return _parsed(d)
        case StepKind.DECIDED:
            return russian_plans.decision_step(Plan(d["plan"]), d)
        case StepKind.SWITCHED:
            return _switched(d)
        case StepKind.RECORDED:
            return _recorded(d)
        case StepKind.QUEUED:
            return _queued(d)
        case StepKind.CLAIMED:
            return _claimed(d)
        case StepKind.SENT:
            return _sent(d)
        case StepKind.ATTEMPT:
            return _attempt(d)
        case StepKind.RESULT:
            return _result(d)
        case StepKind.LATE:
            return _late(d)
        case StepKind.HELD:
            return _held(HoldReason(d["reason"]), d)
        case StepKind.RELEASED:
            return f"отправка регистрационных данных разрешена ({d['by']}): {d['reason']}"
        case StepKind.REFUSED:
            return _refused(RefusalCause(d["cause"]), d)
        case StepKind.RESTORED:
            return f"отключение отменено, уведомления снова включены ({d['by']}): {d['reason']}"
        case StepKind.COMPLETED:
            return _completed(d)
        case StepKind.RECEIPT:
            return _receipt(d)
        case (
            StepKind.ORDERED
            | StepKind.ORDER_ACCEPTED
            | StepKind.ORDER_REFUSED
            | StepKind.RESCHEDULED
            | StepKind.WITHHELD
            | StepKind.CANCELLED
            | StepKind.EXPIRED
            | StepKind.ERASED
        ):
            return russian_order_steps.step_text(kind, d, zone)
        case _:
            assert_never(kind)


def _arrived(d: Details) -> str:
    to = f" на {d['our_number']}" if d.get("our_number") else ""
    by = f", шлюз {d['gateway']}" if d.get("gateway") else ""
    esm_class = f", esm_class 0x{d['esm_class']:02X}" if "esm_class" in d else ""
    return (
        f"deliver_sm{to} из центра {d['centre']}, канал {d['bind']}{by}: data_coding "
        f"{d['data_coding']}{esm_class}"
    )


def _assembled(d: Details) -> str:
    order = f", пришедших в порядке {', '.join(map(str, d['sequences']))}"
    return f"собрано из частей: {d['parts']}{order if d['sequences'] else ''}"


def _parsed(d: Details) -> str:
    read = f", октетов: {d['octets']}, алфавит {d['alphabet']}" if "octets" in d else ""
    return f"команда {spelling_of(Command(d['command']))}{read}"


def _switched(d: Details) -> str:
    on = "включены" if d["notifications_on"] else "отключены"
    return f"СМС-уведомления и СМС-оповещения {on}"


def _recorded(d: Details) -> str:
    return f"записано в журнал событий: позиция {d['position']}, версия истории {d['version']}"


def _queued(d: Details) -> str:
    return f"{_purpose(d)}: поставлено {_LANES[d['lane']]}"


def _claimed(d: Details) -> str:
    number = _attempt_number(d)
    return f"{_purpose(d)}: взято на отправку шлюзом {d['gateway']}{number}"


def _sent(d: Details) -> str:
    by = f", шлюз {d['gateway']}" if d["gateway"] else ""
    return f"{_purpose(d)}: передано в канал {d['bind']}{by}{_attempt_number(d)}"


def _attempt(d: Details) -> str:
    status = _UNANSWERED if d["status"] is None else explain(d["status"])
    return f"submit_sm части {d['part']}, канал {d['bind']}: {status}"


def _result(d: Details) -> str:
    if d["inferred_from"]:
        return _unreported(d)
    purpose, parts = _purpose(d), d["parts"]
    outcome = _UNSENT.get(d.get("unsent"), _outcome(Outcome(d["outcome"])))
    again = ", отправляется снова" if d["goes_again"] else ""
    answers = (
        f", {statuses(parts, _UNANSWERED)}" if any(part["status_name"] for part in parts) else ""
    )
    count = f", частей: {len(parts)}" if len(parts) > 1 else ""
    ids = f", id {given}" if (given := centre_ids(parts)) else ""
    left_out = d["attempts_left_out"]
    more = f"; не показано попыток: {left_out}" if left_out else ""
    return f"{purpose}: {outcome}{count}{again}{answers}{ids}{more}"


def _unreported(d: Details) -> str:
    return (
        f"{_purpose(d)}, попытка {d['attempt']}: возможно, отправлено (шлюз остановился, не "
        f"сообщив о результате; это видно по попытке {d['inferred_from']})"
    )


def _late(d: Details) -> str:
    after = russian_duration(timedelta(seconds=d["after_s"]))
    outcome = Outcome(d["outcome"])
    match outcome:
        case Outcome.SUBMITTED:
            return f"уведомление о приёме принято центром лишь через {after} (обещано: 2 мин)"
        case Outcome.REJECTED:
            if d["refused_with"] is None:
                return "уведомление о приёме не удалось закодировать, оно не отправлено"
            return f"центр отверг уведомление о приёме через {after}, {d['refused_with']}"
        case Outcome.UNKNOWN:
            return (
                f"через {after} ожидание прекращено: центр не подтвердил уведомление о приёме "
                "(обещано: 2 мин)"
            )
        case Outcome.EXPIRED:
            return f"уведомление о приёме за {after} отправить не удалось (обещано: 2 мин)"
        case Outcome.ERASED:
            return f"уведомление о приёме не отправлено: через {after} номер или данные удалены"
        case _:
            assert_never(outcome)


def _held(reason: HoldReason, d: Details) -> str:
    longest = russian_duration(timedelta(hours=d["hours"]))
    held = f"регистрационные данные задержаны до проверки, не дольше {longest}"
    match reason:
        case HoldReason.MINUTE_CEILING:
            return f"{held}: достигнут предел за минуту"
        case HoldReason.HOUR_CEILING:
            return f"{held}: достигнут предел за час"
        case HoldReason.CENTRE_CEILING:
            return f"{held}: достигнут предел этого центра"
        case HoldReason.SWITCHED_OFF:
            return f"{held}: отправка регистрационных данных отключена"
        case HoldReason.NO_OPEN_CASE:
            return f"{held}: у клиента нет открытого обращения"
        case _:
            assert_never(reason)


def _refused(cause: RefusalCause, d: Details) -> str:
    refused = "в регистрационных данных отказано"
    match cause:
        case RefusalCause.PERSON:
            return f"{refused} ({d['by']}): {d['reason']}"
        case RefusalCause.EXPIRED:
            return f"{refused}: не проверено в срок"
        case RefusalCause.ERASED:
            return f"{refused}: данные клиента удалены"
        case RefusalCause.SWITCHED_OFF:
            return f"{refused}: отправка регистрационных данных отключена"
        case RefusalCause.NO_OPEN_CASE:
            return f"{refused}: у клиента нет открытого обращения"
        case _:
            assert_never(cause)


def _completed(d: Details) -> str:
    return f"запрос завершён: {_completion(Completion(d['completion']))}"


def _receipt(d: Details) -> str:
    parts = f", частей: {d['parts']}" if d["parts"] > 1 else ""
    error = f", код {d['error']}" if d["error"] else ""
    when = by_centre(d["centre_time"]) if d["centre_time"] else ""
    delivery = _delivery(DeliveryResult(d["fate"]))
    state = receipt_state(ReceiptState(d["state"]))
    return f"отчёт: {_purpose(d)} {delivery}, состояние «{state}»{parts}{error}{when}"


def _purpose(d: Details) -> str:
    if d.get("kind") == OrderKind.SERVICE:
        return "сервисное сообщение"
    purpose = Purpose(d["purpose"])
    match purpose:
        case Purpose.ACKNOWLEDGEMENT:
            return "уведомление о приёме"
        case Purpose.FULFILMENT:
            return "уведомление об исполнении"
        case Purpose.NOTIFICATION:
            return "СМС-уведомление"
        case Purpose.BROADCAST:
            return "СМС-оповещение"
        case _:
            assert_never(purpose)


def _outcome(outcome: Outcome) -> str:
    match outcome:
        case Outcome.SUBMITTED:
            return "принято центром"
        case Outcome.REJECTED:
            return "окончательно отклонено"
        case Outcome.UNKNOWN:
            return "отправлено, но ответа нет"
        case Outcome.EXPIRED:
            return "не отправлено: срок истёк"
        case Outcome.ERASED:
            return "не отправлено, номер или данные удалены"
        case _:
            assert_never(outcome)


def _completion(completion: Completion) -> str:
    match completion:
        case Completion.FULFILLED:
            return "ответ отправлен"
        case Completion.REFUSED:
            return "отказано"
        case Completion.UNDELIVERED:
            return "ответ не отправлен"
        case _:
            assert_never(completion)


def _delivery(result: DeliveryResult) -> str:
    match result:
        case DeliveryResult.DELIVERED:
            return "доставлено"
        case DeliveryResult.UNDELIVERABLE:
            return "не доставлено"
        case DeliveryResult.UNDETERMINED:
            return "доставлено ли, неизвестно"
        case _:
            assert_never(result)


def _attempt_number(d: Details) -> str:
    return f", попытка {d['attempt']}" if d["attempt"] > 1 else ""
