"""The inputs and results of decisions: events that happened, replies to send."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from schemas.events import Arrival, Command, DomainEvent
from schemas.messages import Purpose
from schemas.registration_events import RegistrationHeld, RegistrationUsage


class Disposition(StrEnum):
    """Whether a command was accepted, and if not, why: the label of its counter."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    LIMITED = "limited"
    UNKNOWN_NUMBER = "unknown_number"
    UNKNOWN_NUMBER_CEILING = "unknown_number_ceiling"


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command to decide, and what is known of it. Times are UTC; `request_id` is the MO's id.

    `registrations` and `case_open` are known only if a client asks for registration data,
    `is_recipient` (`SubjectState.is_recipient`) only if the number is no client's.
    """

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
    registrations: RegistrationUsage | None = None
    case_open: bool | None = None
    is_recipient: bool | None = None

    @property
    def heard_at(self) -> datetime | None:
        """When it arrived by the clock that all gateways share; None if that is unknown."""
        return self.arrival.heard_at if self.arrival else None


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to send to the subject."""

    message_id: UUID
    request_id: UUID
    purpose: Purpose
    template: str
    centre: str
    arrived_at: datetime
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Events in the order in which they happened, and the replies that follow from them.

    `hold` is set when the request waits for a person.

    `secret_for` is the message that will need the client's registration data; the caller
    seals it in the vault. `erase` are the messages whose secret is no longer needed.
    """

    disposition: Disposition
    events: tuple[DomainEvent, ...] = ()
    replies: tuple[Reply, ...] = ()
    secret_for: UUID | None = None
    erase: tuple[UUID, ...] = ()
    hold: RegistrationHeld | None = None


def message_id(request_id: UUID, purpose: Purpose) -> UUID:
    """Return the id of a request's message: always the same, so that repeats are detected."""
    return uuid5(request_id, purpose.value)
