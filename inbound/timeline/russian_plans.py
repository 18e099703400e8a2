"""Russian phrases about each plan: in the sentence to the client, and in the step.

A new plan needs a case in each of the three functions.
"""

from datetime import timedelta
from typing import Final, assert_never

from inbound.timeline.cases import Case
from inbound.timeline.words import Details, russian_duration
from schemas.events import Plan
from schemas.registration_events import RefusalCause

REFUSED_REPLY: Final = "ответ с просьбой обратиться в службу поддержки"


def reply(plan: Plan) -> str:
    """Name the fulfilment. What happened to it follows in the sentence, as its predicate.

    The name is masculine: every predicate has to agree with it.
    """
    match plan:
        case Plan.REGISTRATION:
            return "ответ с регистрационными данными"
        case Plan.STOPPED | Plan.STARTED:
            return "ответ с подтверждением"
        case Plan.UNKNOWN_NUMBER:
            return "ответ с отказом"
        case Plan.INFO_STALE:
            return "ответ с просьбой повторить запрос"
        case _:
            assert_never(plan)


def decision(case: Case, since: str) -> str:
    """Say what was decided, to follow "получено"; nothing if the reply says it.

    `since` says since when notifications were off before, and what turned them off; empty if
    unknown.
    """
    match case.plan:
        case Plan.REGISTRATION:
            return ""
        case Plan.STOPPED:
            return _switched("отключены", already=not case.were_on, since=since)
        case Plan.STARTED:
            return _switched("включены", already=case.were_on)
        case Plan.UNKNOWN_NUMBER:
            return "; в запросе отказано, так как этот номер у нас не зарегистрирован"
        case Plan.INFO_STALE:
            waited = russian_duration(case.waited)
            return f", но обработано лишь через {waited}, поэтому в запросе отказано"
        case _:
            assert_never(case.plan)


def refusal(cause: RefusalCause) -> str:
    """Say why registration data was refused, to follow "получено"."""
    match cause:
        case RefusalCause.PERSON:
            return "; сотрудник проверил запрос и отказал в нём"
        case RefusalCause.EXPIRED:
            return "; запрос не был проверен вовремя, и в нём отказано"
        case RefusalCause.ERASED:
            return "; в запросе отказано, так как данные этого номера в это время удалялись"
        case RefusalCause.SWITCHED_OFF:
            return "; в запросе отказано: регистрационные данные сейчас не отправляются по СМС"
        case RefusalCause.NO_OPEN_CASE:
            return "; в запросе отказано: у службы поддержки нет открытого обращения от Вас"
        case _:
            assert_never(cause)


def _switched(state: str, *, already: bool, since: str = "") -> str:
    if already:
        return f"; СМС-уведомления и СМС-оповещения уже были {state}{since}"
    return f"; СМС-уведомления и СМС-оповещения {state}"


def decision_step(plan: Plan, d: Details) -> str:
    """Say what was decided and why, for people who know the service."""
    client = "номер принадлежит клиенту"
    if not d["client_known"]:
        client = "такого номера нет ни у одного клиента"
    whose = f"{client}, но он уже был среди получателей" if d.get("is_recipient") else client
    age = russian_duration(timedelta(seconds=d["age_s"]))
    match plan:
        case Plan.REGISTRATION:
            return f"принято, ответ с регистрационными данными: {client}, возраст сообщения {age}"
        case Plan.STOPPED:
            after = "отключаются" if d["notifications_on"] else "остаются отключёнными"
        case Plan.STARTED:
            after = "остаются включёнными" if d["notifications_on"] else "включаются"
        case Plan.UNKNOWN_NUMBER:
            return f"отказ: {client}"
        case Plan.INFO_STALE:
            return f"отказ, обработано слишком поздно: {client}, возраст сообщения {age}"
        case _:
            assert_never(plan)
    was = "включены" if d["notifications_on"] else "отключены"
    only = "" if d["confirm"] else "; повторно не подтверждается"
    return f"принято, уведомления {after}: {whose}, были {was}{only}"
