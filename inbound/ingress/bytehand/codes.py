"""BYTEHAND's numbers of errors and names of states. Pure.

Of the errors only 2, 6, 10 and 11 stand in public descriptions. The others are ours, within the
numbers that its programs know.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Final, assert_never

from schemas.messages import ReceiptState
from schemas.orders import OrderState, RefusalReason

_R = RefusalReason
_S = OrderState


class ErrorCode(IntEnum):
    """Why a request failed, in `status`; 0 is success."""

    UNAVAILABLE = 1
    AUTHORISATION = 2
    FORBIDDEN = 3
    BALANCE = 4
    LIMIT = 5
    PARAMETERS = 6
    NOT_FOUND = 7
    REPEATED = 8
    TEXT = 9
    SENDER = 10
    RECEIVER = 11
    ADDRESS_BLOCKED = 12


TEXTS: Final = {
    ErrorCode.UNAVAILABLE: "Service is not available",
    ErrorCode.AUTHORISATION: "Authorization failed",
    ErrorCode.FORBIDDEN: "Access denied",
    ErrorCode.BALANCE: "Not enough money",
    ErrorCode.LIMIT: "Limit of messages exceeded",
    ErrorCode.PARAMETERS: "Invalid parameters",
    ErrorCode.NOT_FOUND: "Not found",
    ErrorCode.REPEATED: "Message is repeated",
    ErrorCode.TEXT: "Invalid message text",
    ErrorCode.SENDER: "Invalid message sender",
    ErrorCode.RECEIVER: "Invalid message receiver",
    ErrorCode.ADDRESS_BLOCKED: "Address is blocked",
}
_OF_REASONS: Final = {
    _R.ACCOUNT_DISABLED: "Account is disabled",
    _R.MINIMUM_DELAY: "Another message to this receiver was sent shortly before",
    _R.TOO_MANY_WAITING: "Too many of your messages to this receiver wait",
    _R.OPTED_OUT: "Receiver has opted out",
    _R.TOO_MANY_PARTS: "Message text is too long",
}
"""Where the text of the error would mislead."""


class State(Enum):
    """The state of a message."""

    NEW = "NEW"
    ACCEPTED = "ACCEPTED"
    DELIVERED = "DELIVERED"
    EXPIRED = "EXPIRED"
    DELETED = "DELETED"
    UNDELIVERABLE = "UNDELIVERABLE"
    UNKNOWN = "UNKNOWN"
    REJECTED = "REJECTED"


_FAILURES: Final[Mapping[str, State]] = {
    ReceiptState.EXPIRED: State.EXPIRED,
    ReceiptState.DELETED: State.DELETED,
    ReceiptState.REJECTED: State.REJECTED,
}
"""Why a message was not delivered; any other reason is UNDELIVERABLE."""


def error_of(reason: RefusalReason) -> ErrorCode:
    """Return the error of a message that was refused."""
    match reason:
        case _R.ACCOUNT_UNKNOWN | _R.ACCOUNT_DISABLED:
            return ErrorCode.AUTHORISATION
        case _R.RIGHT_MISSING:
            return ErrorCode.FORBIDDEN
        case _R.BALANCE:
            return ErrorCode.BALANCE
        case _R.DAILY_LIMIT | _R.WEEKLY_LIMIT | _R.MONTHLY_LIMIT | _R.TOO_MANY_WAITING:
            return ErrorCode.LIMIT
        case _R.TEMPLATE_UNKNOWN | _R.TEMPLATE_FIELDS | _R.EXPIRED:
            return ErrorCode.PARAMETERS
        case _R.REPEATED | _R.MINIMUM_DELAY | _R.IDEMPOTENCY_KEY_REUSED:
            return ErrorCode.REPEATED
        case _R.TEXT_NOT_ALLOWED | _R.TOO_MANY_PARTS:
            return ErrorCode.TEXT
        case _R.SENDER_NOT_APPROVED:
            return ErrorCode.SENDER
        case _R.NOT_A_MOBILE_NUMBER | _R.RECIPIENT_UNKNOWN:
            return ErrorCode.RECEIVER
        case _R.RECIPIENT_NOT_A_CLIENT | _R.OPTED_OUT:
            return ErrorCode.RECEIVER
        case _:
            assert_never(reason)


def text_of(reason: RefusalReason) -> str:
    """Return what is said of a message that was refused."""
    return _OF_REASONS.get(reason, TEXTS[error_of(reason)])


def state_of(state: OrderState, receipt: str | None = None) -> State:
    """Return the state of a message; `receipt` is that in the SMS centre's receipt, if any."""
    match state:
        case _S.SCHEDULED | _S.QUEUED:
            return State.NEW
        case _S.SENT:
            return State.ACCEPTED
        case _S.DELIVERED:
            return State.DELIVERED
        case _S.UNDELIVERED:
            return _FAILURES.get(receipt or "", State.UNDELIVERABLE)
        case _S.EXPIRED:
            return State.EXPIRED
        case _S.CANCELLED | _S.ERASED:
            return State.DELETED
        case _S.UNKNOWN:
            return State.UNKNOWN
        case _S.REJECTED | _S.REFUSED | _S.WITHHELD:
            return State.REJECTED
        case _:
            assert_never(state)
