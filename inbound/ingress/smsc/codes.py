"""SMSC's numbers: of errors, of states of messages, and of why a message was not delivered.

Pure. The texts are those that its programs have seen before.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple, assert_never

from schemas.messages import ReceiptState
from schemas.orders import OrderState, RefusalReason

_R = RefusalReason
_S = OrderState


class ErrorCode(IntEnum):
    """Why a request failed, in `error_code`."""

    PARAMETERS = 1
    AUTHORISE = 2
    MONEY = 3
    ADDRESS_BLOCKED = 4
    TIME = 5
    DENIED = 6
    NUMBER = 7
    UNDELIVERABLE = 8
    REPEATED = 9


TEXTS: Final = {
    ErrorCode.PARAMETERS: "parameters error",
    ErrorCode.AUTHORISE: "authorise error",
    ErrorCode.MONEY: "no money",
    ErrorCode.ADDRESS_BLOCKED: "address is blocked",
    ErrorCode.TIME: "invalid time format",
    ErrorCode.DENIED: "message is denied",
    ErrorCode.NUMBER: "invalid number",
    ErrorCode.UNDELIVERABLE: "message can not be delivered",
    ErrorCode.REPEATED: "duplicate request, wait a minute",
}


_OF_REASONS: Final = {
    _R.ACCOUNT_DISABLED: "account is disabled",
    _R.IDEMPOTENCY_KEY_REUSED: "id belongs to another message",
    _R.SENDER_NOT_APPROVED: "sender is not approved",
    _R.TOO_MANY_PARTS: "message is too long",
    _R.EXPIRED: "message expires before it can be sent",
    _R.TOO_MANY_WAITING: "too many of your messages to this number wait",
    _R.MINIMUM_DELAY: "another message to this number was sent shortly before",
    _R.DAILY_LIMIT: "daily limit is used up",
    _R.WEEKLY_LIMIT: "weekly limit is used up",
    _R.MONTHLY_LIMIT: "monthly limit is used up",
}
"""Where the text of the error would mislead."""


class Status(NamedTuple):
    """The state of a message in `status`, and in `err` why it was not delivered."""

    code: int
    error: int = 0


NOT_FOUND: Final = Status(-3)
_FAILURES: Final[Mapping[str, Status]] = {
    ReceiptState.EXPIRED: Status(3),
    ReceiptState.REJECTED: Status(20, 255),
}
"""Why a message was not delivered; any other reason is 20."""
STATUS_NAMES: Final = {
    -3: "Сообщение не найдено",
    -2: "Остановлено",
    -1: "Ожидает отправки",
    0: "Передано оператору",
    1: "Доставлено",
    3: "Просрочено",
    20: "Невозможно доставить",
    22: "Неверный номер",
    23: "Запрещено",
    24: "Недостаточно средств",
}


def error_of(reason: RefusalReason) -> ErrorCode:
    """Return the error of a request whose only message was refused."""
    match reason:
        case _R.ACCOUNT_UNKNOWN | _R.ACCOUNT_DISABLED:
            return ErrorCode.AUTHORISE
        case _R.RIGHT_MISSING | _R.SENDER_NOT_APPROVED | _R.TEXT_NOT_ALLOWED:
            return ErrorCode.DENIED
        case _R.DAILY_LIMIT | _R.WEEKLY_LIMIT | _R.MONTHLY_LIMIT:
            return ErrorCode.DENIED
        case _R.NOT_A_MOBILE_NUMBER | _R.RECIPIENT_UNKNOWN:
            return ErrorCode.NUMBER
        case _R.RECIPIENT_NOT_A_CLIENT | _R.OPTED_OUT:
            return ErrorCode.UNDELIVERABLE
        case _R.TEMPLATE_UNKNOWN | _R.TEMPLATE_FIELDS | _R.TOO_MANY_PARTS:
            return ErrorCode.PARAMETERS
        case _R.EXPIRED:
            return ErrorCode.TIME
        case _R.REPEATED | _R.MINIMUM_DELAY | _R.TOO_MANY_WAITING | _R.IDEMPOTENCY_KEY_REUSED:
            return ErrorCode.REPEATED
        case _R.BALANCE:
            return ErrorCode.MONEY
        case _:
            assert_never(reason)


def text_of(reason: RefusalReason) -> str:
    """Return what is said of a request whose only message was refused."""
    return _OF_REASONS.get(reason, TEXTS[error_of(reason)])


def status_of(
    state: OrderState, reason: RefusalReason | None = None, receipt: str | None = None
) -> Status:
    """Return the state of a message.

    `reason` is that of a refused one, `receipt` the state in the SMS centre's receipt, if it sent
    one.
    """
    match state:
        case _S.SCHEDULED | _S.QUEUED:
            return Status(-1)
        case _S.SENT:
            return Status(0)
        case _S.DELIVERED:
            return Status(1)
        case _S.UNDELIVERED:
            return _FAILURES.get(receipt or "", Status(20))
        case _S.UNKNOWN:
            return Status(0, 245)
        case _S.REJECTED:
            return Status(20, 255)
        case _S.EXPIRED:
            return Status(3, 246)
        case _S.WITHHELD:
            return Status(23, 244)
        case _S.CANCELLED:
            return Status(-2)
        case _S.ERASED:
            return Status(20, 252)
        case _S.REFUSED:
            return Status(20) if reason is None else status_of_refused(reason)
        case _:
            assert_never(state)


def status_of_refused(reason: RefusalReason) -> Status:
    """Return the state of a message that was refused."""
    match reason:
        case _R.NOT_A_MOBILE_NUMBER | _R.RECIPIENT_UNKNOWN:
            return Status(22, 249)
        case _R.RECIPIENT_NOT_A_CLIENT:
            return Status(23, 250)
        case _R.OPTED_OUT:
            return Status(23, 244)
        case _R.SENDER_NOT_APPROVED:
            return Status(23, 254)
        case _R.TEXT_NOT_ALLOWED | _R.TOO_MANY_PARTS | _R.TEMPLATE_UNKNOWN | _R.TEMPLATE_FIELDS:
            return Status(23, 253)
        case _R.ACCOUNT_UNKNOWN | _R.ACCOUNT_DISABLED | _R.RIGHT_MISSING:
            return Status(23, 243)
        case _R.DAILY_LIMIT | _R.WEEKLY_LIMIT | _R.MONTHLY_LIMIT:
            return Status(23, 247)
        case _R.REPEATED | _R.MINIMUM_DELAY | _R.IDEMPOTENCY_KEY_REUSED:
            return Status(23, 251)
        case _R.TOO_MANY_WAITING:
            return Status(20, 220)
        case _R.EXPIRED:
            return Status(3, 246)
        case _R.BALANCE:
            return Status(24)
        case _:
            assert_never(reason)
