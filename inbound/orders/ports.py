"""What the intake needs of the templates of orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from typing_extensions import override

from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Transaction
from schemas.orders import RefusalReason


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """A template to render: its newest version if `version` is None, in the client's language.

    `number_hash` or `subject_id` leads to that language; without one it is the template's first.
    Fields that the template doesn't have are ignored.
    """

    name: str
    version: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    number_hash: bytes | None = None
    subject_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class RenderedText:
    """A text, and the version and language that it was rendered from."""

    text: str = field(repr=False)
    version: int | None = None
    language: str | None = None
    resend_unknown: bool = False


@dataclass(frozen=True, slots=True)
class RenderProblem:
    """Why a template was not rendered: TEMPLATE_UNKNOWN or TEMPLATE_FIELDS.

    `detail` is for people; it may name fields and never their values. `field` is the field of the
    template that `is_missing`, or whose value doesn't fit.
    """

    reason: RefusalReason
    detail: str = ""
    field: str | None = None
    is_missing: bool = False


class OrderTemplates(Protocol):
    """The templates of orders."""

    async def render(self, uses: Sequence[TemplateUse]) -> Sequence[RenderedText | RenderProblem]:
        """Render many templates; return one answer for each, in order.

        A fixed number of round trips, whatever the length. Raises RetryableError.
        """
        ...


class NoTemplates(OrderTemplates):
    """A service without templates of orders."""

    @override
    async def render(self, uses: Sequence[TemplateUse]) -> list[RenderedText | RenderProblem]:
        return [
            RenderProblem(RefusalReason.TEMPLATE_UNKNOWN, f"there is no template {use.name}")
            for use in uses
        ]


@dataclass(frozen=True, slots=True)
class Placed:
    """What happened to one order when it was placed: the answer to its entry point.

    `is_repeated` says that the idempotency key was used before: the answer is that of the first
    time. A refusal has a `reason`, perhaps a `detail`; `price` is what was charged, None without a
    price and for a refusal.
    """

    order_id: UUID
    state: str
    parts: int
    reason: RefusalReason | None = None
    detail: str = ""
    is_repeated: bool = False
    price: Decimal | None = None


class Companion(Protocol):
    """Takes part in the transaction that places a batch, for example to move a cursor with it."""

    async def begin(self, transaction: Transaction) -> None:
        """Read and lock what the batch depends on; called again when the transaction is repeated.

        Raise Conflict to have it repeated, any other exception to give it up.
        """
        ...

    def finish(self, changes: Changes, placed: Sequence[Placed]) -> None:
        """Add to what is written; `placed` has the answer to each order."""
        ...
