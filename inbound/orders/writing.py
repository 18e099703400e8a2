"""Decides the drafts of one batch in order, and collects what its transaction writes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from pydantic_core import to_json

from inbound.handlers.orders import decide_order
from inbound.handlers.state import SubjectState
from inbound.orders.counters import Counters
from inbound.orders.drafting import OrderDraft
from inbound.orders.pacing import Pacing
from inbound.orders.patterns import is_allowed
from inbound.orders.ports import Placed, RenderedText, RenderProblem
from inbound.orders.records import request_of, row_of
from inbound.orders.tools import IntakeSettings, IntakeTools
from inbound.outbox.order_messages import order_message_row
from inbound.store.log.rows import NewEvent
from inbound.store.orders.orders import RecentKey
from inbound.store.orders.rows import (
    Account,
    OrderContent,
    OrderRow,
    RecentOrders,
    RecentQuery,
    rights_of,
    usage_keys,
)
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Transaction
from inbound.subjects import Subjects
from schemas.order_events import OrderAccepted, OrderDecided, OrderRefused
from schemas.order_facts import OrderFacts
from schemas.orders import OrderState, RefusalReason

_NOBODY: Final = SubjectState()
_NO_ORDERS: Final = RecentOrders()
_ANY_TEXT: Final = b""


class OrderBatchWriter:
    """Takes one batch: `load`, then each draft in order, then `changes`.

    `placed` has the answer to each draft. An order is decided with the effects of those before it.
    """

    def __init__(
        self,
        tools: IntakeTools,
        settings: IntakeSettings,
        subjects: Subjects,
        accounts: Mapping[str, Account],
    ) -> None:
        self.subjects = subjects
        self.placed: list[Placed] = []
        self._settings = settings
        self._accounts = accounts
        self._now = tools.clock()
        self._changes = Changes()
        self._nobodys: list[NewEvent] = []
        self._rows: dict[UUID, OrderRow] = {}
        self._counters = Counters({})
        self._recent: dict[RecentKey, RecentOrders] = {}
        self._balances = {name: one.balance for name, one in accounts.items()}
        self._pacing = Pacing(accounts, self._now)

    async def load(self, transaction: Transaction, drafts: Sequence[OrderDraft]) -> None:
        """Read counters and earlier orders, if a decision depends on them. Two round trips."""
        limited = [account for account in self._accounts.values() if account.has_counters]
        if limited:
            keys = {key for account in limited for key in usage_keys(account, self._now)}
            self._counters = Counters(await transaction.usage(keys))
        queries = [query for draft in drafts if (query := self._recent_query(draft))]
        if queries:
            self._recent = await transaction.recent_orders(queries)

    def write(self, draft: OrderDraft, before: OrderRow | None = None) -> None:
        """Decide an order, or repeat the answer to `before`, which has its idempotency key.

        If the key comes with a different order, that one is refused under an id of its own.
        """
        before = before or self._rows.get(draft.order_id)
        if before is None:
            self._decide(draft)
        elif before.content_digest == draft.content_digest:
            self._answer_repeated(draft, before)
        else:
            self._decide(draft.with_key_of(before.order_id))

    def _decide(self, draft: OrderDraft) -> None:
        account = self._accounts.get(draft.order.account)
        decided = decide_order(request_of(draft), self._facts(draft, account))
        self._append(draft, decided)
        accepted = decided if isinstance(decided, OrderAccepted) else None
        row = row_of(draft, decided, self._now)
        self._rows[row.order_id] = row
        if accepted is not None and account is not None:
            self._accept(draft, account, accepted, row)
        reason = decided.reason if isinstance(decided, OrderRefused) else None
        detail = _detail(draft, reason)
        self.placed.append(
            Placed(row.order_id, row.state, row.parts, reason, detail, price=row.price)
        )

    def _answer_repeated(self, draft: OrderDraft, before: OrderRow) -> None:
        """Answer an order that was placed before: nothing is written."""
        is_refused = before.state is OrderState.REFUSED or not before.was_accepted
        refused = before.reason if is_refused else None
        reason_before = RefusalReason(refused) if refused else None
        answer = Placed(
            *(before.order_id, before.first_state, before.parts, reason_before),
            detail=_detail(draft, reason_before),
            price=None if is_refused else before.price,
        )
        self.placed.append(replace(answer, is_repeated=draft.order.idempotency_key is not None))

    def changes(self) -> Changes:
        """Return everything to write."""
        changes = self._changes
        changes.events = [*self.subjects.events, *self._nobodys]
        changes.states = self.subjects.states()
        changes.orders.orders.extend(self._rows.values())
        changes.orders.usage.update(self._counters.added)
        changes.orders.free_at.update(self._pacing.free_at)
        return changes

    def _append(self, draft: OrderDraft, event: OrderDecided) -> None:
        subject_id, traceparent = draft.recipient.subject_id, draft.order.traceparent
        if subject_id is not None:
            self.subjects.append(subject_id, [event], traceparent)
            return
        metadata = to_json({"traceparent": traceparent} if traceparent else {})
        self._nobodys.append(
            NewEvent(event.order_id, 1, event.TYPE, event.VERSION, event.to_json(), metadata)
        )

    def _accept(
        self, draft: OrderDraft, account: Account, accepted: OrderAccepted, row: OrderRow
    ) -> None:
        """Count an accepted order, store its text, and queue its message if it is due."""
        self._counters.add(usage_keys(account, self._now))
        self._pacing.accept(draft.order, accepted)
        if accepted.price is not None:
            charges = self._changes.orders.charges
            charges[account.account] = charges.get(account.account, Decimal()) + accepted.price
            balance = self._balances.get(account.account)
            if balance is not None:
                self._balances[account.account] = balance - accepted.price
        if (query := self._recent_query(draft)) is not None:
            self._remember(query)
        if isinstance(draft.rendered, RenderedText):
            delete_at = accepted.last_at + self._settings.keep_for
            content = OrderContent(
                row.order_id, row.subject_id, draft.rendered.text, delete_at, draft.address
            )
            self._changes.orders.contents.append(content)
        if row.state is OrderState.QUEUED and draft.recipient.number_hash is not None:
            message = order_message_row(
                row,
                key=draft.recipient.number_hash.hex(),
                not_after=accepted.not_after,
                names=self._settings.names,
            )
            self._changes.outbox.append(message)

    def _facts(self, draft: OrderDraft, account: Account | None) -> OrderFacts:
        order, recipient = draft.order, draft.recipient
        state = self.subjects[recipient.subject_id] if recipient.subject_id else _NOBODY
        common = OrderFacts(
            decided_at=self._now,
            valid_for_s=self._settings.valid_for_s,
            client_known=recipient.is_client,
            notifications_on=state.notifications_on,
            waiting=len(state.orders),
            waiting_of_account=state.waiting_of(order.account),
            problem=RefusalReason.ACCOUNT_UNKNOWN if account is None else draft.problem,
            earlier_order_id=draft.earlier_order_id,
            missing_field=_field(draft, is_missing=True),
            unfit_field=_field(draft, is_missing=False),
        )
        if account is None:
            return common
        day, week, month = usage_keys(account, self._now)
        recent = self._recent_of(draft, account)
        price = account.price_per_part
        return common.model_copy(
            update={
                "account_enabled": account.enabled,
                "has_right": account.rights.issuperset(rights_of(order)),
                "may_text_strangers": recipient.may_be_stranger,
                "sender_approved": account.may_send_as(order.sender, self._settings.sender),
                "text_allowed": _is_allowed(draft, account),
                "max_parts": account.max_parts,
                "day": self._counters.facts(day, account.day_limit),
                "week": self._counters.facts(week, account.week_limit),
                "month": self._counters.facts(month, account.month_limit),
                "last_at": recent.last_at if account.min_delay_s else None,
                "min_delay_s": account.min_delay_s,
                "same_text_at": recent.same_text_at if account.repeat_within_s else None,
                "repeat_within_s": account.repeat_within_s,
                "price": None if price is None else price * draft.parts,
                "balance": self._balances[account.account],
                "free_at": self._pacing.turn(order),
            }
        )

    def _recent_query(self, draft: OrderDraft) -> RecentQuery | None:
        account, subject_id = self._accounts.get(draft.order.account), draft.recipient.subject_id
        if account is None or subject_id is None or not account.looks_back:
            return None
        seconds = max(account.min_delay_s or 0, account.repeat_within_s or 0)
        since = self._now - timedelta(seconds=seconds)
        return RecentQuery(account.account, subject_id, draft.text_digest, since)

    def _recent_of(self, draft: OrderDraft, account: Account) -> RecentOrders:
        """Return the earlier orders, with those of this batch."""
        subject_id = draft.recipient.subject_id
        if subject_id is None or not account.looks_back:
            return _NO_ORDERS
        stored = self._recent.get((account.account, subject_id, draft.text_digest), _NO_ORDERS)
        any_text = self._recent.get((account.account, subject_id, _ANY_TEXT), _NO_ORDERS)
        return RecentOrders(any_text.last_at or stored.last_at, stored.same_text_at)

    def _remember(self, query: RecentQuery) -> None:
        account, subject_id = query.account, query.subject_id
        self._recent[account, subject_id, query.text_digest] = RecentOrders(self._now, self._now)
        self._recent[account, subject_id, _ANY_TEXT] = RecentOrders(self._now)


def _detail(draft: OrderDraft, reason: RefusalReason | None) -> str:
    """Return what the renderer says about this reason, if it comes from there."""
    problem = draft.rendered
    if isinstance(problem, RenderProblem) and problem.reason is reason:
        return problem.detail
    return ""


def _field(draft: OrderDraft, *, is_missing: bool) -> str | None:
    """Return the field that kept the template from being rendered, if it is of this kind."""
    problem = draft.rendered
    if isinstance(problem, RenderProblem) and problem.is_missing is is_missing:
        return problem.field
    return None


def _is_allowed(draft: OrderDraft, account: Account) -> bool:
    if not isinstance(draft.rendered, RenderedText):
        return True
    return is_allowed(account.patterns, draft.rendered.text, draft.order.channel)
