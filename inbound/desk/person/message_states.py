"""How each state of a message is shown: one word, one colour, one icon, everywhere. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inbound.timeline.model import ReplyStatus
from schemas.orders import OrderState


@dataclass(frozen=True, slots=True)
class StateBadge:
    """`word` is a key of the desk's words, `colour` a class, `icon` a macro's name."""

    word: str
    colour: str
    icon: str


_WAITS: Final = StateBadge("waiting", "open", "wait")
_SENT: Final = StateBadge("on its way", "open", "sent")
_DELIVERED: Final = StateBadge("delivered", "good", "ok")
_UNDELIVERED: Final = StateBadge("not delivered", "bad", "bad")
_UNSURE: Final = StateBadge("delivery uncertain", "unsure", "unsure")
_REJECTED: Final = StateBadge("rejected", "bad", "bad")
_EXPIRED: Final = StateBadge("expired", "bad", "bad")
_ERASED: Final = StateBadge("erased", "soft", "bad")

OF_REPLY: Final[Mapping[ReplyStatus, StateBadge]] = {
    ReplyStatus.WAITING: _WAITS,
    ReplyStatus.HELD: StateBadge("held", "open", "unsure"),
    ReplyStatus.ON_ITS_WAY: _SENT,
    ReplyStatus.DELIVERED: _DELIVERED,
    ReplyStatus.UNDELIVERABLE: _UNDELIVERED,
    ReplyStatus.UNDETERMINED: _UNSURE,
    ReplyStatus.REJECTED: _REJECTED,
    ReplyStatus.UNKNOWN: _UNSURE,
    ReplyStatus.EXPIRED: _EXPIRED,
    ReplyStatus.ERASED: _ERASED,
}
OF_ORDER: Final[Mapping[OrderState, StateBadge]] = {
    OrderState.SCHEDULED: StateBadge("scheduled", "open", "wait"),
    OrderState.QUEUED: _WAITS,
    OrderState.SENT: _SENT,
    OrderState.DELIVERED: _DELIVERED,
    OrderState.UNDELIVERED: _UNDELIVERED,
    OrderState.UNKNOWN: _UNSURE,
    OrderState.REJECTED: _REJECTED,
    OrderState.EXPIRED: _EXPIRED,
    OrderState.WITHHELD: StateBadge("withheld", "bad", "bad"),
    OrderState.CANCELLED: StateBadge("cancelled", "soft", "bad"),
    OrderState.REFUSED: StateBadge("refused", "bad", "bad"),
    OrderState.ERASED: _ERASED,
}
