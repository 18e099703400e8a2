"""`status.php` and `balance.php`."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.responses import Response

from inbound.ingress.access import Caller
from inbound.ingress.balances import charged, shown
from inbound.ingress.parts import Parts
from inbound.ingress.smsc.answers import Answers, Result, SmscError, as_id
from inbound.ingress.smsc.codes import ErrorCode
from inbound.ingress.smsc.content import phones_of
from inbound.ingress.smsc.ids import DIALECT, IdKind, MessageId, check_id
from inbound.ingress.smsc.values import choose
from inbound.keys import UnsealError
from inbound.money import amount_text
from inbound.orders.intake import MOST_IN_BATCH
from inbound.parsers.centre_codes import number_of
from inbound.parsers.network_answers import SENDER as HLR
from inbound.parsers.network_answers import read_answer
from inbound.parsers.smsc_statuses import NOT_FOUND, STATUS_NAMES, SmscStatus, status_of
from inbound.store.orders.account_records import list_accounts
from inbound.store.orders.lookup import FoundOrder, find_answers, find_orders
from schemas.orders import WAITING, OrderState, RefusalReason

ZONE: Final = ZoneInfo("Europe/Moscow")
"""In which dates are, whatever the zone of the account: programs rely on it."""
_WITH_COUNTRY: Final = "2"
_DETAILS: Final = frozenset({"1", _WITH_COUNTRY})
_NOT_TOLD: Final = ""
_RUBLE: Final = {"RUB": "RUR"}
"""Its programs know the ruble by this code."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One message: the id of its list of phones, and a phone."""

    message_id: str
    phone: str


async def statuses(
    parts: Parts, caller: Caller, fields: Mapping[str, str], answers: Answers
) -> Response:
    """Answer what became of messages. Raises SmscError and RetryableError.

    A comma at the end of `phone` and `id` asks for a list, even of one.
    """
    async with parts.turns.of(caller.account):
        asked = _asked(fields)
    found = await _find(parts, caller, asked)
    told = await _answers(parts, found)
    is_list = "," in fields.get("id", "") or "," in fields.get("phone", "")
    details = choose(fields, "all", _DETAILS)
    results = [
        _result(one, order, told.get(order.order_id) if order else None, details, is_list=is_list)
        for one, order in zip(asked, found, strict=True)
    ]
    return answers.several(results) if is_list else answers.one(results[0])


async def _find(
    parts: Parts, caller: Caller, asked: Sequence[_Asked]
) -> Sequence[FoundOrder | None]:
    """Return the orders. Where an id was given by both, the message is the program's."""
    ids = [
        [
            parts.order_id(
                caller.account, DIALECT, MessageId(one.message_id, kind).order_key(one.phone)
            )
            for kind in (IdKind.PROGRAM, IdKind.SERVICE)
        ]
        for one in asked
    ]
    found = await parts.pool.run(find_orders, caller.account, list(chain.from_iterable(ids)))
    return [found.get(own) or found.get(given) for own, given in ids]


async def _answers(
    parts: Parts, orders: Sequence[FoundOrder | None]
) -> dict[UUID, Mapping[str, str]]:
    """Return what the network told about the numbers of these orders."""
    ended = [one.order_id for one in orders if one and OrderState(one.state) not in WAITING]
    if not ended:
        return {}
    told: dict[UUID, Mapping[str, str]] = {}
    for order_id, number_hash, answer in await parts.pool.run(find_answers, ended):
        try:
            told[order_id] = read_answer(parts.sealer.open_network_answer(answer, number_hash))
        except UnsealError:
            # It waited in Kafka while the vault key was rotated.
            log.warning("order %s: the answer of the network can't be opened", order_id)
    return told


async def balance(
    parts: Parts, caller: Caller, fields: Mapping[str, str], answers: Answers
) -> Response:
    """Answer the balance of the account. Raises SmscError and RetryableError."""
    found = await parts.pool.run(list_accounts, caller.account)
    if not found:
        raise SmscError(ErrorCode.AUTHORISE)
    settings = found[0].settings
    amount = amount_text(shown(settings.balance))
    answer: dict[str, str | int] = {"balance": amount}
    sentence = amount
    if choose(fields, "cur", {"1"}) == "1":
        answer["currency"] = _RUBLE.get(settings.currency, settings.currency)
        sentence += f" {answer['currency']}"
    return answers.one(Result(sentence, answer))


def _asked(fields: Mapping[str, str]) -> list[_Asked]:
    """Return the messages: each id with each phone, or in pairs if there are as many of both."""
    phones = phones_of(fields.get("phone", ""))
    ids = [one.strip() for one in fields.get("id", "").split(",") if one.strip()]
    if not phones or not 0 < len(ids) <= MOST_IN_BATCH:
        raise SmscError(ErrorCode.PARAMETERS)
    for one in ids:
        check_id(one)
    if len(phones) == len(ids):
        asked = [_Asked(*pair) for pair in zip(ids, phones, strict=True)]
    elif len(ids) == 1:
        asked = [_Asked(ids[0], phone) for phone in phones]
    elif len(phones) == 1:
        asked = [_Asked(one, phones[0]) for one in ids]
    else:
        raise SmscError(ErrorCode.PARAMETERS)
    if len(asked) > MOST_IN_BATCH:
        raise SmscError(ErrorCode.PARAMETERS)
    return asked


def _result(
    asked: _Asked,
    order: FoundOrder | None,
    told: Mapping[str, str] | None,
    details: str,
    *,
    is_list: bool,
) -> Result:
    """Return the result of one message; `details` is the value of `all`."""
    status = NOT_FOUND if order is None else _status(order)
    changed = _Moment(order.changed_at if order else None)
    phone = asked.phone.removeprefix("+")
    fields: dict[str, str | int] = {
        "status": status.code,
        "last_date": changed.date,
        "last_timestamp": changed.stamp,
        "flag": 0,
        "err": status.error,
    }
    values: list[str | int] = [status.code, changed.stamp, status.error]
    if told is not None:
        fields |= told
        values += told.values()
    if details in _DETAILS:
        created = _Moment(order.created_at if order else None)
        cost = amount_text(charged(order) if order else Decimal())
        sender = HLR if told is not None else (order.sender if order else None) or ""
        name = STATUS_NAMES[status.code]
        fields |= {"send_date": created.date, "send_timestamp": created.stamp, "cost": cost}
        fields |= {"sender_id": sender, "status_name": name}
        # By their places: the country, the operator and the region, and at the end the text.
        nowhere = [_NOT_TOLD] * (3 if details == _WITH_COUNTRY else 0)
        values += [created.stamp, phone, *nowhere, cost, sender, name, _NOT_TOLD]
    if details in _DETAILS or is_list:
        fields |= {"id": as_id(asked.message_id), "phone": phone}
    if is_list:
        values += [asked.message_id] if details in _DETAILS else [asked.message_id, phone]
    error = f", err = {status.error}" if status.error else ""
    sentence = f"Status = {status.code}, check_time = {changed.date}{error}"
    return Result(sentence, fields, values)


def _status(order: FoundOrder) -> SmscStatus:
    """Return the state of a message, with the code of the SMS centre if it gave a number."""
    status = status_of(OrderState(order.state), _reason(order), order.receipt)
    given = number_of(order.error)
    return status._replace(error=given) if given else status


def _reason(order: FoundOrder) -> RefusalReason | None:
    if order.state != OrderState.REFUSED or order.reason is None:
        return None
    return RefusalReason(order.reason)


class _Moment:
    """A time as SMSC writes it. None is the beginning of 1970: programs parse what they get."""

    def __init__(self, moment: datetime | None) -> None:
        self.stamp = int(moment.timestamp()) if moment else 0
        self.date = f"{datetime.fromtimestamp(self.stamp, ZONE):%d.%m.%Y %H:%M:%S}"
