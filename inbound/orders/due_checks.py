"""Checks a scheduled order again when it is due: what its account may do now. Pure."""

from datetime import datetime
from typing import Final

from inbound.handlers.orders import decide_order
from inbound.store.orders.rows import Account, OrderRow, rights_to_send
from schemas.order_events import OrderRefused
from schemas.order_facts import OrderFacts, OrderRequest
from schemas.orders import RefusalReason

_CHECKED: Final = frozenset(
    {
        *(RefusalReason.ACCOUNT_UNKNOWN, RefusalReason.ACCOUNT_DISABLED),
        *(RefusalReason.RIGHT_MISSING, RefusalReason.SENDER_NOT_APPROVED),
    }
)


def refusal_of(
    order: OrderRow, account: Account | None, service_sender: str, now: datetime
) -> OrderRefused | None:
    """Return the event that refuses a due order; None if its account may still send it."""
    facts = OrderFacts(
        decided_at=now,
        accepted_at=order.created_at,
        valid_for_s=0,  # it has its own time of expiry
        client_known=True,
        problem=RefusalReason.ACCOUNT_UNKNOWN if account is None else None,
    )
    if account is not None:
        now_allowed = {
            "account_enabled": account.enabled,
            "has_right": account.rights.issuperset(rights_to_send(order.kind, order.channel)),
            "sender_approved": account.may_send_as(order.sender, service_sender),
        }
        facts = facts.model_copy(update=now_allowed)
    decided = decide_order(_request(order), facts)
    if isinstance(decided, OrderRefused) and decided.reason in _CHECKED:
        return decided
    return None


def _request(order: OrderRow) -> OrderRequest:
    return OrderRequest(
        order_id=order.order_id,
        account=order.account,
        kind=order.kind,
        template=order.template,
        template_version=order.template_version,
        language=order.language,
        sender=order.sender,
        parts=order.parts,
        expires_at=order.last_at,
        hours=order.hours,
        broadcast_id=order.broadcast_id,
        channel=order.channel,
    )
