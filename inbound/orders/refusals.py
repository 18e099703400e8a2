"""What an operator reads when an order is refused: what is wrong, with which input, and the fix."""

from typing import Final

from inbound.orders.ports import Placed
from inbound.orders.reasons import REASONS
from inbound.store.orders.rows import RIGHT_OF
from schemas.orders import Order, RefusalReason

_CHANGE: Final = "`scserv accounts change {account}"

_FIXES: Final[dict[RefusalReason, str]] = {
    RefusalReason.ACCOUNT_UNKNOWN: "`scserv accounts create {account}` creates {account}, "
    "`scserv accounts list` shows the others",
    RefusalReason.ACCOUNT_DISABLED: f"{_CHANGE} --enable` enables it",
    RefusalReason.RIGHT_MISSING: f"{_CHANGE} --grant {{right}}` grants it",
    RefusalReason.IDEMPOTENCY_KEY_REUSED: "use a new one for a new order",
    RefusalReason.NOT_A_MOBILE_NUMBER: "write it with its country code, like +79161234567",
    RefusalReason.RECIPIENT_UNKNOWN: "name a client id of the directory, or a phone number",
    RefusalReason.RECIPIENT_NOT_A_CLIENT: "add the client with `scserv clients import`, or let the "
    f"account text other people with {_CHANGE} --grant strangers`",
    RefusalReason.OPTED_OUT: "the client switches them on with CLIENT sms start; a service message "
    "is sent all the same",
    RefusalReason.TOO_MANY_WAITING: "order again when some of them have been sent",
    RefusalReason.TEMPLATE_UNKNOWN: "`scserv templates list` shows the templates",
    RefusalReason.TEMPLATE_FIELDS: "`scserv templates show {template}` says what it takes",
    RefusalReason.SENDER_NOT_APPROVED: "`scserv accounts senders approve {account} '{sender}'` "
    "approves it; without a sender the service's own is used",
    RefusalReason.TEXT_NOT_ALLOWED: "`scserv accounts show {account}` shows the patterns",
    RefusalReason.TOO_MANY_PARTS: "it needs {parts}: shorten it, or allow the account more (up to "
    f"8) with {_CHANGE} --max-parts N`",
    RefusalReason.EXPIRED: "check the sending hours, the time to send from and the time of expiry",
    RefusalReason.REPEATED: f"wait, send another text, or use {_CHANGE} --repeat-within TIME`",
    RefusalReason.MINIMUM_DELAY: f"wait, or use {_CHANGE} --min-delay TIME`",
    RefusalReason.DAILY_LIMIT: f"wait until tomorrow, or use {_CHANGE} --per-day N`",
    RefusalReason.WEEKLY_LIMIT: f"wait until Monday, or use {_CHANGE} --per-week N`",
    RefusalReason.MONTHLY_LIMIT: f"wait until the next month, or use {_CHANGE} --per-month N`",
    RefusalReason.BALANCE: f"add to it with {_CHANGE} --top-up AMOUNT`",
}


def explain(order: Order, placed: Placed) -> str:
    """Return one sentence about a refusal, for people who can run commands.

    It has no number and no text. Empty if the order was not refused.
    """
    if placed.reason is None:
        return ""
    fix = _FIXES[placed.reason].format(
        account=order.account,
        right=RIGHT_OF[order.kind],
        sender=order.sender,
        template=order.template,
        parts=placed.parts,
    )
    detail = f" ({placed.detail})" if placed.detail else ""
    return f"{REASONS[placed.reason]}{detail}; {fix}"
