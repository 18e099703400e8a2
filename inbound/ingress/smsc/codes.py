"""SMSC's numbers of errors.

Pure. The texts are those that its programs have seen before.
"""

from enum import IntEnum
from typing import Final, assert_never

from schemas.orders import RefusalReason

_R = RefusalReason


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
