"""Why an order was refused or withheld, in English, and what to do about it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, assert_never

from inbound.plurals import counted
from inbound.timeline.english_channels import NO_ADDRESS
from inbound.timeline.incidents import Switch, SwitchedBy
from inbound.timeline.order_cases import OrderCase, RefusalText
from inbound.timeline.words import english_duration, spelling_of
from schemas.events import Command
from schemas.order_facts import LimitFacts
from schemas.orders import OrderKind, RefusalReason


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


_OURS: Final = "there was a mistake in the order on our side"
_LIMIT: Final = "the limit for such messages had been reached"


def refusal(case: OrderCase, near: Callable[[datetime], str]) -> RefusalText:
    """Say why an order was refused, and what to do about it. `near` formats a moment.

    It names no account, and nothing that the client cannot change.
    """
    decided, facts, reason = case.decided, case.decided.facts, case.refused
    account = f"the account {decided.account}"
    match reason:
        case RefusalReason.ACCOUNT_UNKNOWN:
            advice = f"{account} doesn't exist; the program has to name an account that exists"
            return RefusalText(_OURS, advice)
        case RefusalReason.ACCOUNT_DISABLED:
            return RefusalText(_OURS, f"{account} is disabled; it has to be enabled")
        case RefusalReason.RIGHT_MISSING:
            kind = f"{subject_of(decided.kind)}s"
            of = "" if decided.channel is None else ", or to use channels"
            advice = f"{account} has no right to send {kind}{of}; the right has to be granted to it"
            return RefusalText(_OURS, advice)
        case RefusalReason.IDEMPOTENCY_KEY_REUSED:
            return RefusalText(
                _OURS,
                "its idempotency key had been used for another order; it has to be ordered with a "
                "key of its own",
            )
        case RefusalReason.NOT_A_MOBILE_NUMBER:
            return RefusalText(
                "the number in the order is not a mobile number",
                "the number has to be corrected, with its country code",
            )
        case RefusalReason.RECIPIENT_UNKNOWN if decided.channel is not None:
            return NO_ADDRESS
        case RefusalReason.RECIPIENT_UNKNOWN:
            return RefusalText(
                "the recipient in the order is unknown",
                "the client has to be in the directory, or the order has to name the number",
            )
        case RefusalReason.RECIPIENT_NOT_A_CLIENT:
            return RefusalText(
                "this number is not in our client directory",
                f"it has to be added there, or {account} needs the right to text other people",
            )
        case RefusalReason.OPTED_OUT:
            return RefusalText(opted_out(case.stop, near))
        case RefusalReason.TOO_MANY_WAITING:
            return RefusalText(
                f"{facts.waiting} other messages to this number were waiting to be sent",
                _waiting(facts.waiting_of_account, account),
            )
        case RefusalReason.TEMPLATE_UNKNOWN:
            return RefusalText(
                _OURS,
                f"there is no template {decided.template}; the order has to name a template that "
                "exists",
            )
        case RefusalReason.TEMPLATE_FIELDS:
            return RefusalText(_OURS, _fields(case))
        case RefusalReason.SENDER_NOT_APPROVED:
            return RefusalText(
                _OURS,
                f"the sender {decided.sender} is not approved for {account}; the sender has to be "
                "approved, or left out of the order",
            )
        case RefusalReason.TEXT_NOT_ALLOWED:
            return RefusalText(
                _OURS,
                f"its text matches none of the patterns of {account}, or begins with the name of a "
                "channel; the text or the patterns have to be changed",
            )
        case RefusalReason.TOO_MANY_PARTS:
            most = "" if facts.max_parts is None else f", and {account} may send {facts.max_parts}"
            return RefusalText(
                _OURS, f"its text needs {decided.parts} SMS parts{most}; it has to be shorter"
            )
        case RefusalReason.EXPIRED:
            return RefusalText(
                "it would have expired before it could be sent",
                "its sending hours and its time of expiry have to be changed",
            )
        case RefusalReason.REPEATED:
            return RefusalText(
                f"the same text to this number had been ordered{_before(near, facts.same_text_at)}",
                f"it can be ordered again{_after(facts.repeat_within_s)}",
            )
        case RefusalReason.MINIMUM_DELAY:
            return RefusalText(
                f"another message to this number had been ordered{_before(near, facts.last_at)}",
                f"it can be ordered again{_after(facts.min_delay_s)}",
            )
        case RefusalReason.DAILY_LIMIT:
            return RefusalText(
                _LIMIT,
                f"{account} had reached its limit{_limit(facts.day)} for the day; the message "
                "can be ordered the next day, or the limit has to be raised",
            )
        case RefusalReason.WEEKLY_LIMIT:
            return RefusalText(
                _LIMIT,
                f"{account} had reached its limit{_limit(facts.week)} for the week; the message "
                "can be ordered from Monday on, or the limit has to be raised",
            )
        case RefusalReason.MONTHLY_LIMIT:
            return RefusalText(
                _LIMIT,
                f"{account} had reached its limit{_limit(facts.month)} for the month; the message "
                "can be ordered the next month, or the limit has to be raised",
            )
        case RefusalReason.BALANCE:
            return RefusalText(
                _LIMIT, f"the balance of {account} was too low; it has to be topped up"
            )
        case None:
            return RefusalText("it was refused", "it has to be ordered again")
        case _:
            assert_never(reason)


def _fields(case: OrderCase) -> str:
    template, facts = case.decided.template, case.decided.facts
    if facts.missing_field is not None:
        return (
            f"the order had no field {facts.missing_field}, which the template {template} needs; "
            "it has to be ordered again with this field"
        )
    wrong = "the fields of the order don't"
    if facts.unfit_field is not None:
        wrong = f"the value of the field {facts.unfit_field} doesn't"
    return (
        f"{wrong} fit the template {template}; it has to be ordered again with what the template "
        "takes"
    )


def _waiting(of_account: int | None, account: str) -> str:
    again = "it has to be ordered again once they are sent"
    if of_account is None:
        return again
    return f"{of_account} of them were of {account}, which may have no more; {again}"


def opted_out(stop: Switch | None, near: Callable[[datetime], str]) -> str:
    """Say that notifications had been switched off, and how to switch them on again."""
    when = f" {near(stop.at)} {switched_by(stop)}" if stop else ""
    start = spelling_of(Command.SMS_START)
    return (
        f"notifications had been switched off{when}; if they still are, text “{start}” to switch "
        "them on again"
    )


def switched_by(switch: Switch) -> str:
    """Say who switched notifications, to follow "were switched off"."""
    match switch.switched_by:
        case SwitchedBy.TEXT:
            return "by a text from this number"
        case SwitchedBy.OPERATOR:
            return "by our staff, as you had asked"
        case SwitchedBy.UNDOING:
            return "by our staff, who undid a stop"
        case _:
            assert_never(switch.switched_by)


def _before(near: Callable[[datetime], str], moment: datetime | None) -> str:
    return f" {near(moment)}" if moment else " shortly before"


def _after(seconds: int | None) -> str:
    return f" {english_duration(timedelta(seconds=seconds))} after that" if seconds else " later"


def _limit(limit: LimitFacts | None) -> str:
    return f" of {counted(limit.limit, 'message')}" if limit else ""
