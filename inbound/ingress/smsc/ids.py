"""The ids of messages of SMSC's programs, and the orders that have them."""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from typing_extensions import override

from inbound.ingress.smsc.answers import SmscError
from inbound.ingress.smsc.codes import ErrorCode
from inbound.orders.ports import Companion, Placed
from inbound.store.sealing import Sealer
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Transaction
from schemas.orders import Order

DIALECT: Final = "smsc"
"""What the keys of its orders begin with."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEY: Final = re.compile(rf"{DIALECT}:[a-z]+:({_ID.pattern}:.*)", re.DOTALL)


class IdKind(Enum):
    """Who gave a message its id. Both may give the same number to different messages.

    The values stand in keys of orders and never change.
    """

    PROGRAM = "own"
    SERVICE = "number"


class MessageId(NamedTuple):
    """The id of a message, which all phones of its list share."""

    text: str
    kind: IdKind

    def order_key(self, phone: str) -> str:
        """Return the key of the order of one phone among those of the message."""
        return f"{self.kind.value}:{self.text}:{phone}"


def check_id(text: str) -> None:
    """Raise SmscError if this can be no id of a message."""
    if not _ID.fullmatch(text):
        raise SmscError(ErrorCode.PARAMETERS)


class Naming(Companion):
    """Stores the ids of messages with their orders, for calls in SMSC's form."""

    def __init__(self, orders: Sequence[Order], sealer: Sealer) -> None:
        self._named = [_name_of(order) for order in orders]
        self._sealer = sealer

    @override
    async def begin(self, transaction: Transaction) -> None:
        pass

    @override
    def finish(self, changes: Changes, placed: Sequence[Placed]) -> None:
        for name, one in zip(self._named, placed, strict=True):
            if name is not None and one.reason is None and not one.is_repeated:
                sealed = self._sealer.smsc_id(name, one.order_id)
                changes.orders.smsc_ids[one.order_id] = sealed


def _name_of(order: Order) -> str | None:
    """Return `id:phone` of a message of SMSC's program, as in its key; None of any other.

    The phone is that of the program, which may be an e-mail address.
    """
    found = _KEY.fullmatch(order.idempotency_key or "")
    return found[1] if found else None
