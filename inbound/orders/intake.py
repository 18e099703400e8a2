"""Places batches of orders, whichever entry point they come from.

A batch is one transaction: it decides every order (`inbound.handlers.orders`) and writes events,
orders, sealed texts, counters and outbox rows. Accounts with limits or a balance are locked first,
so that concurrent processes don't exceed them; the log lock comes last, as everywhere. The number
of round trips doesn't depend on the size of the batch.

An order with an idempotency key that was used before is not placed again: it gets the first one's
answer. If it is another order, it is refused under an id of its own.
"""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from inbound.errors import RetryableError
from inbound.orders.drafting import Drafts, OrderDraft
from inbound.orders.ports import Companion, Placed
from inbound.orders.recipients import RecipientFinder
from inbound.orders.tools import IntakeSettings, IntakeTools
from inbound.orders.writing import OrderBatchWriter
from inbound.store.errors import Conflict
from inbound.store.orders.rows import STRANGERS
from inbound.store.transactions.port import Transaction
from inbound.subjects import Subjects
from schemas.orders import Order

MOST_IN_BATCH: Final = 1000

CONFLICTS: Final = 20
"""The most attempts that may lose to other transactions; with their pauses about 5 s."""

_ATTEMPTS: Final = 5


class Intake:
    """Places orders. One batch at a time: a second one waits for the first."""

    def __init__(
        self, tools: IntakeTools, settings: IntakeSettings, *, conflicts: int = CONFLICTS
    ) -> None:
        """`conflicts` is the attempt at which a batch that loses to others is given up."""
        self._tools = tools
        self._settings = settings
        self._conflicts = conflicts
        self._recipients = RecipientFinder(tools.directory, tools.subject_hasher)

    async def place(
        self, orders: Sequence[Order], companion: Companion | None = None
    ) -> list[Placed]:
        """Place up to `MOST_IN_BATCH` orders in one transaction; return an answer for each.

        Durable when it returns. Blocks on the directory and the database, and tries a few times;
        more often while it only loses to transactions that change the same people. Finally raises
        RetryableError: then only orders with an idempotency key are safe to place again. The
        `companion` takes part in the transaction.
        """
        if len(orders) > MOST_IN_BATCH:
            raise ValueError(f"a batch has at most {MOST_IN_BATCH} orders")
        if not orders:
            return []
        drafts = await Drafts(self._tools, self._settings, self._recipients).make(orders)
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RetryableError),
            wait=wait_random_exponential(multiplier=0.01, max=0.5),
            stop=self._gives_up,
            reraise=True,
        ):
            with attempt:
                # An attempt that failed may have been committed: then its orders are found.
                is_first = attempt.retry_state.attempt_number == 1
                known = {
                    order_id
                    for draft in drafts
                    for order_id in (draft.order_id, draft.refusal_id)[: 1 if is_first else 2]
                    if draft.order.idempotency_key is not None or not is_first
                }
                async with self._tools.store.transaction() as transaction:
                    if companion is not None:
                        await companion.begin(transaction)
                    writer = await self._decide(transaction, drafts, known)
                    changes = writer.changes()
                    if companion is not None:
                        companion.finish(changes, writer.placed)
                    await transaction.write(changes)
                writer.subjects.remember()
                return writer.placed
        raise AssertionError("tenacity returns or raises")

    def _gives_up(self, attempt: RetryCallState) -> bool:
        error = attempt.outcome.exception() if attempt.outcome else None
        most = self._conflicts if isinstance(error, Conflict) else _ATTEMPTS
        return attempt.attempt_number >= most

    async def _decide(
        self,
        transaction: Transaction,
        drafts: Sequence[OrderDraft],
        perhaps_placed: Collection[UUID],
    ) -> OrderBatchWriter:
        accounts = await transaction.accounts({draft.order.account for draft in drafts})
        placed = await transaction.orders(perhaps_placed) if perhaps_placed else {}
        before = [placed.get(one.refusal_id) or placed.get(one.order_id) for one in drafts]
        new = [
            draft
            for draft, row in zip(drafts, before, strict=True)
            if row is None or row.content_digest != draft.content_digest
        ]
        people = [draft.recipient for draft in new]
        for draft in new:
            account = accounts.get(draft.order.account)
            draft.recipient.may_be_stranger = account is not None and STRANGERS in account.rights
        await self._recipients.find_subjects(transaction, people)
        subjects = Subjects(transaction, self._tools.cache)
        await subjects.load([one.subject_id for one in people if one.subject_id is not None])
        writer = OrderBatchWriter(self._tools, self._settings, subjects, accounts)
        await writer.load(transaction, new)
        for draft, row in zip(drafts, before, strict=True):
            writer.write(draft, row)
        return writer
