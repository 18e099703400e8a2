"""Russian phrases about messages of channels, where they differ from text messages. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, assert_never

from inbound.timeline.cases import ReplyProgress
from inbound.timeline.model import ReplyStatus
from inbound.timeline.order_cases import OrderCase, RefusalText
from schemas.channels import Channel
from schemas.orders import OrderState

NO_ADDRESS: Final = RefusalText(
    "в нашем справочнике клиентов нет адреса для него",
    "нужно загрузить адрес клиента",
)


def subject_of(channel: Channel) -> str:
    """Name a message of a channel; each name is neuter."""
    match channel:
        case Channel.MAIL:
            return "Сообщение по электронной почте"
        case Channel.BOT:
            return "Сообщение в Telegram"
        case Channel.HLR:
            return "Обращение к сети с вопросом об этом номере"
        case Channel.PING:
            return "Проверочное сообщение (доступен ли телефон)"
        case Channel.MMS:
            return "ММС-сообщение"
        case Channel.CALL:
            return "Голосовое сообщение"
        case Channel.VIBER:
            return "Сообщение в Viber"
        case Channel.SOC:
            return "Сообщение в социальной сети"
        case _:
            assert_never(channel)


def predicate(case: OrderCase, near: Callable[[datetime], str]) -> str | None:
    """Say how far the message of a channel got; None if that is the same as for a text message."""
    channel, message = case.decided.channel, case.message
    if channel is None:
        return None
    sent = f"передано {_carrier_dative(channel)} {near(message.sent_at or case.at)}"
    match case.state:
        case OrderState.SENT if case.unread:
            return f"{sent} и могло уже дойти"
        case OrderState.SENT if channel is Channel.MAIL:
            return f"{sent}; дошло ли оно, почтовые серверы не сообщают"
        case OrderState.SENT if channel is Channel.BOT:
            return f"отправлено в чат с нашим ботом {near(message.sent_at or case.at)}"
        case OrderState.SENT:
            return f"{sent}, отчёта о доставке ещё нет"
        case OrderState.DELIVERED if channel is Channel.HLR:
            return f"получило ответ {near(message.at or case.at)}"
        case OrderState.DELIVERED:
            return f"доставлено {near(message.at or case.at)}"
        case OrderState.UNDELIVERED:
            return f"не доставлено{_code(message)}"
        case OrderState.UNKNOWN if message.status is ReplyStatus.UNDETERMINED:
            return f"{sent}, но дошло ли оно, неизвестно"
        case OrderState.UNKNOWN if message.was_sent:
            return (
                f"отправлено, но {_carrier(channel)} не ответил: оно могло дойти, а могло и не "
                "дойти; повторно оно не отправляется"
            )
        case OrderState.REJECTED if message.command_status is not None:
            return f"не отправлено: {_carrier(channel)} его не принял"
        case _:
            return None


def _carrier(channel: Channel) -> str:
    match channel:
        case Channel.MAIL:
            return "почтовый сервер"
        case Channel.BOT:
            return "сервер Telegram"
        case _:
            return "оператор"


def _carrier_dative(channel: Channel) -> str:
    match channel:
        case Channel.MAIL:
            return "почтовому серверу"
        case Channel.BOT:
            return "серверу Telegram"
        case _:
            return "оператору"


def _code(message: ReplyProgress) -> str:
    return f" (код оператора {message.error})" if message.error else ""
