"""The steps that only orders have, in Russian, for people who know the service."""

from datetime import tzinfo
from typing import Final, Literal, assert_never

from inbound.timeline.model import StepKind
from inbound.timeline.words import Details, russian_money, written_moment
from schemas.orders import OrderKind, RefusalReason, WithheldReason

OrderStep = Literal[
    StepKind.ORDERED,
    StepKind.ORDER_ACCEPTED,
    StepKind.ORDER_REFUSED,
    StepKind.RESCHEDULED,
    StepKind.WITHHELD,
    StepKind.CANCELLED,
    StepKind.EXPIRED,
    StepKind.ERASED,
]

_MOMENT: Final = "%d.%m.%Y %H:%M:%S"
_PERIODS: Final = {"day": "за день", "week": "за неделю", "month": "за месяц"}


def step_text(kind: OrderStep, d: Details, zone: tzinfo) -> str:
    """Return what happened at a step. `d` are its details (`inbound.timeline.order_steps`)."""
    match kind:
        case StepKind.ORDERED:
            return _ordered(d, zone)
        case StepKind.ORDER_ACCEPTED:
            return f"заказ принят, {_times(d, zone)}; {_facts(d)}"
        case StepKind.ORDER_REFUSED:
            why = f"{refusal(RefusalReason(d['reason']))}{_field(d)}"
            return f"в заказе отказано: {why}; {_facts(d)}"
        case StepKind.RESCHEDULED:
            return _rescheduled(d, zone)
        case StepKind.WITHHELD:
            return f"не отправлено: {_withheld(WithheldReason(d['reason']))}"
        case StepKind.CANCELLED:
            return "заказ отменён"
        case StepKind.EXPIRED:
            return "срок заказа истёк, пока он ждал отправки"
        case StepKind.ERASED:
            return "данные получателя удалены"
        case _:
            assert_never(kind)


def _ordered(d: Details, zone: tzinfo) -> str:
    version = f", версия {d['template_version']}" if d["template_version"] else ""
    template = "текст без шаблона" if d["template"] == "text" else f"шаблон {d['template']}"
    language = f", язык {d['language']}" if d["language"] else ""
    sender = f", отправитель {d['sender']}" if d["sender"] else ""
    parts = f", частей: {d['parts']}" if d["parts"] > 1 else ""
    since = f", не раньше {_moment(d['not_before'], zone)}" if d["not_before"] else ""
    until = f", не позже {_moment(d['expires_at'], zone)}" if d["expires_at"] else ""
    channel = f", способ доставки {d['channel']}" if d.get("channel") else ""
    broadcast = f", рассылка {d['broadcast_id']}" if d["broadcast_id"] else ""
    return (
        f"{_kind(OrderKind(d['kind']))} (учётная запись {d['account']}): {template}{version}"
        f"{channel}{language}{sender}{parts}{_hours(d)}{since}{until}{broadcast}"
    )


def _moment(moment: str, zone: tzinfo) -> str:
    return written_moment(moment, zone, _MOMENT)


def _hours(d: Details) -> str:
    hours = d["hours"]
    return f", часы {hours['start']}-{hours['end']} {hours['zone']}" if hours else ""


def _kind(kind: OrderKind) -> str:
    match kind:
        case OrderKind.NOTIFICATION:
            return "заказано СМС-уведомление"
        case OrderKind.BROADCAST:
            return "заказано СМС-оповещение"
        case OrderKind.SERVICE:
            return "заказано сервисное сообщение"
        case _:
            assert_never(kind)


def _times(d: Details, zone: tzinfo) -> str:
    until = f"крайний срок {_moment(d['not_after'], zone)}"
    if d["at_once"]:
        return f"отправка сразу ({until})"
    return f"отправка {_moment(d['due_at'], zone)} ({until})"


def _field(d: Details) -> str:
    if field := d.get("missing_field"):
        return f" (нет поля {field})"
    field = d.get("unfit_field")
    return f" (значение поля {field} не подходит)" if field else ""


def _facts(d: Details) -> str:
    known = "номер есть" if d["client_known"] else "номера нет"
    client = f"{known} в справочнике клиентов"
    on = f"уведомления {'включены' if d['notifications_on'] else 'отключены'}"
    limits = "".join(
        f", {words} использовано {limit['used']} из {limit['limit']}"
        for period, words in _PERIODS.items()
        if (limit := d["limits"].get(period))
    )
    currency = d.get("currency")
    money = f", цена {russian_money(d['price'], currency)}" if d["price"] is not None else ""
    if d["balance"] is not None:
        money += f", на счёте {russian_money(d['balance'], currency)}"
    own = d.get("waiting_of_account")
    of_account = "" if own is None else f" (этой учётной записи: {own})"
    waiting = f", незавершённых заказов: {d['waiting']}{of_account}" if d["waiting"] else ""
    return f"{client}, {on}{waiting}{limits}{money}"


def _rescheduled(d: Details, zone: tzinfo) -> str:
    number = f"отправка перенесена, попытка {d['dispatch']}"
    if d["due_at"] is None:
        return f"{number}: когда рассылка возобновится"
    due, until = (_moment(d[name], zone) for name in ("due_at", "not_after"))
    return f"{number}: {due} (крайний срок {until})"


def _withheld(reason: WithheldReason) -> str:
    match reason:
        case WithheldReason.OPTED_OUT:
            return "к моменту отправки уведомления были отключены"
        case WithheldReason.CANCELLED:
            return "заказ или его рассылка отменены"
        case WithheldReason.PAUSED:
            return "рассылка приостановлена"
        case _:
            assert_never(reason)


def refusal(reason: RefusalReason) -> str:
    """Return why an order was refused, in a few words."""
    match reason:
        case RefusalReason.ACCOUNT_UNKNOWN:
            return "такой учётной записи нет"
        case RefusalReason.ACCOUNT_DISABLED:
            return "учётная запись отключена"
        case RefusalReason.RIGHT_MISSING:
            return "у учётной записи нет такого права"
        case RefusalReason.IDEMPOTENCY_KEY_REUSED:
            return "ключ идемпотентности уже использован"
        case RefusalReason.NOT_A_MOBILE_NUMBER:
            return "номер не мобильный"
        case RefusalReason.RECIPIENT_UNKNOWN:
            return "получатель неизвестен"
        case RefusalReason.RECIPIENT_NOT_A_CLIENT:
            return "номера нет в справочнике клиентов"
        case RefusalReason.OPTED_OUT:
            return "получатель отключил уведомления"
        case RefusalReason.TOO_MANY_WAITING:
            return "у учётной записи слишком много незавершённых заказов на этот номер"
        case RefusalReason.TEMPLATE_UNKNOWN:
            return "такого шаблона нет"
        case RefusalReason.TEMPLATE_FIELDS:
            return "поля не подходят к шаблону"
        case RefusalReason.SENDER_NOT_APPROVED:
            return "отправитель не одобрен"
        case RefusalReason.TEXT_NOT_ALLOWED:
            return "текст не подходит ни к одному образцу или начинается с имени канала"
        case RefusalReason.TOO_MANY_PARTS:
            return "слишком много частей"
        case RefusalReason.EXPIRED:
            return "срок истёк бы до начала отправки"
        case RefusalReason.REPEATED:
            return "такой же текст уже заказан"
        case RefusalReason.MINIMUM_DELAY:
            return "слишком скоро после другого сообщения"
        case RefusalReason.DAILY_LIMIT:
            return "достигнут дневной предел"
        case RefusalReason.WEEKLY_LIMIT:
            return "достигнут недельный предел"
        case RefusalReason.MONTHLY_LIMIT:
            return "достигнут месячный предел"
        case RefusalReason.BALANCE:
            return "не хватает средств"
        case _:
            assert_never(reason)
