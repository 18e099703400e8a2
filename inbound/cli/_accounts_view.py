"""Formats accounts and their senders."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Final

from inbound.cli._times import local
from inbound.money import amount_text, money
from inbound.store.orders.account_records import AccountRecord
from inbound.store.orders.account_senders import AccountSender
from inbound.wording import Bilingual, both, counted_both

_WIDTH: Final = 14
_RUSSIAN_WIDTH: Final = 16
_NONE: Final = both("none", "нет")
_STATES: Final = {True: both("enabled", "включена"), False: both("disabled", "отключена")}


def account_line(found: AccountRecord) -> str:
    """Return an account in a line."""
    settings = found.settings
    state = _STATES[settings.enabled]
    waiting = sum(one.approved_at is None for one in found.senders)
    nouns = ("отправитель", "отправителя", "отправителей")
    senders = both(
        ", {waiting} to approve",
        ", ждут одобрения: {waiting}",
        waiting=counted_both(waiting, ("sender", "senders"), nouns),
    )
    return both(
        "{name}  {state}  {rights}, balance {balance}{senders}",
        "{name}  {state}  {rights}, баланс {balance}{senders}",
        name=found.account,
        state=state,
        rights=_joined(settings.rights),
        balance=_money(settings.balance, settings.currency),
        senders=senders if waiting else "",
    )


def account_lines(
    found: AccountRecord, used: Mapping[str, int], own: str, zone: str
) -> Iterator[str]:
    """Yield the lines about an account; `own` is the service's sender.

    Times are in `zone`, that of the service.
    """
    created = local(found.created_at, zone, seconds=False)
    settings = found.settings
    rate: str = both("no limit", "без ограничения")
    if settings.rate_per_s is not None:
        rate = both("{rate}/s", "{rate} в секунду", rate=settings.rate_per_s)
    price: str = both("none", "нет")
    if settings.price_per_part is not None:
        amount = _money(settings.price_per_part, settings.currency)
        price = both("{amount} for an SMS part", "{amount} за часть СМС", amount=amount)
    about = both(
        "{name}, {state}, created {at}",
        "{name}, {state}, создана {at}",
        name=found.account,
        state=_STATES[settings.enabled],
        at=created,
    )
    lines: tuple[tuple[str, str, str], ...] = (
        ("account", "учётная запись", about),
        ("rights", "права", _joined(settings.rights)),
        ("addresses", "адреса", _joined(settings.addresses, both("any", "любые"))),
        ("per day", "в день", _limit(settings.day_limit, used["day"])),
        ("per week", "в неделю", _limit(settings.week_limit, used["week"])),
        ("per month", "в месяц", _limit(settings.month_limit, used["month"])),
        ("zone", "часовой пояс", settings.zone),
        ("min delay", "пауза", _seconds(settings.min_delay_s)),
        ("repeat within", "повтор через", _seconds(settings.repeat_within_s)),
        ("max parts", "частей СМС до", str(settings.max_parts)),
        ("rate", "скорость", rate),
        ("price", "цена", price),
        ("balance", "баланс", _money(settings.balance, settings.currency)),
        (
            "patterns",
            "шаблоны текста",
            "" if settings.patterns else both("any text", "любой текст"),
        ),
    )
    for english, russian, value in lines:
        yield _named(english, russian) + value if value else both(english, russian)
    for pattern in settings.patterns:
        yield f"  {pattern}"
    yield _named("senders", "отправители") + both(
        "{own} (the service's own)", "{own} (собственный у сервиса)", own=own
    )
    for sender in found.senders:
        yield "  " + _sender(sender, zone)


def _named(english: str, russian: str) -> Bilingual:
    return Bilingual(f"{english:<{_WIDTH}}", f"{russian:<{_RUSSIAN_WIDTH}}")


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


def sender_line(sender: AccountSender, zone: str) -> str:
    """Return a sender in a line."""
    return f"{sender.account}  " + _sender(sender, zone)


def sender_object(sender: AccountSender) -> dict[str, object]:
    """Return a sender for JSON."""
    return asdict(sender)


def _sender(sender: AccountSender, zone: str) -> Bilingual:
    if sender.approved_at is not None:
        when = local(sender.approved_at, zone, seconds=False)
        return both(
            "{sender} (approved by {by}, {when})",
            "{sender} (одобрил {by}, {when})",
            sender=sender.sender,
            by=sender.approved_by,
            when=when,
        )
    when = local(sender.requested_at, zone, seconds=False)
    return both(
        "{sender} (waits for approval since {when})",
        "{sender} (ждёт одобрения с {when})",
        sender=sender.sender,
        when=when,
    )


def _joined(values: tuple[str, ...], otherwise: str = _NONE) -> str:
    return ", ".join(values) or otherwise


def _limit(limit: int | None, used: int) -> str:
    if limit is None:
        return both("no limit, {used} used", "без лимита, использовано {used}", used=used)
    return both("{used} of {limit} used", "использовано {used} из {limit}", used=used, limit=limit)


def _seconds(seconds: int | None) -> str:
    return _NONE if seconds is None else both("{s} s", "{s} с", s=seconds)


def _money(amount: Decimal | None, currency: str) -> str:
    return both("unlimited", "не ограничен") if amount is None else money(amount, currency)


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else amount_text(amount)
