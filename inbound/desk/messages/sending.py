"""Sends to one person, cancels, and lists sent messages, with the functions of CLI and API.

Each message that a user sends or cancels is in the audit with their name, in the same transaction.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol
from uuid import UUID

from typing_extensions import override

from inbound.api.backend import Sources, retry_once
from inbound.directory.port import ClientNumbers
from inbound.money import amount_text
from inbound.orders.ports import (
    Companion,
    OrderTemplates,
    Placed,
    RenderedText,
    RenderProblem,
    TemplateUse,
)
from inbound.parsers.numbers import NumberError, parse_msisdn
from inbound.store.access.audit import NewAuditEntry
from inbound.store.orders.account_records import AccountRecord, list_accounts
from inbound.store.orders.lookup import (
    FoundOrder,
    ScheduledOrder,
    SentByPerson,
    find_order,
    orders_sent_by_people,
    scheduled_orders,
)
from inbound.store.orders.rows import SEND, SERVICE
from inbound.store.people.subjects import numbers_of
from inbound.store.people.subscriptions import subscriptions_of
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Transaction
from inbound.timeline.ids import find_by_order
from inbound.timeline.input import TimelineOptions
from inbound.timeline.model import Language, Timeline
from inbound.timeline.words import english_money, russian_money
from schemas.orders import Order, OrderState

SENT: Final = "order.send"
"""The action as the audit names it."""

SHOWN: Final = 30
_SCHEDULED: Final = frozenset({OrderState.SCHEDULED})


class Places(Protocol):
    """Places orders in one transaction."""

    async def place(
        self, orders: Sequence[Order], companion: Companion | None = None
    ) -> Sequence[Placed]:
        """Return the answer to each order; durable when it returns."""
        ...


class Cancels(Protocol):
    """Cancels orders."""

    async def cancel(
        self, order_ids: Collection[UUID], states: Collection[OrderState], *, actor: str | None
    ) -> dict[UUID, OrderState]:
        """Cancel the orders in one of these states; return the state of each."""
        ...


@dataclass(frozen=True, slots=True)
class SendingRules:
    """`sender` is the service's own; orders may name a time up to `ahead_days` ahead."""

    sender: str
    alphabet: str
    ahead_days: int = 366


@dataclass(frozen=True, slots=True)
class Addressee:
    """The recipient of a message. `is_on`: notifications are not switched off."""

    number: str = field(repr=False)
    client_id: str | None = None
    is_on: bool = True


class _Recording(Companion):
    """Records who sent the orders of a batch, except those that were placed before."""

    def __init__(self, actor: str) -> None:
        self._actor = actor

    @override
    async def begin(self, transaction: Transaction) -> None:
        pass

    @override
    def finish(self, changes: Changes, placed: Sequence[Placed]) -> None:
        changes.audit += [
            NewAuditEntry(self._actor, SENT, f"account {row.account}", row.subject_id, row.order_id)
            for row in changes.orders.orders
        ]


class Sending:
    """What users send to one person. Every method may raise RetryableError."""

    def __init__(
        self,
        sources: Sources,
        intake: Places,
        dispatcher: Cancels,
        *,
        directory: ClientNumbers,
        templates: OrderTemplates,
        rules: SendingRules,
        clock: Callable[[], datetime],
    ) -> None:
        """`directory` and `templates` are those that the intake asks."""
        self.rules = rules
        self._sources = sources
        self._intake = intake
        self._dispatcher = dispatcher
        self._directory = directory
        self._templates = templates
        self._clock = clock

    async def accounts(self) -> list[AccountRecord]:
        """Return the accounts that may send to one person."""
        found = await self._sources.pool.run(list_accounts)
        may = {SEND, SERVICE}
        return [one for one in found if one.settings.enabled and may & {*one.settings.rights}]

    async def place(self, actor: str, order: Order) -> Placed:
        """Place an order, which needs an idempotency key; recorded if it was not placed before."""
        [placed] = await self._intake.place([order], _Recording(actor))
        return placed

    async def cancel(self, actor: str, order_id: UUID) -> OrderState | None:
        """Cancel a scheduled order; return its state, None if there is no such order."""
        states = await self._dispatcher.cancel([order_id], _SCHEDULED, actor=actor)
        return states.get(order_id)

    async def addressee(self, to: str) -> Addressee | None:
        """Return whom a number in any form, or a client id, leads to; None for nobody."""
        try:
            number: str | None = parse_msisdn(to)
        except NumberError:
            known = await retry_once(self._directory.numbers_of_clients, [to.strip()])
            number = known.get(to.strip())
        if number is None:
            return None
        clients = await retry_once(self._sources.directory.client_ids, [number])
        hashes = [self._sources.hasher.hash(number)]
        found = await self._sources.pool.run(subscriptions_of, hashes=hashes)
        return Addressee(number, clients.get(number), all(one.may_be_texted for one in found))

    async def render(
        self, template: str, fields: Mapping[str, str], who: Addressee | None
    ) -> RenderedText | RenderProblem:
        """Return the text of a template as the intake would make it for somebody."""
        number_hash = self._sources.hasher.hash(who.number) if who else None
        [text] = await retry_once(
            self._templates.render,
            [TemplateUse(template, fields=fields, number_hash=number_hash)],
        )
        return text

    async def order(self, order_id: UUID, language: Language) -> Timeline | None:
        """Return what happened to an order, None if there is none."""
        backlog = await self._sources.backlog.ask()
        places = await self._sources.pool.run(find_by_order, str(order_id))
        if not places:
            return None
        options = TimelineOptions(self._clock(), self._sources.zone, language, backlog=backlog)
        run, timelines = self._sources.pool.run, self._sources.timelines
        found = await run(timelines.by_places, places, options, None)
        return found[0] if found and found[0].orders else None

    async def facts(self, timeline: Timeline) -> FoundOrder | None:
        """Return the stored row of the order of a timeline, None if it was deleted."""
        [order] = timeline.orders
        return await self._sources.pool.run(find_order, order.account, order.order_id)

    async def sent(self, before: tuple[datetime, int] | None) -> list[SentByPerson]:
        """Return what users sent, newest first: one more than a page has, if there is a next."""
        return await self._sources.pool.run(orders_sent_by_people, before, SHOWN + 1)

    async def scheduled(self, after: tuple[datetime, UUID] | None) -> list[ScheduledOrder]:
        """Return scheduled messages, soonest first: one more than a page has, as `sent`."""
        return await self._sources.pool.run(scheduled_orders, after, SHOWN + 1)

    async def numbers(self, subject_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the numbers of people; erased ones are left out."""
        return await self._sources.pool.run(numbers_of, self._sources.sealer, list(subject_ids))


def price_of(account: AccountRecord, parts: int, language: Language) -> str:
    """Return what an account pays for a message, "" if it has no price."""
    price = account.settings.price_per_part
    if price is None:
        return ""
    return _money(price * parts, account.settings.currency, language)


def facts_price(facts: FoundOrder | None, language: Language) -> str:
    """Return what was paid for a message, "" if nothing was."""
    if facts is None or facts.price is None:
        return ""
    return _money(facts.price, facts.currency, language)


def _money(amount: Decimal, currency: str | None, language: Language) -> str:
    say = russian_money if language is Language.RU else english_money
    return say(amount_text(amount), currency)
