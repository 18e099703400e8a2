"""How the states of a broadcast's recipients are shown: as those of messages. Pure."""

from collections.abc import Mapping
from typing import Final

from inbound.desk.person.message_states import OF_ORDER, StateBadge
from inbound.store.broadcasts.rows import RecipientState
from schemas.orders import OrderState

OF_RECIPIENT: Final[Mapping[RecipientState, StateBadge]] = {
    RecipientState.WAITING: OF_ORDER[OrderState.QUEUED],
    RecipientState.SENT: OF_ORDER[OrderState.SENT],
    RecipientState.DELIVERED: OF_ORDER[OrderState.DELIVERED],
    RecipientState.UNDELIVERED: OF_ORDER[OrderState.UNDELIVERED],
    RecipientState.UNKNOWN: OF_ORDER[OrderState.UNKNOWN],
    RecipientState.WITHHELD: OF_ORDER[OrderState.WITHHELD],
    RecipientState.REFUSED: OF_ORDER[OrderState.REFUSED],
}
