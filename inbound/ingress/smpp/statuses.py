"""What SMPP calls what happened: refusals as command_status, states as words and codes. Pure."""

from collections.abc import Mapping
from typing import Final, NamedTuple, assert_never

from inbound.parsers.centre_codes import is_code, number_of
from inbound.smpp.status import Status
from schemas.messages import ReceiptState
from schemas.orders import OrderState, RefusalReason

_FAILURES: Final[Mapping[str, str]] = {
    ReceiptState.EXPIRED: "EXPIRED",
    ReceiptState.DELETED: "DELETED",
    ReceiptState.REJECTED: "REJECTD",
}
"""The words for why a message was not delivered; any other reason is UNDELIV."""


class ReceiptErrorCode(NamedTuple):
    """The `err` of a receipt, and its number in network_error_code."""

    text: str
    number: int


def status_of(reason: RefusalReason) -> Status:  # noqa: C901, PLR0911 — a case for each value
    """Return the command_status of a refused order.

    ESME_RX_T_APPN and ESME_RMSGQFUL stand for what time or a payment takes away: programs try
    again. The others are final.
    """
    match reason:
        case RefusalReason.ACCOUNT_UNKNOWN | RefusalReason.ACCOUNT_DISABLED:
            return Status.ESME_RINVSYSID
        case RefusalReason.RIGHT_MISSING:
            return Status.ESME_RINVSERTYP
        case RefusalReason.IDEMPOTENCY_KEY_REUSED | RefusalReason.REPEATED:
            return Status.ESME_RSUBMITFAIL
        case (
            RefusalReason.NOT_A_MOBILE_NUMBER
            | RefusalReason.RECIPIENT_UNKNOWN
            | RefusalReason.RECIPIENT_NOT_A_CLIENT
        ):
            return Status.ESME_RINVDSTADR
        case RefusalReason.OPTED_OUT:
            return Status.ESME_RX_R_APPN
        case RefusalReason.TOO_MANY_WAITING:
            return Status.ESME_RMSGQFUL
        case RefusalReason.TEMPLATE_UNKNOWN | RefusalReason.TEMPLATE_FIELDS:
            return Status.ESME_RINVDFTMSGID
        case RefusalReason.SENDER_NOT_APPROVED:
            return Status.ESME_RINVSRCADR
        case RefusalReason.TEXT_NOT_ALLOWED:
            return Status.ESME_RX_P_APPN
        case RefusalReason.TOO_MANY_PARTS:
            return Status.ESME_RINVMSGLEN
        case RefusalReason.EXPIRED:
            return Status.ESME_RINVEXPIRY
        case (
            RefusalReason.MINIMUM_DELAY
            | RefusalReason.DAILY_LIMIT
            | RefusalReason.WEEKLY_LIMIT
            | RefusalReason.MONTHLY_LIMIT
            | RefusalReason.BALANCE
        ):
            return Status.ESME_RX_T_APPN
    assert_never(reason)


def word_of(  # noqa: PLR0911 — a case for each value
    state: OrderState, receipt: str | None = None
) -> str:
    """Return the `stat` of a receipt; it is a word of `inbound.smpp.receipt_building.STATES`.

    `receipt` is the state in the SMS centre's own receipt, if there is one.
    """
    match state:
        case OrderState.SCHEDULED | OrderState.QUEUED | OrderState.SENT:
            return "ENROUTE"
        case OrderState.DELIVERED:
            return "DELIVRD"
        case OrderState.UNDELIVERED:
            return _FAILURES.get(receipt or "", "UNDELIV")
        case OrderState.UNKNOWN:
            return "UNKNOWN"
        case OrderState.EXPIRED:
            return "EXPIRED"
        case OrderState.REJECTED | OrderState.WITHHELD | OrderState.REFUSED:
            return "REJECTD"
        case OrderState.CANCELLED | OrderState.ERASED:
            return "DELETED"
    assert_never(state)


def error_code(state: OrderState, given: str | None) -> ReceiptErrorCode:
    """Return the code of a receipt: that of the SMS centre if it gave one, else our own.

    A code of hexadecimal digits has their number; another one that is no number has ours.
    """
    own = error_of(state)
    if given is None or not is_code(given):
        return ReceiptErrorCode(f"{own:03d}", own)
    number = number_of(given)
    return ReceiptErrorCode(given.zfill(3), own if number is None else number)


def error_of(state: OrderState) -> int:
    """Return our own `err`: why a message was not delivered, as far as a state tells."""
    match state:
        case OrderState.SCHEDULED | OrderState.QUEUED | OrderState.SENT | OrderState.DELIVERED:
            return 0
        case OrderState.CANCELLED | OrderState.ERASED:
            return 0
        case OrderState.UNKNOWN:
            return 245
        case OrderState.EXPIRED:
            return 246
        case OrderState.WITHHELD | OrderState.REFUSED:
            return 250
        case OrderState.UNDELIVERED | OrderState.REJECTED:
            return 255
    assert_never(state)
