"""Switching notifications and broadcasts on or off for a person who asked an operator. Pure."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from inbound.handlers.registrations import Operator
from inbound.handlers.state import SubjectState
from schemas.domain_event import DomainEvent
from schemas.events import SubscriptionStarted, SubscriptionStopped


def decide_switch(
    state: SubjectState, operator: Operator, *, on: bool, switch_id: UUID, at: datetime
) -> SubscriptionStarted | SubscriptionStopped | None:
    """Return the event of a switch, None if notifications are like that already.

    It has the effect of the person's own `CLIENT sms start` or `stop`; nobody is texted.
    `switch_id` stands for the request that there is not.
    """
    if state.notifications_on is on:
        return None
    kind = SubscriptionStarted if on else SubscriptionStopped
    return kind(request_id=switch_id, at=at, by=operator.name, reason=operator.reason)


def decide_confirmation(
    history: Iterable[DomainEvent], operator: Operator, *, switch_id: UUID, at: datetime
) -> SubscriptionStopped | None:
    """Return a stop by an operator on top of one by text, None if there is none by text.

    The person asked for it, so it is not undone although the text may have been spoofed
    (`inbound.handlers.registrations.stop_to_undo`). `history` are the events of the person, who has
    notifications switched off.
    """
    stops = [event for event in history if isinstance(event, SubscriptionStopped)]
    if not stops or stops[-1].by is not None:
        return None
    return SubscriptionStopped(
        request_id=switch_id, at=at, by=operator.name, reason=operator.reason
    )
