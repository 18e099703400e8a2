"""Why an order was refused or withheld, in Russian, and what to do about it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, assert_never

from inbound.timeline.incidents import Switch, SwitchedBy
from inbound.timeline.order_cases import OrderCase, RefusalText
from inbound.timeline.russian_channels import NO_ADDRESS
from inbound.timeline.words import russian_duration, spelling_of
from schemas.events import Command
from schemas.order_facts import LimitFacts
from schemas.orders import OrderKind, RefusalReason

_OURS: Final = "в заказе была ошибка с нашей стороны"
_LIMIT: Final = "был достигнут предел для таких сообщений"


def refusal(case: OrderCase, near: Callable[[datetime], str]) -> RefusalText:
    """Say why an order was refused, and what to do about it. `near` formats a moment."""
    decided, facts, reason = case.decided, case.decided.facts, case.refused
    account = f"учётной записи {decided.account}"
    match reason:
        case RefusalReason.ACCOUNT_UNKNOWN:
            advice = f"{account} нет; программа должна указать существующую учётную запись"
            return RefusalText(_OURS, advice)
        case RefusalReason.ACCOUNT_DISABLED:
            advice = f"учётная запись {decided.account} отключена; её нужно включить"
            return RefusalText(_OURS, advice)
        case RefusalReason.RIGHT_MISSING:
            of = "" if decided.channel is None else " или использовать другие способы доставки"
            return RefusalText(
                _OURS,
                f"у {account} нет права отправлять {_many(decided.kind)}{of}; ей нужно дать это "
                "право",
            )
        case RefusalReason.IDEMPOTENCY_KEY_REUSED:
            return RefusalText(
                _OURS,
                "его ключ идемпотентности уже был использован для другого заказа; его нужно "
                "заказать с новым ключом",
            )
        case RefusalReason.NOT_A_MOBILE_NUMBER:
            return RefusalText(
                "в заказе указан не мобильный номер",
                "нужно указать верный номер с кодом страны",
            )
        case RefusalReason.RECIPIENT_UNKNOWN if decided.channel is not None:
            return NO_ADDRESS
        case RefusalReason.RECIPIENT_UNKNOWN:
            return RefusalText(
                "получатель в заказе неизвестен",
                "клиент должен быть в справочнике, или в заказе нужно указать номер",
            )
        case RefusalReason.RECIPIENT_NOT_A_CLIENT:
            return RefusalText(
                "этого номера нет в нашем справочнике клиентов",
                f"номер нужно внести в справочник или дать {account} право писать другим людям",
            )
        case RefusalReason.OPTED_OUT:
            return RefusalText(opted_out(case.stop, near))
        case RefusalReason.TOO_MANY_WAITING:
            return RefusalText(
                f"отправки на этот номер уже ждали другие сообщения: {facts.waiting}",
                _waiting(facts.waiting_of_account, account),
            )
        case RefusalReason.TEMPLATE_UNKNOWN:
            return RefusalText(
                _OURS,
                f"шаблона {decided.template} нет; в заказе нужно указать существующий шаблон",
            )
        case RefusalReason.TEMPLATE_FIELDS:
            return RefusalText(_OURS, _fields(case))
        case RefusalReason.SENDER_NOT_APPROVED:
            return RefusalText(
                _OURS,
                f"отправитель {decided.sender} не одобрен для {account}; отправителя нужно "
                "одобрить или убрать из заказа",
            )
        case RefusalReason.TEXT_NOT_ALLOWED:
            return RefusalText(
                _OURS,
                f"его текст не подходит ни к одному образцу {account} или начинается с имени "
                "канала; нужно изменить текст или образцы",
            )
        case RefusalReason.TOO_MANY_PARTS:
            most = (
                ""
                if facts.max_parts is None
                else f", а для {account} их не больше {facts.max_parts}"
            )
            return RefusalText(
                _OURS, f"частей СМС в его тексте: {decided.parts}{most}; текст нужно сократить"
            )
        case RefusalReason.EXPIRED:
            return RefusalText(
                "срок его отправки истёк бы раньше, чем его можно отправить",
                "нужно изменить часы отправки и срок",
            )
        case RefusalReason.REPEATED:
            return RefusalText(
                f"такой же текст на этот номер заказан {_before(near, facts.same_text_at)}",
                f"повторить заказ можно {_after(facts.repeat_within_s)}",
            )
        case RefusalReason.MINIMUM_DELAY:
            return RefusalText(
                f"другое сообщение на этот номер заказано {_before(near, facts.last_at)}",
                f"повторить заказ можно {_after(facts.min_delay_s)}",
            )
        case RefusalReason.DAILY_LIMIT:
            return RefusalText(
                _LIMIT,
                f"достигнут дневной предел {account}{_limit(facts.day)}; его можно заказать на "
                "следующий день, или предел нужно повысить",
            )
        case RefusalReason.WEEKLY_LIMIT:
            return RefusalText(
                _LIMIT,
                f"достигнут недельный предел {account}{_limit(facts.week)}; его можно заказать с "
                "понедельника, или предел нужно повысить",
            )
        case RefusalReason.MONTHLY_LIMIT:
            return RefusalText(
                _LIMIT,
                f"достигнут месячный предел {account}{_limit(facts.month)}; его можно заказать в "
                "следующем месяце, или предел нужно повысить",
            )
        case RefusalReason.BALANCE:
            return RefusalText(
                _LIMIT, f"на счёте {account} не хватило средств; счёт нужно пополнить"
            )
        case None:
            return RefusalText("заказ отклонён", "его нужно заказать снова")
        case _:
            assert_never(reason)


def _fields(case: OrderCase) -> str:
    template, facts = case.decided.template, case.decided.facts
    if facts.missing_field is not None:
        return (
            f"в заказе нет поля {facts.missing_field}, которое нужно шаблону {template}; его нужно "
            "заказать снова с этим полем"
        )
    wrong = "поля заказа не подходят"
    if facts.unfit_field is not None:
        wrong = f"значение поля {facts.unfit_field} не подходит"
    return f"{wrong} к шаблону {template}; его нужно заказать снова с тем, что принимает шаблон"


def _waiting(of_account: int | None, account: str) -> str:
    again = "его нужно заказать снова, когда они будут отправлены"
    if of_account is None:
        return again
    return f"из них {account}: {of_account}, больше ей нельзя; {again}"


def opted_out(stop: Switch | None, near: Callable[[datetime], str]) -> str:
    """Say that notifications had been switched off, and how to switch them on again."""
    when = f"{near(stop.at)} " if stop else ""
    how = f" {switched_by(stop)}" if stop else ""
    start = spelling_of(Command.SMS_START)
    return (
        f"{when}СМС-уведомления и СМС-оповещения были отключены{how}; если они ещё отключены, "
        f"отправьте «{start}», чтобы снова включить их"
    )


def switched_by(switch: Switch) -> str:
    """Say who switched notifications, to follow "были отключены"."""
    match switch.switched_by:
        case SwitchedBy.TEXT:
            return "сообщением с этого номера"
        case SwitchedBy.OPERATOR:
            return "нашим сотрудником по Вашей просьбе"
        case SwitchedBy.UNDOING:
            return "нашим сотрудником, который отменил отключение"
        case _:
            assert_never(switch.switched_by)


def _many(kind: OrderKind) -> str:
    match kind:
        case OrderKind.NOTIFICATION:
            return "СМС-уведомления"
        case OrderKind.BROADCAST:
            return "СМС-оповещения"
        case OrderKind.SERVICE:
            return "сервисные сообщения"
        case _:
            assert_never(kind)


def _before(near: Callable[[datetime], str], moment: datetime | None) -> str:
    return near(moment) if moment else "незадолго до этого"


def _after(seconds: int | None) -> str:
    if not seconds:
        return "позже"
    return f"через {russian_duration(timedelta(seconds=seconds))} после этого"


def _limit(limit: LimitFacts | None) -> str:
    return f" (сообщений: {limit.limit})" if limit else ""
