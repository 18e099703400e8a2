"""Why recipients of a broadcast would be refused if it started now.

Compares the audience with the limits of its account: a recipient whom a limit refuses gets no
message later either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

import psycopg

from inbound.broadcasts.samples import Sample
from inbound.handlers.broadcasts import opening
from inbound.money import amount_text, money
from inbound.orders.patterns import is_allowed
from inbound.store.broadcasts.rows import Broadcast
from inbound.store.orders.account_records import AccountRecord, find_usage_now
from inbound.store.orders.rows import BROADCASTS, Account, usage_keys
from inbound.wording import Bilingual, both
from schemas.orders import RefusalReason

_PERIODS: Final = {"day": "день", "week": "неделю", "month": "месяц"}
_DAY_S: Final = 86_400


class Shortfall(NamedTuple):
    """Why recipients would be refused if the broadcast started now.

    `fix` says how to prevent it, to people who can run commands.
    """

    reason: RefusalReason
    detail: Bilingual
    fix: Bilingual

    @property
    def advice(self) -> Bilingual:
        """The whole sentence for people who can run commands."""
        return self.detail + "; " + self.fix


@dataclass(frozen=True, slots=True)
class PlannedBroadcast:
    """What a broadcast sends, its price if there is one, and the service's own sender."""

    samples: Sequence[Sample]
    price: Decimal | None
    own_sender: str


def find_shortfalls(
    conn: psycopg.Connection,
    one: Broadcast,
    account: AccountRecord | None,
    planned: PlannedBroadcast,
    now: datetime,
) -> Iterator[Shortfall]:
    """Yield the rights and limits that its account lacks for it.

    Blocks on the database. Raises errors of the store.
    """
    if account is None:
        name = one.account
        yield Shortfall(
            RefusalReason.ACCOUNT_UNKNOWN,
            both("there is no account {name}", "учётной записи {name} нет", name=name),
            both(
                "create it with `scserv accounts create {name}`",
                "создайте её: `scserv accounts create {name}`",
                name=name,
            ),
        )
        return
    yield from _of_settings(one, account, planned)
    yield from _limits(conn, one, account, now)
    yield from _balance(account, planned.price)


def _of_settings(
    one: Broadcast, account: AccountRecord, planned: PlannedBroadcast
) -> Iterator[Shortfall]:
    name, settings = account.account, account.settings
    change = _change(name)
    if not settings.enabled:
        yield Shortfall(
            RefusalReason.ACCOUNT_DISABLED,
            both("the account {name} is disabled", "учётная запись {name} отключена", name=name),
            both(
                "enable it with {change} --enable`",
                "включите её: {change} --enable`",
                change=change,
            ),
        )
    if BROADCASTS not in settings.rights:
        yield Shortfall(
            RefusalReason.RIGHT_MISSING,
            both(
                "the account {name} has no right to broadcasts",
                "у учётной записи {name} нет права на рассылки",
                name=name,
            ),
            both(
                "grant it with {change} --grant {right}`",
                "дайте его: {change} --grant {right}`",
                change=change,
                right=BROADCASTS,
            ),
        )
    approved = {sender.sender for sender in account.senders if sender.approved_at}
    if one.sender not in {None, planned.own_sender, *approved}:
        yield Shortfall(
            RefusalReason.SENDER_NOT_APPROVED,
            both(
                "the sender {sender} is not approved for the account {name} any more",
                "отправитель {sender} больше не одобрен для учётной записи {name}",
                name=name,
                sender=one.sender,
            ),
            both(
                "ask for it with `scserv accounts senders add {name} '{sender}'`",
                "запросите его: `scserv accounts senders add {name} '{sender}'`",
                name=name,
                sender=one.sender,
            ),
        )
    if not all(is_allowed(settings.patterns, sample.text, None) for sample in planned.samples):
        yield Shortfall(
            RefusalReason.TEXT_NOT_ALLOWED,
            both(
                "a sample matches none of the patterns of the account {name}, or begins with the "
                "name of a channel",
                "один из примеров не подходит ни под один шаблон текстов учётной записи {name} или "
                "начинается с имени канала",
                name=name,
            ),
            both(
                "change the text, or the patterns with {change} --pattern`",
                "измените текст или шаблоны: {change} --pattern`",
                change=change,
            ),
        )


def _limits(
    conn: psycopg.Connection, one: Broadcast, account: AccountRecord, now: datetime
) -> Iterator[Shortfall]:
    """Yield the limits that the audience exceeds in the period in which it would begin."""
    settings, name = account.settings, account.account
    begins_at = max(now, opening(one.lifecycle.starts_at or now, one.hours))
    used = find_usage_now(conn, usage_keys(Account(name, zone=settings.zone), begins_at))
    for period, days, limit, reason in (
        ("day", 1, settings.day_limit, RefusalReason.DAILY_LIMIT),
        ("week", 7, settings.week_limit, RefusalReason.WEEKLY_LIMIT),
        ("month", 31, settings.month_limit, RefusalReason.MONTHLY_LIMIT),
    ):
        if limit is None:
            continue
        wanted = one.lifecycle.recipients
        if one.rate is not None:  # then it may take longer than the period
            wanted = min(wanted, one.rate * _seconds_a_day(one) * days)
        over = wanted - max(limit - used[period], 0)
        if over > 0:
            yield Shortfall(
                reason,
                both(
                    "the account {name} may send {limit} messages a {period} and has sent {used}: "
                    "{over} of {all} recipients would be refused",
                    "лимит учётной записи {name} на {period} — {limit}, отправлено "
                    "{used}: {over} из {all} получателей получили бы отказ",
                    name=name,
                    limit=limit,
                    period=both(period, _PERIODS[period]),
                    used=used[period],
                    over=over,
                    all=one.lifecycle.recipients,
                ),
                both(
                    "raise the limit with {change} --per-{key} {needed}`",
                    "поднимите лимит: {change} --per-{key} {needed}`",
                    change=_change(name),
                    key=period,
                    needed=used[period] + wanted,
                ),
            )


def _balance(account: AccountRecord, price: Decimal | None) -> Iterator[Shortfall]:
    settings, name = account.settings, account.account
    if price is not None and settings.balance is not None and price > settings.balance:
        yield Shortfall(
            RefusalReason.BALANCE,
            both(
                "it costs up to {price}, and the balance of the account {name} is {balance}",
                "она стоит до {price}, а баланс учётной записи {name} — {balance}",
                price=money(price, settings.currency),
                name=name,
                balance=money(settings.balance, settings.currency),
            ),
            both(
                "top it up with {change} --top-up {lacking}`",
                "пополните его: {change} --top-up {lacking}`",
                change=_change(name),
                lacking=amount_text(price - settings.balance),
            ),
        )


def _change(name: str) -> str:
    return f"`scserv accounts change {name}"


def _seconds_a_day(one: Broadcast) -> int:
    if one.hours is None:
        return _DAY_S
    start = timedelta(hours=one.hours.start.hour, minutes=one.hours.start.minute)
    end = timedelta(hours=one.hours.end.hour, minutes=one.hours.end.minute)
    return int((end - start).total_seconds()) % _DAY_S
