"""`send.php`: parameters become orders, their answers become SMSC's."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Final, NamedTuple

from pydantic import ValidationError
from starlette.responses import Response

from inbound.ingress.access import Caller
from inbound.ingress.balances import shown
from inbound.ingress.parts import Parts
from inbound.ingress.smsc.answers import Answers, Result, SmscError, as_id
from inbound.ingress.smsc.channels import channel_of
from inbound.ingress.smsc.channels import written as written_text
from inbound.ingress.smsc.codes import ErrorCode, error_of, text_of
from inbound.ingress.smsc.content import is_mobile, read_phones, read_text
from inbound.ingress.smsc.ids import DIALECT, IdKind, MessageId, check_id
from inbound.ingress.smsc.times import as_written, parse_time, parse_valid
from inbound.ingress.smsc.values import OFF
from inbound.money import amount_text
from inbound.orders.horizon import beyond_horizon
from inbound.orders.ports import Placed
from inbound.parsers.channel_texts import UNDIVIDED
from inbound.smpp.segmentation import UnsendableTextError, part_count
from inbound.store.orders.accounts import read_account
from inbound.store.orders.rows import Account
from schemas.channels import Channel
from schemas.orders import Order, RefusalReason
from schemas.patterns import SENDER

_SENDER: Final = re.compile(SENDER)


_NO_ID: Final = MessageId("0", IdKind.SERVICE)


class RecipientReference(NamedTuple):
    """How an order names its recipient: by one of both."""

    phone: str | None = None
    client_id: str | None = None


class CostMode(Enum):
    """The values of `cost`: what the answer has."""

    NONE = "0"
    ONLY = "1"
    """The cost, and nothing is sent."""
    TOO = "2"
    WITH_BALANCE = "3"


async def send(
    parts: Parts, caller: Caller, fields: Mapping[str, str], answers: Answers
) -> Response:
    """Send the message, or say what it would cost. Raises SmscError and RetryableError."""
    cost = _cost(fields)
    channel = channel_of(fields, parts.channels)
    async with parts.turns.of(caller.account):
        phones = read_phones(fields)
        text = read_text(fields, parts.alphabet)
    if channel is not None:
        text = written_text(channel, text, fields)
    given_id = _given_id(fields)
    if cost is CostMode.ONLY:
        anybody = {"": RecipientReference(client_id="anybody")}
        _orders(parts, caller, fields, anybody, text, channel, _NO_ID)
        return await _estimate(parts, caller, phones, text, channel, answers)
    message_id = given_id or MessageId(str(await parts.numbers.next()), IdKind.SERVICE)
    recipients = await _recipients(parts, channel, phones)
    orders = _orders(parts, caller, fields, recipients, text, channel, message_id)
    placed = await parts.place(orders)
    accepted = [one for one in placed if one.reason is None]
    if not accepted:
        reason = next(one.reason for one in placed if one.reason is not None)
        raise SmscError(error_of(reason), text_of(reason), message_id.text)
    return await _answer(parts, caller, message_id.text, accepted, cost, answers)


def _orders(
    parts: Parts,
    caller: Caller,
    fields: Mapping[str, str],
    recipients: Mapping[str, RecipientReference],
    text: str,
    channel: Channel | None,
    message_id: MessageId,
) -> list[Order]:
    now = parts.clock()
    time, valid = fields.get("time", ""), fields.get("valid", "")
    sending = parse_time(time, fields.get("tz", ""), parts.zone, now)
    expires_at = parse_valid(valid, sending, now)
    sender = fields.get("sender", "").strip() or None
    if sender is not None and not _SENDER.fullmatch(sender):
        raise SmscError(ErrorCode.DENIED)
    try:
        orders = [
            Order(
                account=caller.account,
                phone=recipient.phone,
                client_id=recipient.client_id,
                text=text,
                sender=sender,
                not_before=sending.not_before,
                expires_at=expires_at,
                hours=sending.hours,
                as_written=as_written(time, valid, sending, expires_at),
                idempotency_key=f"{DIALECT}:{message_id.order_key(phone)}",
                channel=channel,
            )
            for phone, recipient in recipients.items()
        ]
    except ValidationError:
        raise SmscError(ErrorCode.PARAMETERS) from None
    if beyond_horizon(orders[0], now, parts.ahead_days):
        raise SmscError(ErrorCode.TIME)
    return orders


async def _recipients(
    parts: Parts, channel: Channel | None, phones: Sequence[str]
) -> dict[str, RecipientReference]:
    """Return how an order names each recipient of the list: mails may name addresses.

    An address that is no client's is left out. Raises SmscError if none is left.
    """
    addresses = [one for one in phones if "@" in one] if channel is Channel.MAIL else []
    clients = await parts.clients_of_addresses(Channel.MAIL, addresses) if addresses else {}
    named = {
        one: RecipientReference(client_id=clients[one])
        if one in clients
        else RecipientReference(phone=one)
        for one in phones
        if one in clients or one not in addresses
    }
    if not named:
        raise SmscError(ErrorCode.NUMBER)
    return named


async def _estimate(
    parts: Parts,
    caller: Caller,
    phones: Sequence[str],
    text: str,
    channel: Channel | None,
    answers: Answers,
) -> Response:
    """Answer what the message costs if nobody is refused who has a mobile number, or an address."""
    async with parts.turns.of(caller.account):
        recipients = sum(map(is_mobile, phones))
    if channel is Channel.MAIL:
        recipients += sum("@" in one for one in phones)
    if not recipients:
        raise SmscError(ErrorCode.NUMBER)
    account = await _account(parts, caller)
    try:
        needed = 1 if channel in UNDIVIDED else part_count(text, parts.alphabet)
    except UnsendableTextError:
        raise SmscError(ErrorCode.PARAMETERS) from None
    if needed > account.max_parts:
        reason = RefusalReason.TOO_MANY_PARTS
        raise SmscError(error_of(reason), text_of(reason))
    count = needed * recipients
    cost = amount_text((account.price_per_part or Decimal()) * count)
    return answers.one(Result(f"{cost} ({count} SMS)", {"cost": cost, "cnt": count}))


async def _answer(
    parts: Parts,
    caller: Caller,
    message_id: str,
    accepted: Sequence[Placed],
    cost: CostMode,
    answers: Answers,
) -> Response:
    """Answer what was accepted; its cost is what was charged when it was placed."""
    count = sum(one.parts for one in accepted)
    fields: dict[str, str | int] = {"id": as_id(message_id), "cnt": count}
    sentence = f"OK - {count} SMS, ID - {message_id}"
    if cost is not CostMode.NONE:
        fields["cost"] = amount_text(sum((one.price or Decimal() for one in accepted), Decimal()))
        sentence += f", COST - {fields['cost']}"
    if cost is CostMode.WITH_BALANCE:
        fields["balance"] = amount_text(shown((await _account(parts, caller)).balance))
        sentence += f", BALANCE - {fields['balance']}"
    return answers.one(Result(sentence, fields))


async def _account(parts: Parts, caller: Caller) -> Account:
    account = await parts.pool.run(read_account, caller.account)
    if account is None:
        raise SmscError(ErrorCode.AUTHORISE)
    return account


def _cost(fields: Mapping[str, str]) -> CostMode:
    try:
        return CostMode(fields.get("cost") or CostMode.NONE.value)
    except ValueError:
        raise SmscError(ErrorCode.PARAMETERS) from None


def _given_id(fields: Mapping[str, str]) -> MessageId | None:
    given = fields.get("id", "")
    if given in OFF:
        return None
    check_id(given)
    return MessageId(given, IdKind.PROGRAM)
