"""What a decision is: events that happened and replies that are owed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from schemas.events import Arrival, Command, DomainEvent
from schemas.messages import Purpose


class Disposition(StrEnum):
    """What became of a command: the label of its counter."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    LIMITED = "limited"
    UNKNOWN_NUMBER = "unknown_number"


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command as it arrived. Times are UTC; the request's id is the text's id."""

    request_id: UUID
    command: Command
    arrived_at: datetime
    decided_at: datetime
    client_known: bool
    centre: str
    bind: str
    data_coding: int
    parts: int = 1
    arrival: Arrival | None = None

    @property
    def heard_at(self) -> datetime | None:
        """When it arrived, by the clock that all gateways share; None if nobody can say."""
        return self.arrival.heard_at if self.arrival else None


@dataclass(frozen=True, slots=True)
class Reply:
    """One message that the subject is owed."""

    message_id: UUID
    request_id: UUID
    purpose: Purpose
    template: str
    centre: str
    arrived_at: datetime
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Events in the order they happened, and the replies that follow from them.

    `secret_for` is the message that will need the client's registration: whoever carries
    the decision out seals it in the vault. `erase` are the messages whose secret is done
    with.
    """

    disposition: Disposition
    events: tuple[DomainEvent, ...] = ()
    replies: tuple[Reply, ...] = ()
    secret_for: UUID | None = None
    erase: tuple[UUID, ...] = ()


def message_id(request_id: UUID, purpose: Purpose) -> UUID:
    """Return the id of a request's message: always the same, so a repeat is recognised."""
    return uuid5(request_id, purpose.value)
