"""Switching notifications and broadcasts on or off for a person who asked an operator. Pure."""

from datetime import datetime
from uuid import UUID

from inbound.handlers.registrations import Operator
from inbound.handlers.state import SubjectState
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
