"""What a broadcast is going to send, to whom, at what price: for people who look before it starts.

Samples are the messages to the first recipient of each language. Warnings compare the audience with
what its account may do now: a recipient whom a limit refuses gets no message later either.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

import psycopg

from inbound.broadcasts.costs import Cost, cost_of
from inbound.broadcasts.forecasting import Forecast, forecast
from inbound.broadcasts.samples import Sample, own_sample, template_samples
from inbound.broadcasts.sealing import AudienceSealer
from inbound.handlers.broadcasts import BroadcastState, opening
from inbound.handlers.sending_hours import window_at
from inbound.money import amount_text, money
from inbound.orders.patterns import matches_any
from inbound.orders.templates.definition import TemplateDefinition
from inbound.orders.templates.fields import Language
from inbound.store.access.approval_rules import find_rules
from inbound.store.access.audit import broadcast_entries
from inbound.store.broadcasts.rows import Broadcast, Progress
from inbound.store.orders.account_records import AccountRecord, find_usage_now, list_accounts
from inbound.store.orders.rows import BROADCASTS, Account, usage_keys
from inbound.store.orders.templates import list_versions
from inbound.wording import both
from schemas.orders import RefusalReason

_UNAPPROVED: Final = frozenset({BroadcastState.DRAFT, BroadcastState.AWAITING_APPROVAL})
_NOT_BEGUN: Final = frozenset(
    {BroadcastState.DRAFT, BroadcastState.AWAITING_APPROVAL, BroadcastState.SCHEDULED}
)
_PERIODS: Final = {"day": "день", "week": "неделю", "month": "месяц"}
_DAY_S: Final = 86_400
_NO_FORECAST: Final = Forecast()


class Shortfall(NamedTuple):
    """Why recipients would be refused if the broadcast started now, and how to prevent it."""

    reason: RefusalReason
    detail: str


class Step(NamedTuple):
    """An action of a person or token."""

    action: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """What people check. None is unknown: the audience was deleted, or there is no price."""

    text: str | None = field(repr=False, default=None)
    """With its placeholders; None for a template."""
    samples: tuple[Sample, ...] = ()
    """One for each language that somebody gets; the first one is that of the first recipient."""
    price: Decimal | None = None
    """Of all SMS parts."""
    currency: str | None = None
    balance: Decimal | None = None
    """None is unlimited."""
    cost: Cost | None = None
    """Once it has ended."""
    waits_until: datetime | None = None
    """Until its sending hours begin."""
    forecast: Forecast = _NO_FORECAST
    approval_above: int | None = None
    """How many recipients may get it without approval, if these are more."""
    history: tuple[Step, ...] = ()
    """Who did what with it, in order."""
    warnings: tuple[Shortfall, ...] = ()
    missing_languages: tuple[str, ...] = ()
    """Languages in which the template has no text: their clients get the default one."""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Reviews broadcasts. Blocks on the connection that it gets."""

    sealer: AudienceSealer
    sender: str
    """The service's own."""

    def review(
        self, conn: psycopg.Connection, one: Broadcast, progress: Progress, now: datetime
    ) -> Review:
        """Return the review of a broadcast. Raises errors of the store."""
        text, definition = self._text(one), definition_of(conn, one)
        samples = self._samples(conn, one, text, definition)
        account = next(iter(list_accounts(conn, one.account)), None)
        price, cost = _price(one, account), cost_of(conn, one)
        is_begun = one.state not in _NOT_BEGUN
        return Review(
            text=text,
            samples=samples,
            price=price,
            currency=None
            if account is None or (price is None and cost is None)
            else account.settings.currency,
            cost=cost,
            balance=account.settings.balance if account else None,
            waits_until=waits_until(one, now),
            forecast=forecast(conn, one, progress, now),
            approval_above=_approval_above(conn, one),
            history=tuple(_history(conn, one)),
            warnings=()
            if is_begun
            else tuple(self._warnings(conn, one, account, samples, price, now)),
            missing_languages=()
            if definition is None
            else tuple(one.value for one in Language if one not in definition.texts),
        )

    def _text(self, one: Broadcast) -> str | None:
        if one.text_sealed is None:
            return None
        return self.sealer.open_text(one.text_sealed, one.broadcast_id)

    def _samples(
        self,
        conn: psycopg.Connection,
        one: Broadcast,
        text: str | None,
        definition: TemplateDefinition | None,
    ) -> tuple[Sample, ...]:
        if text is not None:
            return tuple(own_sample(conn, one, text, self.sealer))
        if definition is None:
            return ()
        return tuple(template_samples(conn, one, definition, self.sealer))

    def _warnings(
        self,
        conn: psycopg.Connection,
        one: Broadcast,
        account: AccountRecord | None,
        samples: tuple[Sample, ...],
        price: Decimal | None,
        now: datetime,
    ) -> Iterator[Shortfall]:
        name, change = one.account, f"`scserv accounts change {one.account}"
        if account is None:
            missing = both("there is no account {name}", "учётной записи {name} нет", name=name)
            yield Shortfall(RefusalReason.ACCOUNT_UNKNOWN, missing)
            return
        settings = account.settings
        if not settings.enabled:
            yield Shortfall(
                RefusalReason.ACCOUNT_DISABLED,
                both(
                    "the account {name} is disabled: enable it with {change} --enable`",
                    "учётная запись {name} отключена: включите её: {change} --enable`",
                    name=name,
                    change=change,
                ),
            )
        if BROADCASTS not in settings.rights:
            yield Shortfall(
                RefusalReason.RIGHT_MISSING,
                both(
                    "the account {name} has no right to broadcasts: grant it with {change} --grant "
                    "{right}`",
                    "у учётной записи {name} нет права на рассылки: дайте его: {change} --grant "
                    "{right}`",
                    name=name,
                    change=change,
                    right=BROADCASTS,
                ),
            )
        approved = {sender.sender for sender in account.senders if sender.approved_at}
        if one.sender not in {None, self.sender, *approved}:
            yield Shortfall(
                RefusalReason.SENDER_NOT_APPROVED,
                both(
                    "the sender {sender} is not approved for the account {name} any more: ask for "
                    "it with `scserv accounts senders add {name} '{sender}'`",
                    "отправитель {sender} больше не одобрен для учётной записи {name}: запросите "
                    "его: `scserv accounts senders add {name} '{sender}'`",
                    name=name,
                    sender=one.sender,
                ),
            )
        if settings.patterns and not all(
            matches_any(settings.patterns, sample.text) for sample in samples
        ):
            yield Shortfall(
                RefusalReason.TEXT_NOT_ALLOWED,
                both(
                    "a sample matches none of the patterns of the account {name}: change the text, "
                    "or the patterns with {change} --pattern`",
                    "один из примеров не подходит ни под один шаблон текстов учётной записи "
                    "{name}: измените текст или шаблоны: {change} --pattern`",
                    name=name,
                    change=change,
                ),
            )
        yield from _limits(conn, one, account, now)
        if price is not None and settings.balance is not None and price > settings.balance:
            yield Shortfall(
                RefusalReason.BALANCE,
                both(
                    "it costs up to {price}, and the balance of the account {name} is {balance}: "
                    "top it up with {change} --top-up {lacking}`",
                    "она стоит до {price}, а баланс учётной записи {name} — {balance}: пополните "
                    "его: {change} --top-up {lacking}`",
                    price=money(price, settings.currency),
                    name=name,
                    balance=money(settings.balance, settings.currency),
                    change=change,
                    lacking=amount_text(price - settings.balance),
                ),
            )


def waits_until(one: Broadcast, now: datetime) -> datetime | None:
    """Return when its sending hours begin, if that is what it waits for."""
    if one.hours is None or one.lifecycle.needs_confirmation:
        return None
    if one.state is BroadcastState.RUNNING:
        opens = window_at(one.hours, now).opens
        return opens if opens > now else None
    if one.state is BroadcastState.SCHEDULED:
        starts_at = one.lifecycle.starts_at or now
        opens = opening(starts_at, one.hours)
        return opens if opens > max(now, starts_at) else None
    return None


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
                    "{over} of {all} recipients would be refused; raise the limit with `scserv "
                    "accounts change {name} --per-{key} {needed}`",
                    "лимит учётной записи {name} на {period} — {limit}, отправлено "
                    "{used}: {over} из {all} получателей получили бы отказ; поднимите лимит: "
                    "`scserv accounts change {name} --per-{key} {needed}`",
                    name=name,
                    limit=limit,
                    period=both(period, _PERIODS[period]),
                    key=period,
                    used=used[period],
                    over=over,
                    all=one.lifecycle.recipients,
                    needed=used[period] + wanted,
                ),
            )


def _seconds_a_day(one: Broadcast) -> int:
    if one.hours is None:
        return _DAY_S
    start = timedelta(hours=one.hours.start.hour, minutes=one.hours.start.minute)
    end = timedelta(hours=one.hours.end.hour, minutes=one.hours.end.minute)
    return int((end - start).total_seconds()) % _DAY_S


def _history(conn: psycopg.Connection, one: Broadcast) -> Iterator[Step]:
    for entry in broadcast_entries(conn, one.broadcast_id):
        yield Step(entry.action.removeprefix("broadcast."), entry.actor, entry.at)


def _approval_above(conn: psycopg.Connection, one: Broadcast) -> int | None:
    """Return the threshold if a second person has to approve it and has not done so."""
    if one.state not in _UNAPPROVED:
        return None
    above = find_rules(conn).broadcasts_above
    return above if one.lifecycle.recipients > above else None


def _price(one: Broadcast, account: AccountRecord | None) -> Decimal | None:
    if account is None or account.settings.price_per_part is None or one.parts is None:
        return None
    return account.settings.price_per_part * one.parts


def definition_of(conn: psycopg.Connection, one: Broadcast) -> TemplateDefinition | None:
    """Return the version of the template that a broadcast sends; None if it has its own text."""
    versions = list_versions(conn, one.template) if one.template else []
    found = next((v for v in versions if v.version == one.template_version), None)
    return None if found is None else TemplateDefinition.model_validate_json(found.definition)
