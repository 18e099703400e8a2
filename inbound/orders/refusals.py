"""What people and programs read when an order is refused: what is wrong, and what to do."""

from typing import Final

from inbound.orders.ports import Placed
from inbound.store.orders.rows import RIGHT_OF
from schemas.orders import Order, RefusalReason

_EXPLANATIONS: Final[dict[RefusalReason, str]] = {
    RefusalReason.ACCOUNT_UNKNOWN: "there is no account {account}; `scserv accounts list` shows "
    "the accounts, `scserv accounts create {account}` makes this one",
    RefusalReason.ACCOUNT_DISABLED: "the account {account} is disabled; enable it with "
    "`scserv accounts change {account} --enable`",
    RefusalReason.RIGHT_MISSING: "the account {account} has no right to messages of the kind "
    "{kind}; grant it with `scserv accounts change {account} --grant {right}`",
    RefusalReason.IDEMPOTENCY_KEY_REUSED: "the idempotency key was used before for an order with "
    "other content; use a new key for a new order",
    RefusalReason.NOT_A_MOBILE_NUMBER: "the recipient's number is not a mobile number with its "
    "country code; write it like +79161234567",
    RefusalReason.RECIPIENT_UNKNOWN: "the recipient's id is unknown; name a client id of the "
    "directory, or the phone number",
    RefusalReason.RECIPIENT_NOT_A_CLIENT: "the recipient's number is not in the client directory; "
    "add the client with `scserv clients import`, or let the account {account} text other people "
    "with `scserv accounts change {account} --grant strangers`",
    RefusalReason.OPTED_OUT: "the recipient has switched notifications off; they come back when "
    "the client texts CLIENT sms start, and service messages are sent all the same",
    RefusalReason.TOO_MANY_WAITING: "too many messages wait for the recipient's number; order "
    "again when some have been sent",
    RefusalReason.TEMPLATE_UNKNOWN: "the template {template} can't be used; `scserv templates "
    "list` shows the templates",
    RefusalReason.TEMPLATE_FIELDS: "the fields don't fit the template {template}; "
    "`scserv templates show {template}` says what it takes",
    RefusalReason.SENDER_NOT_APPROVED: "the sender {sender} is not approved for the account "
    "{account}; have it approved with `scserv accounts senders approve {account} {sender}`, or "
    "leave the sender out",
    RefusalReason.TEXT_NOT_ALLOWED: "the text matches no pattern of the account {account}; "
    "`scserv accounts show {account}` lists its patterns",
    RefusalReason.TOO_MANY_PARTS: "the text needs {parts} SMS parts, more than the account "
    "{account} may send; shorten it, or raise `--max-parts` of the account (8 at most)",
    RefusalReason.EXPIRED: "the order would expire before its message may be sent; check the "
    "sending hours, the time to send from and the time of expiry",
    RefusalReason.REPEATED: "the same text went to this recipient a short time ago; wait, change "
    "the text, or change `--repeat-within` of the account {account}",
    RefusalReason.MINIMUM_DELAY: "another message went to this recipient a short time ago; wait, "
    "or change `--min-delay` of the account {account}",
    RefusalReason.DAILY_LIMIT: "the account {account} has reached its limit of the day; wait "
    "until tomorrow, or raise `--per-day` of the account",
    RefusalReason.WEEKLY_LIMIT: "the account {account} has reached its limit of the week; wait "
    "until Monday, or raise `--per-week` of the account",
    RefusalReason.MONTHLY_LIMIT: "the account {account} has reached its limit of the month; wait "
    "until the next month, or raise `--per-month` of the account",
    RefusalReason.BALANCE: "the balance of the account {account} is too low for {parts} SMS parts; "
    "add to it with `scserv accounts change {account} --top-up AMOUNT`",
}


def explain(order: Order, placed: Placed) -> str:
    """Return one sentence about a refusal: the input that is at fault, and the fix.

    It has no number and no text. Empty if the order was not refused.
    """
    if placed.reason is None:
        return ""
    sentence = _EXPLANATIONS[placed.reason].format(
        account=order.account,
        kind=order.kind.value,
        right=RIGHT_OF[order.kind],
        sender=order.sender,
        template=order.template,
        parts=placed.parts,
    )
    return f"{sentence} ({placed.detail})" if placed.detail else sentence
