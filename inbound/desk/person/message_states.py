"""How each state of a message is shown: one word, one colour, one icon, everywhere. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inbound.timeline.model import ReplyStatus
from schemas.orders import OrderState


@dataclass(frozen=True, slots=True)
class Shown:
    """`word` is a key of the desk's words, `colour` a class, `icon` a macro's name."""

    word: str
    colour: str
    icon: str


_WAITS: Final = Shown("waiting", "open", "wait")
_SENT: Final = Shown("on its way", "open", "sent")
_DELIVERED: Final = Shown("delivered", "good", "ok")
_UNDELIVERED: Final = Shown("not delivered", "bad", "bad")
_UNSURE: Final = Shown("delivery uncertain", "unsure", "unsure")
_REJECTED: Final = Shown("rejected", "bad", "bad")
_EXPIRED: Final = Shown("expired", "bad", "bad")
_ERASED: Final = Shown("erased", "soft", "bad")

OF_REPLY: Final[Mapping[ReplyStatus, Shown]] = {
    ReplyStatus.WAITING: _WAITS,
    ReplyStatus.HELD: Shown("held", "open", "unsure"),
    ReplyStatus.ON_ITS_WAY: _SENT,
    ReplyStatus.DELIVERED: _DELIVERED,
    ReplyStatus.UNDELIVERABLE: _UNDELIVERED,
    ReplyStatus.UNDETERMINED: _UNSURE,
    ReplyStatus.REJECTED: _REJECTED,
    ReplyStatus.UNKNOWN: _UNSURE,
    ReplyStatus.EXPIRED: _EXPIRED,
    ReplyStatus.ERASED: _ERASED,
}
OF_ORDER: Final[Mapping[OrderState, Shown]] = {
    OrderState.SCHEDULED: Shown("scheduled", "open", "wait"),
    OrderState.QUEUED: _WAITS,
    OrderState.SENT: _SENT,
    OrderState.DELIVERED: _DELIVERED,
    OrderState.UNDELIVERED: _UNDELIVERED,
    OrderState.UNKNOWN: _UNSURE,
    OrderState.REJECTED: _REJECTED,
    OrderState.EXPIRED: _EXPIRED,
    OrderState.WITHHELD: Shown("withheld", "bad", "bad"),
    OrderState.CANCELLED: Shown("cancelled", "soft", "bad"),
    OrderState.REFUSED: Shown("refused", "bad", "bad"),
    OrderState.ERASED: _ERASED,
}
