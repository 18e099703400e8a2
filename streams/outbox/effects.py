"""The effects of a transition: what the driver does for a message that changes its phase."""

from dataclasses import field
from datetime import timedelta

from schemas.messages import Outcome, SubmitResult
from schemas.orders import WithheldReason
from streams.outbox.phases import Claimed, value
from streams.outbox.ports import BindPort


@value
class Enqueue:
    """Put it into the ready queue, behind the others of its key."""


@value
class Requeue:
    """Put it back at the front of the ready queue; it keeps its key."""


@value
class Render:
    """Render and encode its text for this bind."""

    bind: BindPort


@value
class Submit:
    """Submit one part. The centre may try for `valid_for` to deliver it."""

    part: int
    bind: BindPort
    valid_for: timedelta


@value
class BackOff:
    """Come back to this message after a while.

    `full_queues` is how many times in a row the centre had no room for this phone's messages.
    """

    bind: BindPort
    full_queues: int = 0


@value
class LookUp:
    """Find out whether the worker processed the earlier gateway's result."""

    result_due: float


@value
class Recheck:
    """Ask again whether it is withheld; many messages are asked about at once."""


@value
class Reclaim:
    """Claim the next attempt after a pause of `after_s`."""

    after_s: float = 0.0


@value
class Publish:
    """Publish a result; `final` when no further attempt follows."""

    claimed: Claimed = field(repr=False)
    bind: BindPort
    outcome: Outcome
    final: bool
    withheld: WithheldReason | None = None


@value
class Republish:
    """Publish the final result that the earlier gateway recorded; it may be in Kafka already."""

    result: SubmitResult


@value
class ReleaseKey:
    """Release the next message with the same key."""


@value
class ReleaseClaim:
    """Give the claim back: it was not sent."""


@value
class Finish:
    """Its offset may be committed, and a copy of it is recognised."""


@value
class Forget:
    """It belongs to the partition's next owner."""


Effect = (
    Enqueue
    | Requeue
    | Render
    | Submit
    | BackOff
    | LookUp
    | Recheck
    | Reclaim
    | Publish
    | Republish
    | ReleaseKey
    | ReleaseClaim
    | Finish
    | Forget
)
