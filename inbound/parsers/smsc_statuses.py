"""SMSC's numbers of states of messages, and of why a message was not delivered. Pure.

The names are those that its programs have seen before.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, assert_never

from schemas.messages import ReceiptState
from schemas.orders import OrderState, RefusalReason

_R = RefusalReason
_S = OrderState


class SmscStatus(NamedTuple):
    """The state of a message in `status`, and in `err` why it was not delivered."""

    code: int
    error: int = 0


NOT_FOUND: Final = SmscStatus(-3)
_FAILURES: Final[Mapping[str, SmscStatus]] = {
    ReceiptState.EXPIRED: SmscStatus(3),
    ReceiptState.REJECTED: SmscStatus(20, 255),
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


def status_of(
    state: OrderState, reason: RefusalReason | None = None, receipt: str | None = None
) -> SmscStatus:
    """Return the state of a message.

    `reason` is that of a refused one, `receipt` the state in the SMS centre's receipt, if it sent
    one.
    """
    match state:
        case _S.SCHEDULED | _S.QUEUED:
            return SmscStatus(-1)
        case _S.SENT:
            return SmscStatus(0)
        case _S.DELIVERED:
            return SmscStatus(1)
        case _S.UNDELIVERED:
            return _FAILURES.get(receipt or "", SmscStatus(20))
        case _S.UNKNOWN:
            return SmscStatus(0, 245)
        case _S.REJECTED:
            return SmscStatus(20, 255)
        case _S.EXPIRED:
            return SmscStatus(3, 246)
        case _S.WITHHELD:
            return SmscStatus(23, 244)
        case _S.CANCELLED:
            return SmscStatus(-2)
        case _S.ERASED:
            return SmscStatus(20, 252)
        case _S.REFUSED:
            return SmscStatus(20) if reason is None else status_of_refused(reason)
        case _:
            assert_never(state)


def status_of_refused(reason: RefusalReason) -> SmscStatus:
    """Return the state of a message that was refused."""
    match reason:
        case _R.NOT_A_MOBILE_NUMBER | _R.RECIPIENT_UNKNOWN:
            return SmscStatus(22, 249)
        case _R.RECIPIENT_NOT_A_CLIENT:
            return SmscStatus(23, 250)
        case _R.OPTED_OUT:
            return SmscStatus(23, 244)
        case _R.SENDER_NOT_APPROVED:
            return SmscStatus(23, 254)
        case _R.TEXT_NOT_ALLOWED | _R.TOO_MANY_PARTS | _R.TEMPLATE_UNKNOWN | _R.TEMPLATE_FIELDS:
            return SmscStatus(23, 253)
        case _R.ACCOUNT_UNKNOWN | _R.ACCOUNT_DISABLED | _R.RIGHT_MISSING:
            return SmscStatus(23, 243)
        case _R.DAILY_LIMIT | _R.WEEKLY_LIMIT | _R.MONTHLY_LIMIT:
            return SmscStatus(23, 247)
        case _R.REPEATED | _R.MINIMUM_DELAY | _R.IDEMPOTENCY_KEY_REUSED:
            return SmscStatus(23, 251)
        case _R.TOO_MANY_WAITING:
            return SmscStatus(20, 220)
        case _R.EXPIRED:
            return SmscStatus(3, 246)
        case _R.BALANCE:
            return SmscStatus(24)
        case _:
            assert_never(reason)
