"""The labels of a printed timeline, in two languages."""

from collections.abc import Mapping
from typing import Final

from inbound.timeline.model import (
    Language,
)

LABELS: Final[Mapping[Language, Mapping[str, str]]] = {
    Language.EN: {
        "subject": "subject",
        "zone": "times in",
        "erased": "erased person",
        "nobody": "no known recipient",
        "request": "request",
        "order": "order",
        "account": "account",
        "broadcast": "broadcast",
        "template": "template",
        "version": "version",
        "row": "row",
        "advice": "for support",
        "trace": "trace",
        "clock": "two minutes",
        "left_out": "older requests not shown",
        "orders_left_out": "older orders not shown",
        "misses_left_out": "older rejected texts are not shown",
        "not_noted": "rejected texts of all numbers that were too many to record",
        "more": "show them with",
        "units": "s min h d",
        "got_it_twice": "“I got it twice”",
        "still_gets_messages": "“I switched it off and still get messages”",
    },
    Language.RU: {
        "subject": "субъект",
        "zone": "время:",
        "erased": "данные удалены",
        "nobody": "получатель неизвестен",
        "request": "запрос",
        "order": "заказ",
        "account": "учётная запись",
        "broadcast": "рассылка",
        "template": "шаблон",
        "version": "версия",
        "row": "строка",
        "advice": "для поддержки",
        "trace": "трассировка",
        "clock": "две минуты",
        "left_out": "не показано более ранних запросов",
        "orders_left_out": "не показано более ранних заказов",
        "misses_left_out": "более ранние отклонённые сообщения не показаны",
        "not_noted": "отклонённых сообщений со всех номеров не учтено, их было слишком много",
        "more": "показать их",
        "units": "с мин ч сут",
        "got_it_twice": "«Пришло дважды»",
        "still_gets_messages": "«Отключил, а сообщения приходят»",
    },
}


RUSSIAN_REASONS: Final[Mapping[str, str]] = {
    "row": "строку таблицы не удалось прочитать",
    "no_number": "номера нет",
    "number": "записан не номер телефона или не точно",
    "not_mobile": "номер не мобильный, например городской",
    "fields": "не хватает поля или оно неоднозначно",
    "too_long": "слишком много частей СМС",
    "repeated": "номер повторяется",
    "not_a_client": "нет в справочнике клиентов",
    "opted_out": "уведомления отключены",
}
"""Why a row of an audience was excluded; in English the reason's own name says it."""
