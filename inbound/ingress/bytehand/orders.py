"""What both versions of BYTEHAND share: letting programs in, making orders, states of messages."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError

from inbound.ingress.access import Caller, Denial, DeniedError
from inbound.ingress.balances import charged
from inbound.ingress.bytehand.codes import TEXTS, ErrorCode, error_of, state_of, text_of
from inbound.ingress.dialect import Trouble
from inbound.ingress.parts import Parts
from inbound.ingress.phones import written
from inbound.orders.horizon import beyond_horizon
from inbound.store.orders.lookup import FoundOrder
from schemas.orders import Order, OrderState, RefusalReason
from schemas.patterns import SENDER

DIALECT: Final = "bytehand"
"""What the keys of its orders begin with."""

_SENDER: Final = re.compile(SENDER)
_OFFSET: Final = re.compile(r"\d\d:?\d\d")
_LONGEST_TIME: Final = 40
"""In characters; ISO 8601 with microseconds and an offset has 32."""


class BytehandError(Exception):
    """A request, or a message of one, that is answered with an error."""

    def __init__(self, code: ErrorCode, text: str | None = None) -> None:
        super().__init__(code.name)
        self.code = code
        self.text = text or TEXTS[code]


def error_of_denial(error: DeniedError) -> BytehandError:
    """Return the error of a program that was not let in."""
    is_banned = error.denial is Denial.BANNED
    return BytehandError(ErrorCode.ADDRESS_BLOCKED if is_banned else ErrorCode.AUTHORISATION)


def error_of_refusal(reason: RefusalReason) -> BytehandError:
    """Return the error of a message that was refused."""
    return BytehandError(error_of(reason), text_of(reason))


def error_of_trouble(trouble: Trouble) -> ErrorCode:
    """Return the error of a request that got no answer of its route."""
    match trouble:
        case Trouble.MALFORMED:
            return ErrorCode.PARAMETERS
        case Trouble.NO_PATH:
            return ErrorCode.NOT_FOUND
    return ErrorCode.UNAVAILABLE


def make_order(
    parts: Parts,
    caller: Caller,
    message: object,
    names: tuple[str, str, str],
    message_id: int | None = None,
) -> Order:
    """Return the order of a message whose fields for sender, receiver and text have these names.

    `message_id` is the number by which the program will know it. Raises BytehandError.
    """
    if not isinstance(message, Mapping):
        raise BytehandError(ErrorCode.PARAMETERS)
    values = [message.get(name) for name in (*names, "send_after")]
    if type(values[1]) is int:  # a number without quotation marks in JSON
        values[1] = str(values[1])
    if not all(value is None or isinstance(value, str) for value in values):
        raise BytehandError(ErrorCode.PARAMETERS)
    sender, receiver, text, send_after = values
    if not receiver:
        raise BytehandError(ErrorCode.RECEIVER)
    if sender and not _SENDER.fullmatch(sender):
        raise BytehandError(ErrorCode.SENDER)
    try:
        order = Order(
            account=caller.account,
            phone=written(receiver),
            text=text,
            sender=sender or None,
            not_before=_moment(send_after),
            idempotency_key=None if message_id is None else f"{DIALECT}:{message_id}",
        )
    except ValidationError:
        raise BytehandError(ErrorCode.PARAMETERS) from None
    if beyond_horizon(order, parts.clock(), parts.ahead_days):
        raise BytehandError(ErrorCode.PARAMETERS)
    return order


def state_name(order: FoundOrder) -> str:
    """Return the name of a message's state."""
    return state_of(OrderState(order.state), order.receipt).value


def cost_of(order: FoundOrder) -> float:
    """Return what a message cost."""
    return float(charged(order))


def moment_text(moment: datetime) -> str:
    """Return a time as programs read it: in GMT."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _moment(text: str | None) -> datetime | None:
    """Read `send_after`, ISO 8601; without an offset it is GMT. Raises BytehandError.

    A + that was not URL-encoded arrives as a blank.
    """
    if not text:
        return None
    if len(text) > _LONGEST_TIME:
        raise BytehandError(ErrorCode.PARAMETERS)
    local, _, offset = text.rpartition(" ")
    if ":" in local and _OFFSET.fullmatch(offset):
        text = f"{local}+{offset}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BytehandError(ErrorCode.PARAMETERS) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
