"""What people read when an order is refused: what is wrong, with which input, and the fix."""

from collections.abc import Mapping
from typing import Final

from inbound.orders.account_rules import MOST_PARTS
from inbound.orders.ports import Placed
from inbound.parsers.channel_texts import may_become_channel
from inbound.store.orders.rows import rights_of
from schemas.orders import Order, RefusalReason

_WRONG: Final[dict[RefusalReason, str]] = {
    RefusalReason.ACCOUNT_UNKNOWN: "there is no such account",
    RefusalReason.ACCOUNT_DISABLED: "the account is disabled",
    RefusalReason.RIGHT_MISSING: "the account has no right to messages of this kind",
    RefusalReason.IDEMPOTENCY_KEY_REUSED: "the idempotency key was used for another order",
    RefusalReason.NOT_A_MOBILE_NUMBER: "the number is not a mobile number",
    RefusalReason.RECIPIENT_UNKNOWN: "the recipient is unknown",
    RefusalReason.RECIPIENT_NOT_A_CLIENT: "the number is not that of a client, and the account "
    "may not send to others",
    RefusalReason.OPTED_OUT: "the person has switched notifications off",
    RefusalReason.TOO_MANY_WAITING: "too many messages of the account wait for this number",
    RefusalReason.TEMPLATE_UNKNOWN: "there is no such template",
    RefusalReason.TEMPLATE_FIELDS: "the fields don't fit the template",
    RefusalReason.SENDER_NOT_APPROVED: "the sender is not approved for this account",
    RefusalReason.TEXT_NOT_ALLOWED: "the text doesn't match a pattern of the account, or "
    "begins with the name of a channel, like `__CALL__`",
    RefusalReason.TOO_MANY_PARTS: "the text needs {parts} SMS parts, more than the account may "
    "send",
    RefusalReason.EXPIRED: "it would expire before it could be sent",
    RefusalReason.REPEATED: "the same text went to this number a short time ago",
    RefusalReason.MINIMUM_DELAY: "another message went to this number a short time ago",
    RefusalReason.DAILY_LIMIT: "the account has reached its limit of this day",
    RefusalReason.WEEKLY_LIMIT: "the account has reached its limit of this week",
    RefusalReason.MONTHLY_LIMIT: "the account has reached its limit of this month",
    RefusalReason.BALANCE: "the account's balance is too low",
}
"""What is wrong, by reason."""

_BEGINS_WITH_CHANNEL: Final = "the text begins with the name of a channel, like `__CALL__`"
_NO_PATTERN: Final = "the text matches none of the account's patterns"
_WRITE_BEFORE: Final = "write something before it, or order the message with a `channel`"

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
    RefusalReason.OPTED_OUT: "the person switches them on with CLIENT sms start; a service message "
    "is sent all the same",
    RefusalReason.TOO_MANY_WAITING: "order again when some of them have been sent",
    RefusalReason.TEMPLATE_UNKNOWN: "`scserv templates list` shows the templates",
    RefusalReason.TEMPLATE_FIELDS: "`scserv templates show {template}` says what it takes",
    RefusalReason.SENDER_NOT_APPROVED: "ask for it with `scserv accounts senders add {account} "
    "'{sender}'`; a person approves it. Without a sender the service's own is used",
    RefusalReason.TEXT_NOT_ALLOWED: "`scserv accounts show {account}` shows the patterns",
    RefusalReason.TOO_MANY_PARTS: f"shorten it, or allow more (up to {MOST_PARTS}) with "
    f"{_CHANGE} --max-parts N`",
    RefusalReason.EXPIRED: "check the sending hours, the time to send from and the time of expiry",
    RefusalReason.REPEATED: f"wait, send another text, or use {_CHANGE} --repeat-within TIME`",
    RefusalReason.MINIMUM_DELAY: f"wait, or use {_CHANGE} --min-delay TIME`",
    RefusalReason.DAILY_LIMIT: f"wait until tomorrow, or use {_CHANGE} --per-day N`",
    RefusalReason.WEEKLY_LIMIT: f"wait until Monday, or use {_CHANGE} --per-week N`",
    RefusalReason.MONTHLY_LIMIT: f"wait until the next month, or use {_CHANGE} --per-month N`",
    RefusalReason.BALANCE: f"add to it with {_CHANGE} --top-up AMOUNT`",
}
"""What to do about it, by reason, for people who can run commands."""

_ASK: Final = "ask the operator of the service"
_FIXES_OF_PROGRAMS: Final[dict[RefusalReason, str]] = {
    RefusalReason.ACCOUNT_UNKNOWN: f"{_ASK} which account to use",
    RefusalReason.ACCOUNT_DISABLED: f"{_ASK} to enable it",
    RefusalReason.RIGHT_MISSING: f"{_ASK} to grant it the right {{right}}",
    RefusalReason.RECIPIENT_NOT_A_CLIENT: "send to clients only, or ask the operator of the "
    "service for the right `strangers`",
    RefusalReason.TEMPLATE_UNKNOWN: f"{_ASK} for the names of the templates",
    RefusalReason.TEMPLATE_FIELDS: f"send the fields of the template, or {_ASK} what it takes",
    RefusalReason.SENDER_NOT_APPROVED: f"{_ASK} to have it approved; without a sender the "
    "service's own is used",
    RefusalReason.TEXT_NOT_ALLOWED: f"{_ASK} for the patterns",
    RefusalReason.TOO_MANY_PARTS: f"shorten it, or {_ASK} to allow more (up to {MOST_PARTS})",
    RefusalReason.REPEATED: "wait, or send another text",
    RefusalReason.MINIMUM_DELAY: "wait before the next message to this number",
    RefusalReason.DAILY_LIMIT: f"wait until tomorrow, or {_ASK} for a higher limit",
    RefusalReason.WEEKLY_LIMIT: f"wait until Monday, or {_ASK} for a higher limit",
    RefusalReason.MONTHLY_LIMIT: f"wait until the next month, or {_ASK} for a higher limit",
    RefusalReason.BALANCE: f"{_ASK} to top it up",
}
"""The same for programs of tenants, where it differs: they can't run our commands."""


TEMPORARY: Final = frozenset(
    {
        *(RefusalReason.TOO_MANY_WAITING, RefusalReason.REPEATED, RefusalReason.MINIMUM_DELAY),
        *(RefusalReason.DAILY_LIMIT, RefusalReason.WEEKLY_LIMIT, RefusalReason.MONTHLY_LIMIT),
        RefusalReason.BALANCE,
    }
)
"""Reasons that go away with time or a payment: the same order may be accepted later."""

_BEYOND_ALL: Final = f"shorten it: no account may send more than {MOST_PARTS}"
_NEW_KEY: Final = "; a new attempt needs a new idempotency key, because this one keeps its answer"


def explain(order: Order, placed: Placed) -> str:
    """Return one sentence about a refusal, for people who can run commands.

    It has no number and no text. Empty if the order was not refused.
    """
    return _explained(order, placed, _FIXES, " --grant ")


def explain_to_program(order: Order, placed: Placed) -> str:
    """Return the same for a developer whose program sends: it names no command of ours."""
    return _explained(order, placed, {**_FIXES, **_FIXES_OF_PROGRAMS}, " and ")


def _explained(
    order: Order, placed: Placed, fixes: Mapping[RefusalReason, str], between_rights: str
) -> str:
    if placed.reason is None:
        return ""
    is_beyond_all = placed.reason is RefusalReason.TOO_MANY_PARTS and placed.parts > MOST_PARTS
    fix = (_BEYOND_ALL if is_beyond_all else fixes[placed.reason]).format(
        account=order.account,
        right=between_rights.join(rights_of(order)),
        sender=order.sender,
        template=order.template,
    )
    wrong = _WRONG[placed.reason].format(parts=placed.parts)
    # The text of a template is not known here.
    if placed.reason is RefusalReason.TEXT_NOT_ALLOWED and order.text is not None:
        is_channel = order.channel is None and may_become_channel(order.text)
        wrong = _BEGINS_WITH_CHANNEL if is_channel else _NO_PATTERN
        fix = _WRITE_BEFORE if is_channel else fix
    if placed.detail:
        # For a template that doesn't exist, this says everything.
        is_all = placed.reason is RefusalReason.TEMPLATE_UNKNOWN
        wrong = placed.detail if is_all else f"{wrong} ({placed.detail})"
    is_bound = order.idempotency_key is not None
    is_bound &= placed.reason is not RefusalReason.IDEMPOTENCY_KEY_REUSED
    return f"{wrong}; {fix}{_NEW_KEY if is_bound else ''}"
