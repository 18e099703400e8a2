"""The steps in Russian, for those who know the service."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from inbound.smpp.status import explain
from inbound.timeline.model import StepKind
from inbound.timeline.words import COMMANDS, Details, Telling, centre_ids, duration, statuses
from schemas.events import Command, Plan

_UNITS: Final = ("с", "мин", "ч", "сут")
_UNANSWERED: Final = "нет ответа"
_PURPOSES: Final[Mapping[str, str]] = {
    "acknowledgement": "уведомление о приёме",
    "fulfilment": "уведомление об исполнении",
    "notification": "СМС-уведомление",
    "broadcast": "СМС-оповещение",
}
_LANES: Final[Mapping[str, str]] = {
    "urgent": "срочная (urgent)",
    "normal": "обычная (normal)",
    "bulk": "массовая (bulk)",
}
_COMPLETIONS: Final[Mapping[str, str]] = {
    "fulfilled": "исполнен",
    "refused": "отказано",
    "undelivered": "ответ не отправлен",
}
_FATES: Final[Mapping[str, str]] = {
    "delivered": "доставлено",
    "undeliverable": "не доставлено",
    "undetermined": "судьба неизвестна",
}


def lasting(span: timedelta) -> str:
    """Return a duration as it is written in Russian."""
    return duration(span, _UNITS).replace(".", ",")


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
    return f"команда {COMMANDS[Command(d['command'])]}{read}"


def _decided(d: Details) -> str:
    client = "номер есть у клиента" if d["client_known"] else "такого номера нет ни у кого"
    age = lasting(timedelta(seconds=d["age_s"]))
    was = "включены" if d["notifications_on"] else "отключены"
    match Plan(d["plan"]):
        case Plan.REGISTRATION:
            return f"принято, ответ с регистрационными данными: {client}, возраст сообщения {age}"
        case Plan.INFO_STALE:
            return f"отказ по давности: {client}, но возраст сообщения {age}"
        case Plan.UNKNOWN_NUMBER:
            return f"отказ: {client}"
        case Plan.STOPPED:
            after = "отключаются" if d["notifications_on"] else "остаются отключёнными"
        case Plan.STARTED:
            after = "остаются включёнными" if d["notifications_on"] else "включаются"
    only = "" if d["confirm"] else "; повторно не подтверждается"
    return f"принято, уведомления {after}: {client}, были {was}{only}"


def _switched(d: Details) -> str:
    on = "включены" if d["notifications_on"] else "отключены"
    return f"СМС-уведомления и СМС-оповещения {on}"


def _recorded(d: Details) -> str:
    return f"записано: позиция {d['position']} в журнале, версия {d['version']} у субъекта"


def _queued(d: Details) -> str:
    return f"{_PURPOSES[d['purpose']]}: в очередь, полоса {_LANES[d['lane']]}"


def _claimed(d: Details) -> str:
    number = _attempt_number(d)
    return f"{_PURPOSES[d['purpose']]}: взято шлюзом {d['gateway']} для отправки{number}"


def _sent(d: Details) -> str:
    by = f", шлюз {d['gateway']}" if d["gateway"] else ""
    return f"{_PURPOSES[d['purpose']]}: передано в канал {d['bind']}{by}{_attempt_number(d)}"


def _attempt(d: Details) -> str:
    status = _UNANSWERED if d["status"] is None else explain(d["status"])
    return f"submit_sm части {d['part']}, канал {d['bind']}: {status}"


def _result(d: Details) -> str:
    purpose, parts = _PURPOSES[d["purpose"]], d["parts"]
    outcome = {
        "submitted": "принято центром",
        "rejected": "отвергнуто окончательно",
        "unknown": "отправлено, но ответа нет",
        "expired": "не отправлено за время, пока в этом был смысл",
        "erased": "не отправлено, номер или данные удалены",
    }[d["outcome"]]
    again = ", отправляется снова" if d["goes_again"] else ""
    answers = (
        f", {statuses(parts, _UNANSWERED)}" if any(part["status_name"] for part in parts) else ""
    )
    count = f", частей: {len(parts)}" if len(parts) > 1 else ""
    ids = f", id {given}" if (given := centre_ids(parts)) else ""
    left_out = d["attempts_left_out"]
    more = f"; не показано попыток: {left_out}" if left_out else ""
    return f"{purpose}: {outcome}{count}{again}{answers}{ids}{more}"


def _late(d: Details) -> str:
    after = lasting(timedelta(seconds=d["after_s"]))
    return f"уведомление о приёме не принято центром за 2 мин: исход известен через {after}"


def _completed(d: Details) -> str:
    return f"запрос завершён: {_COMPLETIONS[d['completion']]}"


def _receipt(d: Details) -> str:
    parts = f", частей: {d['parts']}" if d["parts"] > 1 else ""
    error = f", код {d['error']}" if d["error"] else ""
    when = f", часы центра {d['centre_time'].replace('T', ' ')}" if d["centre_time"] else ""
    fate = _FATES[d["fate"]]
    return f"отчёт: {_PURPOSES[d['purpose']]} {fate}, {d['state']}{parts}{error}{when}"


def _attempt_number(d: Details) -> str:
    return f", попытка {d['attempt']}" if d["attempt"] > 1 else ""


TELLING: Final[Telling] = {
    StepKind.ARRIVED: _arrived,
    StepKind.ASSEMBLED: _assembled,
    StepKind.PARSED: _parsed,
    StepKind.DECIDED: _decided,
    StepKind.SWITCHED: _switched,
    StepKind.RECORDED: _recorded,
    StepKind.QUEUED: _queued,
    StepKind.CLAIMED: _claimed,
    StepKind.SENT: _sent,
    StepKind.ATTEMPT: _attempt,
    StepKind.RESULT: _result,
    StepKind.LATE: _late,
    StepKind.COMPLETED: _completed,
    StepKind.RECEIPT: _receipt,
}
