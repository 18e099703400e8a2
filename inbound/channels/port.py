"""The port of a channel: it takes one message at a time and says what its server answered.

The answers are those of an SMS centre, so that the sender treats all messages alike: a status of
SMPP, and the server's id of the message. Nothing here retries.
"""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from inbound.smpp.errors import NotSentError
from inbound.smpp.status import Status


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send. `text` is in the written form of its channel."""

    message_id: UUID
    address: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server took the message; `server_id` is what it, or we, call it there."""

    server_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server did not take the message. With `pause_s` it wants no message for so long."""

    status: Status
    pause_s: float = 0.0


class UnavailableError(NotSentError):
    """The channel can't be used now; str() says why, for operators, and quotes no message."""


class ChannelAdapter(Protocol):
    """One channel."""

    async def deliver(self, outgoing: Outgoing) -> Accepted | Refused:
        """Hand one message over. Several may be under way.

        Raises `UnavailableError` when the server has not seen the message: sending it again can't
        duplicate it. Raises `UnansweredError` when the server may have taken it, and
        `UnencodableError` when the message can't be sent as it is.
        """
        ...

    async def close(self) -> None:
        """Give back what the adapter keeps open."""
        ...
