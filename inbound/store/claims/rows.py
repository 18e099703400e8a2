"""A claim, and what the vault keeps for a message. Sealed values are in the clear here."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from schemas.messages import SubmitResult
from schemas.orders import WithheldReason

_OF_ATTEMPT: Final = {
    *("outcome", "withheld", "attempt", "parts", "id_form", "attempts", "attempts_left_out"),
    *("centre", "bind", "gateway", "sent_at", "at"),
}
"""The fields that the message lacks.

No number, no text, and not the key, which stands for a number.
"""


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
    be submitted. `address` is where a channel sends it, if that is not the number.
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
    address: str | None = field(default=None, repr=False)


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


def record_of(result: SubmitResult) -> RecordedResult:
    """Return a final result as it is recorded in the claim of its message."""
    data = result.model_dump_json(include=_OF_ATTEMPT, exclude_none=True)
    return RecordedResult(result.message_id, result.attempt, data)
