"""Why an order was refused or withheld, in English, and what to do about it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import assert_never

from inbound.timeline.order_cases import OrderCase
from inbound.timeline.words import english_duration, spelling_of
from schemas.events import Command
from schemas.orders import LimitFacts, OrderKind, RefusalReason


def subject_of(kind: OrderKind) -> str:
    """Name the message of an order."""
    match kind:
        case OrderKind.NOTIFICATION:
            return "notification"
        case OrderKind.BROADCAST:
            return "broadcast message"
        case OrderKind.SERVICE:
            return "service message"
        case _:
            assert_never(kind)


def refusal(case: OrderCase, near: Callable[[datetime], str]) -> tuple[str, str]:
    """Say why an order was refused, and what to do about it. `near` formats a moment."""
    decided, facts, reason = case.decided, case.decided.facts, case.refused
    account = f"the account {decided.account}"
    match reason:
        case RefusalReason.ACCOUNT_UNKNOWN:
            return (
                f"{account} that ordered it does not exist",
                "the program has to name an account that exists",
            )
        case RefusalReason.ACCOUNT_DISABLED:
            return f"{account} that ordered it is disabled", "the account has to be enabled"
        case RefusalReason.RIGHT_MISSING:
            kind = f"{subject_of(decided.kind)}s"
            return f"{account} has no right to send {kind}", "the right has to be granted to it"
        case RefusalReason.IDEMPOTENCY_KEY_REUSED:
            return (
                "its idempotency key had been used for another order",
                "it has to be ordered with a key of its own",
            )
        case RefusalReason.NOT_A_MOBILE_NUMBER:
            return (
                "the number in the order is not a mobile number",
                "the number has to be corrected, with its country code",
            )
        case RefusalReason.RECIPIENT_UNKNOWN:
            return (
                "the recipient in the order is unknown",
                "the client has to be in the directory, or the order has to name the number",
            )
        case RefusalReason.RECIPIENT_NOT_A_CLIENT:
            return (
                "this number is not in our client directory",
                f"it has to be added there, or {account} needs the right to text other people",
            )
        case RefusalReason.OPTED_OUT:
            return opted_out(case, near)
        case RefusalReason.TOO_MANY_WAITING:
            return (
                f"{facts.waiting} other messages to this number were waiting to be sent",
                "it has to be ordered again once they are sent",
            )
        case RefusalReason.TEMPLATE_UNKNOWN:
            return (
                f"there is no template {decided.template}",
                "the order has to name a template that exists",
            )
        case RefusalReason.TEMPLATE_FIELDS:
            return (
                f"the fields of the order don't fit the template {decided.template}",
                "it has to be ordered again with the fields that the template takes",
            )
        case RefusalReason.SENDER_NOT_APPROVED:
            return (
                f"the sender {decided.sender} is not approved for {account}",
                "the sender has to be approved, or left out of the order",
            )
        case RefusalReason.TEXT_NOT_ALLOWED:
            return (
                f"its text matches none of the patterns of {account}",
                "the text or the patterns have to be changed",
            )
        case RefusalReason.TOO_MANY_PARTS:
            most = "" if facts.max_parts is None else f", and {account} may send {facts.max_parts}"
            return f"its text needs {decided.parts} SMS parts{most}", "the text has to be shorter"
        case RefusalReason.EXPIRED:
            return (
                "it would have expired before it could be sent",
                "its sending hours and its time of expiry have to be changed",
            )
        case RefusalReason.REPEATED:
            return (
                f"the same text to this number had been ordered{_before(near, facts.same_text_at)}",
                f"it can be ordered again{_after(facts.repeat_within_s)}",
            )
        case RefusalReason.MINIMUM_DELAY:
            return (
                f"another message to this number had been ordered{_before(near, facts.last_at)}",
                f"it can be ordered again{_after(facts.min_delay_s)}",
            )
        case RefusalReason.DAILY_LIMIT:
            return (
                f"{account} had reached its limit{_limit(facts.day)} for the day",
                "it can be ordered the next day, or the limit has to be raised",
            )
        case RefusalReason.WEEKLY_LIMIT:
            return (
                f"{account} had reached its limit{_limit(facts.week)} for the week",
                "it can be ordered from Monday on, or the limit has to be raised",
            )
        case RefusalReason.MONTHLY_LIMIT:
            return (
                f"{account} had reached its limit{_limit(facts.month)} for the month",
                "it can be ordered the next month, or the limit has to be raised",
            )
        case RefusalReason.BALANCE:
            return f"the balance of {account} was too low", "the balance has to be topped up"
        case None:
            return "it was refused", "it has to be ordered again"
        case _:
            assert_never(reason)


def _before(near: Callable[[datetime], str], moment: datetime | None) -> str:
    return f" {near(moment)}" if moment else " shortly before"


def opted_out(case: OrderCase, near: Callable[[datetime], str]) -> tuple[str, str]:
    """Say that notifications had been switched off, and how to switch them on again."""
    when = f" {near(case.opted_out_at)}" if case.opted_out_at else ""
    start = spelling_of(Command.SMS_START)
    return (
        f"notifications had been switched off{when}",
        f"to switch them on again, text “{start}”",
    )


def _after(seconds: int | None) -> str:
    return f" {english_duration(timedelta(seconds=seconds))} after that" if seconds else " later"


def _limit(limit: LimitFacts | None) -> str:
    return f" of {limit.limit} messages" if limit else ""
