"""How accounts and their senders are shown."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Final

from inbound.cli._format import counted
from inbound.cli._times import local
from inbound.money import amount_text, money
from inbound.store.orders.account_records import AccountRecord, Sender

_WIDTH: Final = 14


def account_line(found: AccountRecord) -> str:
    """Return an account in a line."""
    settings = found.settings
    state = "enabled" if settings.enabled else "disabled"
    waiting = sum(one.approved_at is None for one in found.senders)
    senders = f", {counted(waiting, 'sender')} to approve" if waiting else ""
    balance = f", balance {_money(settings.balance, settings.currency)}"
    return f"{found.account}  {state}  {_joined(settings.rights)}{balance}{senders}"


def account_lines(
    found: AccountRecord, used: Mapping[str, int], own: str, zone: str
) -> Iterator[str]:
    """Yield what there is to know about an account; `own` is the service's sender.

    Times are in `zone`, that of the service.
    """
    created = local(found.created_at, zone, seconds=False)
    settings = found.settings
    state = "enabled" if settings.enabled else "disabled"
    lines = {
        "account": f"{found.account}, {state}, created {created}",
        "rights": _joined(settings.rights),
        "addresses": _joined(settings.addresses, "any"),
        "per day": _limit(settings.day_limit, used["day"]),
        "per week": _limit(settings.week_limit, used["week"]),
        "per month": _limit(settings.month_limit, used["month"]),
        "zone": settings.zone,
        "min delay": _seconds(settings.min_delay_s),
        "repeat within": _seconds(settings.repeat_within_s),
        "max parts": str(settings.max_parts),
        "rate": "no limit" if settings.rate_per_s is None else f"{settings.rate_per_s}/s",
        "price": "none"
        if settings.price_per_part is None
        else f"{_money(settings.price_per_part, settings.currency)} for an SMS part",
        "balance": _money(settings.balance, settings.currency),
        "patterns": "any text" if not settings.patterns else "",
    }
    for name, value in lines.items():
        yield f"{name:<{_WIDTH}}{value}".rstrip()
    for pattern in settings.patterns:
        yield f"  {pattern}"
    yield f"{'senders':<{_WIDTH}}{own} (the service's own)"
    for sender in found.senders:
        yield f"  {_sender(sender, zone)}"


def account_object(found: AccountRecord, used: Mapping[str, int]) -> dict[str, object]:
    """Return an account for JSON."""
    return {
        "account": found.account,
        "number": found.number,
        "created_at": found.created_at,
        **asdict(found.settings),
        "price_per_part": _amount(found.settings.price_per_part),
        "balance": _amount(found.settings.balance),
        "used": dict(used),
        "senders": [sender_object(one) for one in found.senders],
    }


def sender_line(sender: Sender, zone: str) -> str:
    """Return a sender in a line."""
    return f"{sender.account}  {_sender(sender, zone)}"


def sender_object(sender: Sender) -> dict[str, object]:
    """Return a sender for JSON."""
    return asdict(sender)


def _sender(sender: Sender, zone: str) -> str:
    if sender.approved_at is not None:
        when = local(sender.approved_at, zone, seconds=False)
        return f"{sender.sender} (approved by {sender.approved_by}, {when})"
    when = local(sender.requested_at, zone, seconds=False)
    return f"{sender.sender} (waits for approval since {when})"


def _joined(values: tuple[str, ...], otherwise: str = "none") -> str:
    return ", ".join(values) or otherwise


def _limit(limit: int | None, used: int) -> str:
    return f"no limit, {used} used" if limit is None else f"{used} of {limit} used"


def _seconds(seconds: int | None) -> str:
    return "none" if seconds is None else f"{seconds} s"


def _money(amount: Decimal | None, currency: str) -> str:
    return "unlimited" if amount is None else money(amount, currency)


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else amount_text(amount)
