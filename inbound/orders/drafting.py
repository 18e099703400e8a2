"""Drafts: orders with their text, recipient and digests, before the transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from inbound.handlers.orders import OWN_TEXT
from inbound.orders.ports import RenderedText, RenderProblem, TemplateUse
from inbound.orders.recipients import OrderRecipient, RecipientFinder
from inbound.orders.tools import IntakeSettings, IntakeTools
from inbound.parsers.channel_addresses import ADDRESSED
from inbound.parsers.channel_texts import UNDIVIDED
from inbound.smpp.segmentation import UnsendableTextError, part_count
from schemas.channels import Channel
from schemas.orders import Order, OrderKind, RefusalReason

_NOT_CONTENT: Final = {"idempotency_key", "traceparent", "entry", "order_id", "is_bulk"}
_TOO_MANY_PARTS: Final = 255
_NO_ADDRESS: Final = RenderProblem(
    RefusalReason.RECIPIENT_UNKNOWN, "the directory has no address of this client in the channel"
)

_Way = tuple[Channel, str]
"""A channel and a number."""


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """An order that is ready to be decided.

    `earlier_order_id` names another order that has its idempotency key; then it is refused, and
    `refusal_id` is its id. `address` is where its channel sends it, if that is not the number.
    """

    order: Order
    order_id: UUID
    recipient: OrderRecipient
    rendered: RenderedText | RenderProblem
    parts: int
    content_digest: bytes
    text_digest: bytes
    refusal_id: UUID
    earlier_order_id: UUID | None = None
    address: str | None = field(default=None, repr=False)

    @property
    def template(self) -> str:
        """The name of its template."""
        return self.order.template or OWN_TEXT

    @property
    def resend_unknown(self) -> bool:
        """Whether its message is sent again when its outcome is unknown."""
        return (
            isinstance(self.rendered, RenderedText)
            and self.rendered.resend_unknown
            and self.order.kind is not OrderKind.BROADCAST
        )

    @property
    def problem(self) -> RefusalReason | None:
        """Why it can't be carried out, whatever is decided."""
        if self.earlier_order_id is not None:
            return RefusalReason.IDEMPOTENCY_KEY_REUSED
        rendering = self.rendered.reason if isinstance(self.rendered, RenderProblem) else None
        return self.recipient.problem or rendering

    def with_key_of(self, order_id: UUID) -> "OrderDraft":
        """Return this draft as one whose idempotency key another order has."""
        return replace(self, order_id=self.refusal_id, earlier_order_id=order_id)


class Drafts:
    """Makes the drafts of one batch."""

    def __init__(
        self, tools: IntakeTools, settings: IntakeSettings, recipients: RecipientFinder
    ) -> None:
        self._tools = tools
        self._settings = settings
        self._recipients = recipients
        self._counted: dict[str, int] = {}

    async def make(self, orders: Sequence[Order]) -> list[OrderDraft]:
        """Return a draft of each order. Blocks on the directory and the templates."""
        recipients = await self._recipients.look_up(orders)
        rendered = await self._render(orders, recipients)
        addresses = await self._addresses(orders, recipients)
        return [
            self._draft(order, recipient, text, addresses)
            for order, recipient, text in zip(orders, recipients, rendered, strict=True)
        ]

    async def _addresses(
        self, orders: Sequence[Order], recipients: Sequence[OrderRecipient]
    ) -> Mapping[_Way, str]:
        """Return the addresses of orders whose channel doesn't send to the number."""
        wanted: dict[Channel, list[str]] = {}
        for order, one in zip(orders, recipients, strict=True):
            if order.channel in ADDRESSED and one.number is not None:
                wanted.setdefault(order.channel, []).append(one.number)
        found: dict[_Way, str] = {}
        for channel, numbers in wanted.items():
            of_channel = await self._tools.directory.addresses(channel, sorted(set(numbers)))
            found |= {(channel, number): address for number, address in of_channel.items()}
        return found

    async def _render(
        self, orders: Sequence[Order], recipients: Sequence[OrderRecipient]
    ) -> list[RenderedText | RenderProblem]:
        uses = [
            TemplateUse(
                order.template,
                order.template_version,
                order.fields,
                one.number_hash,
                one.named_subject,
            )
            for order, one in zip(orders, recipients, strict=True)
            if order.template is not None
        ]
        texts = iter(await self._tools.templates.render(uses) if uses else ())
        return [
            next(texts) if order.template is not None else RenderedText(order.text or "")
            for order in orders
        ]

    def _draft(
        self,
        order: Order,
        recipient: OrderRecipient,
        rendered: RenderedText | RenderProblem,
        addresses: Mapping[_Way, str],
    ) -> OrderDraft:
        hasher = self._tools.order_hasher
        key = order.idempotency_key
        order_id = hasher.order_id(order.account, key) if key else self._tools.new_id()
        address = None
        if order.channel in ADDRESSED and recipient.number is not None:
            address = addresses.get((order.channel, recipient.number))
            rendered = _NO_ADDRESS if address is None else rendered
        text = rendered.text if isinstance(rendered, RenderedText) else ""
        # Relative times are other moments when an order is repeated, so they go in as written.
        left_out = _NOT_CONTENT | order.as_written.keys()
        content = order.model_dump_json(exclude=left_out, exclude_defaults=True)
        return OrderDraft(
            order=order,
            order_id=order.order_id or order_id,
            recipient=recipient,
            rendered=rendered,
            parts=1 if order.channel in UNDIVIDED else self._parts(text),
            content_digest=hasher.digest(b"order", content.encode()),
            text_digest=hasher.digest(b"text", text.encode()),
            refusal_id=self._tools.new_id(),
            address=address,
        )

    def _parts(self, text: str) -> int:
        """Count the parts of a text; many orders of a batch often have the same text."""
        parts = self._counted.get(text)
        if parts is None:
            try:
                parts = part_count(text, self._settings.alphabet)
            except UnsendableTextError:
                parts = _TOO_MANY_PARTS
            self._counted[text] = parts
        return parts
