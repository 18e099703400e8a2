"""Turns a draft into the request that is decided and recorded, and into the stored row."""

from datetime import datetime

from inbound.handlers.order_progress import refused_state
from inbound.orders.drafting import OrderDraft
from inbound.orders.ports import RenderedText
from inbound.store.orders.rows import OrderRow
from schemas.order_events import OrderAccepted, OrderRefused
from schemas.order_facts import OrderRequest
from schemas.orders import OrderEntry, OrderState


def request_of(draft: OrderDraft) -> OrderRequest:
    """Return the request to decide: the order without recipient and text."""
    order = draft.order
    rendered = draft.rendered if isinstance(draft.rendered, RenderedText) else None
    return OrderRequest(
        order_id=draft.order_id,
        account=order.account,
        kind=order.kind,
        template=draft.template,
        template_version=rendered.version if rendered else order.template_version,
        language=rendered.language if rendered else None,
        sender=order.sender,
        parts=draft.parts,
        not_before=order.not_before,
        expires_at=order.expires_at,
        hours=order.hours,
        broadcast_id=order.broadcast_id,
        channel=order.channel,
    )


def row_of(draft: OrderDraft, decided: OrderAccepted | OrderRefused, now: datetime) -> OrderRow:
    """Return the row of a decided order."""
    accepted = decided if isinstance(decided, OrderAccepted) else None
    if isinstance(decided, OrderRefused):
        state, due_at = refused_state(decided), None
    else:
        # Bulk waits for the turn of its account, even if it is due.
        is_due = decided.due_at <= now and not draft.order.is_bulk
        state = OrderState.QUEUED if is_due else OrderState.SCHEDULED
        due_at = None if is_due else decided.due_at
    return OrderRow(
        order_id=decided.order_id,
        account=decided.account,
        subject_id=draft.recipient.subject_id,
        kind=decided.kind,
        state=state,
        reason=decided.reason.value if isinstance(decided, OrderRefused) else None,
        template=decided.template,
        template_version=decided.template_version,
        language=decided.language,
        sender=decided.sender,
        parts=decided.parts,
        price=accepted.price if accepted else None,
        content_digest=draft.content_digest,
        text_digest=draft.text_digest,
        created_at=now,
        changed_at=now,
        due_at=due_at,
        not_after=accepted.not_after if accepted else None,
        last_at=accepted.last_at if accepted else None,
        hours=decided.hours,
        resend_unknown=draft.resend_unknown,
        broadcast_id=decided.broadcast_id,
        # Orders over Kafka got no answer; other callers know of the refusal already.
        callback=draft.order.callback
        and (accepted is not None or draft.order.entry is OrderEntry.KAFKA),
        traceparent=draft.order.traceparent,
        was_scheduled=due_at is not None,
        stranger_hash=draft.recipient.number_hash if draft.recipient.subject_id is None else None,
        is_bulk=draft.order.is_bulk,
        channel=decided.channel,
    )
