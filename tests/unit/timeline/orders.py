"""A person to whom accounts send, as the store would return its events."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from inbound.handlers.order_results import decide_order_result, reschedule
from inbound.handlers.orders import (
    SendingTime,
    decide_order,
    dispatched_message_id,
    request_of_order,
)
from inbound.timeline.model import Language, OrderTimeline
from schemas.message_events import (
    DeliveryEvent,
    MessageDelivered,
    MessageUndeliverable,
    MessageUndetermined,
)
from schemas.messages import Outcome, PartResult, Purpose, ReceiptState, SubmitResult
from schemas.order_events import OrderCancelled, OrderDecided, OrderExpired
from schemas.order_facts import OrderFacts, OrderRequest
from schemas.orders import OrderKind, OrderState, WithheldReason
from schemas.sending_hours import SendingHours
from schemas.upcasters import read_event
from tests.unit.timeline.world import NOON, SUBJECT, Person, seconds

DAY = 86_400
BROADCAST = UUID(int=70)
HOURS = SendingHours.parse("10:00-12:00")
_DELIVERIES: dict[ReceiptState, type[DeliveryEvent]] = {
    ReceiptState.DELIVERED: MessageDelivered,
    ReceiptState.UNKNOWN: MessageUndetermined,
}


@dataclass(frozen=True)
class Row:
    """The stored row of an order."""

    order_id: UUID
    state: OrderState
    changed_at: datetime = NOON
    due_at: datetime | None = None
    broadcast: str | None = None
    currency: str | None = None
    is_paused: bool = False
    text_digest: bytes = b""


class Recipient(Person):
    """A person with one or more orders; the order's messages are those of the first dispatch."""

    def ordered(
        self, at_s: float = 0, kind: OrderKind = OrderKind.NOTIFICATION, **how: Any
    ) -> UUID:
        """An order, accepted or refused. Fields: of OrderRequest and OrderFacts."""
        order_id = UUID(int=2000 + len(self.stored))
        fields = {name: how.pop(name) for name in [*how] if name in OrderRequest.model_fields}
        request = OrderRequest(
            order_id=order_id,
            kind=kind,
            **{"account": "shop", "template": "text"} | fields,
        )
        facts = OrderFacts(
            decided_at=seconds(at_s),
            valid_for_s=DAY,
            client_known=how.pop("client_known", True),
            notifications_on=self.state.notifications_on,
            **how,
        )
        self.recorded(decide_order(request, facts), at_s)
        return order_id

    def of_broadcast(self, at_s: float = 0, **how: Any) -> UUID:
        """A message of a broadcast."""
        return self.ordered(at_s, OrderKind.BROADCAST, broadcast_id=BROADCAST, **how)

    def sent(
        self, order_id: UUID, outcome: Outcome = Outcome.SUBMITTED, at_s: float = 1, **fields: Any
    ) -> None:
        """The result of the order's open message."""
        dispatch = self.state.orders[order_id].dispatch
        taken = outcome is Outcome.SUBMITTED
        values: dict[str, Any] = {
            "message_id": dispatched_message_id(order_id, dispatch),
            "subject_id": SUBJECT,
            "order_id": order_id,
            "key": "k",
            "purpose": self._purpose(order_id),
            "template": "text",
            "outcome": outcome,
            "parts": (PartResult(status=0, smsc_message_id="17"),) if taken else (),
            "centre": "main",
            "bind": "main-1",
            "gateway": "gw-1",
            "at": seconds(at_s),
        }
        result = SubmitResult(**(values | fields))
        for event in decide_order_result(self.state, result).events:
            self.recorded(event, at_s)

    def withheld(self, order_id: UUID, reason: WithheldReason, at_s: float = 1) -> None:
        """The open message was not submitted."""
        self.sent(order_id, Outcome.EXPIRED, at_s, withheld=reason, bind="-", gateway="gw-1")

    def got(self, order_id: UUID, state: ReceiptState, at_s: float = 5, **more: Any) -> None:
        """The receipt of the order's first message."""
        event = _DELIVERIES.get(state, MessageUndeliverable)(
            message_id=dispatched_message_id(order_id, 1),
            order_id=order_id,
            purpose=self._purpose(order_id),
            template="text",
            state=state,
            centre="main",
            bind="main-1",
            at=seconds(at_s),
            **({"parts": 1} | more),
        )
        self.recorded(event, at_s)

    def cancels(self, order_id: UUID, at_s: float = 600) -> None:
        """The order is cancelled."""
        self.recorded(OrderCancelled(order_id=order_id, at=seconds(at_s)), at_s)

    def refused_when_due(self, order_id: UUID, at_s: float = DAY) -> None:
        """The account was disabled while the order waited."""
        decided = next(
            event
            for one in self.stored
            if isinstance(event := read_event(one.type, one.schema_version, one.data), OrderDecided)
            and event.order_id == order_id
        )
        request, facts = request_of_order(decided)
        again = {"decided_at": seconds(at_s), "accepted_at": facts.decided_at}
        disabled = facts.model_copy(update={**again, "account_enabled": False})
        self.recorded(decide_order(request, disabled), at_s)

    def expires(self, order_id: UUID, at_s: float = DAY) -> None:
        """The order expires while it waits."""
        self.recorded(OrderExpired(order_id=order_id, at=seconds(at_s)), at_s)

    def moves(self, order_id: UUID, due_s: float, at_s: float = 600) -> None:
        """The order is scheduled for another time."""
        order = self.state.orders[order_id]
        time = SendingTime(seconds(due_s), order.last_at, order.last_at)
        self.recorded(reschedule(order_id, order, time, seconds(at_s)), at_s)

    def only_order(self, now_s: float = 60, **fields: Any) -> OrderTimeline:
        """The only order of this person."""
        [order] = self.timeline(now_s, **fields).orders
        return order

    def order_sentences(self, now_s: float = 60, **fields: Any) -> dict[str, str]:
        """What is said of it to the client and to support, in both languages."""
        said: dict[str, str] = {}
        for language in (Language.EN, Language.RU):
            order = self.only_order(now_s, language=language, **fields)
            said[language.value] = order.sentence
            if order.advice is not None:
                said[f"{language.value}_advice"] = order.advice
        return said

    def _purpose(self, order_id: UUID) -> Purpose:
        decided = (self._decided(stored.data, stored.type) for stored in self.stored)
        order = next(one for one in decided if one and one.order_id == order_id)
        is_broadcast = order.kind is OrderKind.BROADCAST
        return Purpose.BROADCAST if is_broadcast else Purpose.NOTIFICATION

    @staticmethod
    def _decided(data: bytes, type_: str) -> OrderDecided | None:
        is_decision = type_ in {"order.accepted", "order.refused"}
        return OrderDecided.model_validate_json(data) if is_decision else None
