"""What a broadcast is going to send, to whom, at what price: for people who look before it starts.

Samples are the messages to the first recipient of each language. Warnings compare the audience with
the current limits of its account: a recipient whom a limit refuses gets no message later either.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

import psycopg

from inbound.broadcasts.costs import Cost, cost_of, is_priced_as_now
from inbound.broadcasts.forecasting import Forecast, forecast
from inbound.broadcasts.samples import Sample, own_sample, template_samples
from inbound.broadcasts.sealing import AudienceSealer
from inbound.broadcasts.shortfalls import PlannedBroadcast, Shortfall, find_shortfalls
from inbound.handlers.broadcasts import BroadcastState, opening
from inbound.handlers.sending_hours import window_at
from inbound.orders.templates.definition import TemplateDefinition
from inbound.orders.templates.fields import TemplateLanguage
from inbound.store.access.approval_rules import find_rules
from inbound.store.access.audit import broadcast_entries
from inbound.store.broadcasts.rows import Broadcast, Progress
from inbound.store.orders.account_records import AccountRecord, list_accounts
from inbound.store.orders.templates import list_versions

_UNAPPROVED: Final = frozenset({BroadcastState.DRAFT, BroadcastState.AWAITING_APPROVAL})
_NOT_BEGUN: Final = frozenset(
    {BroadcastState.DRAFT, BroadcastState.AWAITING_APPROVAL, BroadcastState.SCHEDULED}
)
_NO_FORECAST: Final = Forecast()


class ReviewStep(NamedTuple):
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
    """The price of all SMS parts; unknown if the account's currency has changed since it began."""
    currency: str | None = None
    """The currency of price and balance; the cost has its own."""
    balance: Decimal | None = None
    """None is unlimited."""
    cost: Cost | None = None
    """Set once it has ended."""
    waits_until: datetime | None = None
    """Set until its sending hours begin."""
    forecast: Forecast = _NO_FORECAST
    approval_above: int | None = None
    """How many recipients it may have without approval, if it has more."""
    history: tuple[ReviewStep, ...] = ()
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
        price = _price(one, account) if is_priced_as_now(conn, one) else None
        cost = cost_of(conn, one)
        is_begun = one.state not in _NOT_BEGUN
        planned = PlannedBroadcast(samples, price, self.sender)
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
            warnings=() if is_begun else tuple(find_shortfalls(conn, one, account, planned, now)),
            missing_languages=()
            if definition is None
            else tuple(one.value for one in TemplateLanguage if one not in definition.texts),
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


def _history(conn: psycopg.Connection, one: Broadcast) -> Iterator[ReviewStep]:
    for entry in broadcast_entries(conn, one.broadcast_id):
        yield ReviewStep(entry.action.removeprefix("broadcast."), entry.actor, entry.at)


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
