"""Why an order is refused, in words for the people who read the answer of an entry point."""

from collections.abc import Mapping
from typing import Final

from schemas.orders import RefusalReason

REASONS: Final[Mapping[RefusalReason, str]] = {
    RefusalReason.ACCOUNT_UNKNOWN: "there is no such account",
    RefusalReason.ACCOUNT_DISABLED: "the account is disabled",
    RefusalReason.RIGHT_MISSING: "the account has no right to messages of this kind",
    RefusalReason.IDEMPOTENCY_KEY_REUSED: "the idempotency key was used for another order",
    RefusalReason.NOT_A_MOBILE_NUMBER: "the number is not a mobile number",
    RefusalReason.RECIPIENT_UNKNOWN: "the recipient is unknown",
    RefusalReason.RECIPIENT_NOT_A_CLIENT: "the number is not that of a client, and the account "
    "may not send to others",
    RefusalReason.OPTED_OUT: "the client has switched notifications off",
    RefusalReason.TOO_MANY_WAITING: "too many messages wait for this number",
    RefusalReason.TEMPLATE_UNKNOWN: "there is no such template",
    RefusalReason.TEMPLATE_FIELDS: "the fields don't fit the template",
    RefusalReason.SENDER_NOT_APPROVED: "the sender is not approved for this account",
    RefusalReason.TEXT_NOT_ALLOWED: "the text doesn't match a pattern of the account",
    RefusalReason.TOO_MANY_PARTS: "the text needs too many SMS parts",
    RefusalReason.EXPIRED: "it would expire before it could be sent",
    RefusalReason.REPEATED: "the same text went to this number a short time ago",
    RefusalReason.MINIMUM_DELAY: "another message went to this number a short time ago",
    RefusalReason.DAILY_LIMIT: "the account has reached its limit of this day",
    RefusalReason.WEEKLY_LIMIT: "the account has reached its limit of this week",
    RefusalReason.MONTHLY_LIMIT: "the account has reached its limit of this month",
    RefusalReason.BALANCE: "the account's balance is too low",
}
"""What people read about each reason."""
