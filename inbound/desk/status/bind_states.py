"""How each state of a bind and each lane is shown: one word, one colour, one icon. Pure."""

from collections.abc import Mapping
from typing import Final

from inbound.desk.person.message_states import StateBadge
from schemas.lanes import Lane

_DOWN: Final = StateBadge("not bound", "bad", "bad")

OF_BIND: Final[Mapping[str, StateBadge]] = {
    "bound": StateBadge("bound", "good", "ok"),
    "connecting": StateBadge("connecting", "open", "wait"),
    "unbinding": StateBadge("unbinding", "open", "wait"),
    "down": _DOWN,
    "closed": _DOWN,
    "gone": StateBadge("no longer reporting", "unsure", "unsure"),
}
OF_LANE: Final[Mapping[Lane, str]] = {
    Lane.URGENT: "urgent: acknowledgements",
    Lane.NORMAL: "normal: replies and notifications",
    Lane.BULK: "bulk: broadcasts",
    Lane.CHANNELS: "channels: e-mail, Telegram and others",
}


def shown_bind(state: str) -> StateBadge:
    """Return how a state is shown; one of a newer release as not bound."""
    return OF_BIND.get(state, _DOWN)
