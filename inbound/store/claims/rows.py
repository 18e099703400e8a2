"""A claim, and what the vault keeps for a message. Sealed values are in the clear here."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from schemas.orders import WithheldReason


@dataclass(frozen=True, slots=True)
class Secret:
    """What one MT needs at encoding time; sealed in the vault, then erased."""

    message_id: UUID
    plaintext: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A message that the gateway may send. `number` is None for an erased person.

    `first` is False when the message was claimed before, `age_s` seconds ago: that attempt has
    an unknown outcome, and the policy of the template says whether to resend. It has none if
    that gateway recorded its final `result`.

    `text` is the text of an order, None if it was deleted. A message that is `withheld` must not
    be submitted.
    """

    message_id: UUID
    first: bool
    attempt: int
    number: str | None = field(repr=False)
    secret: bytes | None = field(repr=False)
    age_s: float = field(default=0.0, compare=False)
    result: str | None = None
    text: str | None = field(default=None, repr=False)
    withheld: WithheldReason | None = None


class ToClaim(NamedTuple):
    """A message to claim: of a request, or with `order_id` of an order.

    With `consent_needed` it is withheld from a person who has opted out.
    """

    message_id: UUID
    subject_id: UUID
    order_id: UUID | None = None
    consent_needed: bool = False


@dataclass(frozen=True, slots=True)
class RecordedResult:
    """The final result of an attempt, as its gateway wrote it: JSON without number and key."""

    message_id: UUID
    attempt: int
    result: str
