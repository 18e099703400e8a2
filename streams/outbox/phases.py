"""The phases of a message in the sender, one type for each.

    Fetched -> Claimed -> InFlight -> Recording -> Done
    InFlight -> Claimed (the next part), BackingOff or Reclaiming; these -> Claimed
    Fetched -> Contested -> LookingUp -> Reclaiming, Recording or Done
    Claimed -> Rechecking -> Claimed (a claim of an order's message that is not fresh)
    Fetched -> Recording or Done (another gateway recorded its result)
    Claimed, Reclaiming -> Recording (expired, withheld, erased, no attempt left)
    any before InFlight -> Done (its partition has gone to another gateway)

Everything here is immutable and knows no task, no clock, no database and no SMPP session; a
bind is only passed on. `streams.outbox.transitions` leads from one phase to the next;
`streams.outbox.driver` performs the effects. In a phase that waits for something exactly one
thing is under way: an answer, a look-up, a back-off, a new claim, or the storing of a result.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar, dataclass_transform

from aiokafka import TopicPartition

from schemas.lanes import Lane
from schemas.messages import MobileTerminated, PartResult, SubmitResult
from schemas.orders import WithheldReason
from streams.outbox.attempts import NONE, UnresolvedAttempts
from streams.outbox.encoding import NOT_RENDERED, EncodedText
from streams.outbox.ports import BindPort

ValueT = TypeVar("ValueT")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[ValueT]) -> type[ValueT]:
    """Make a dataclass that the type checker takes for frozen.

    If they were frozen at run time, the dozen values that a message needs would take twice as long
    to make.
    """
    return dataclass(slots=True, eq=False)(cls)


# -- phases ---------------------------------------------------------------------------


@value
class Fetched:
    """Read from a lane and not claimed yet. `queued_at` is when it came into the lane."""

    lane: Lane
    partition: TopicPartition
    offset: int
    key: str
    message: MobileTerminated = field(repr=False)
    centre: str = ""
    traceparent: str | None = None
    queued_at: datetime | None = None

    @property
    def waits_since(self) -> datetime | None:
        """When the MO that it answers arrived, else when it came into its lane."""
        return self.message.arrived_at or self.queued_at


@value
class Claim:
    """Our claim in the database. `number` is None for an erased person.

    The other fields are those of an order's message: its text, and whether it is withheld, as of
    `checked_at` in seconds of the monotonic clock. `address` is where a channel sends it, if that
    is not the number.
    """

    attempt: int
    number: str | None = field(repr=False)
    secret: bytes | None = field(repr=False)
    text: str | None = field(default=None, repr=False)
    withheld: WithheldReason | None = None
    checked_at: float = 0.0
    address: str | None = field(default=None, repr=False)


@value
class EarlierClaim:
    """Another gateway's claim of a message that we claim now; it may have been sent.

    `is_processed` says that the worker has its result, `recorded` is the result if the database
    has it. Otherwise the result may be on its way until `result_due`, in seconds of the
    monotonic clock.
    """

    result_due: float
    is_processed: bool
    recorded: SubmitResult | None = None


@value
class PartProgress:
    """How far the parts of a claimed message are; parts are counted from 0.

    `answers` has the last answer to each part. `pending` are the parts to submit, in order;
    `unanswered` parts have an unknown outcome. `attempts` are unresolved and not reported
    yet. `sent_at` is when the first part of this attempt was submitted. `text` is empty until
    a bind is free: what is not rendered holds no secret.
    """

    text: EncodedText = NOT_RENDERED
    answers: tuple[PartResult, ...] = ()
    pending: tuple[int, ...] = ()
    unanswered: frozenset[int] = frozenset()
    attempts: UnresolvedAttempts = NONE
    sent_at: datetime | None = None


UNSENT: Final = PartProgress()


@value
class Claimed:
    """Claimed by this gateway: waits in the ready queue for a bind.

    Once `given_up` its partition belongs to another gateway: nothing more is submitted.
    """

    fetched: Fetched
    claim: Claim
    progress: PartProgress = UNSENT
    given_up: bool = False

    @property
    def is_begun(self) -> bool:
        """Whether the centre has some of its parts: no other gateway can finish it."""
        return len(self.progress.pending) != len(self.progress.text)


@value
class Contested:
    """Claimed by another gateway before. Waits in the ready queue, so that order is kept."""

    claimed: Claimed
    result_due: float


@value
class LookingUp:
    """The earlier gateway's result is waited for and looked up."""

    claimed: Claimed
    bind: BindPort


@value
class Rechecking:
    """The message of an order was claimed a while ago: whether it is withheld is asked again."""

    claimed: Claimed


@value
class InFlight:
    """One part was submitted and is not answered yet."""

    claimed: Claimed
    part: int
    bind: BindPort


@value
class BackingOff:
    """The centre refused a part for now; this message waits, others go."""

    claimed: Claimed


@value
class Reclaiming:
    """The outcome of the last attempt is unknown and reported.

    The next attempt is claimed, perhaps after a pause.
    """

    claimed: Claimed
    bind: BindPort


@value
class Recording:
    """Its final result is being stored in Kafka."""

    fetched: Fetched


@value
class Done:
    """Nothing more will be done for it here."""


DONE: Final = Done()

Ready = Claimed | Contested
Phase = (
    Fetched
    | Claimed
    | Contested
    | LookingUp
    | Rechecking
    | InFlight
    | BackingOff
    | Reclaiming
    | Recording
    | Done
)
