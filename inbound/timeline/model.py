"""The timeline as it is returned, printed and published: its JSON is part of the HTTP API."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, Field, JsonValue

from schemas.base import Model, UtcTime
from schemas.events import Command, Plan


class Language(StrEnum):
    """Languages of the sentences."""

    RU = "ru"
    EN = "en"


class ReplyStatus(StrEnum):
    """What became of a request's last message: the fulfilment, or the acknowledgement alone."""

    WAITING = "waiting"
    ON_ITS_WAY = "on_its_way"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    UNDETERMINED = "undetermined"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    ERASED = "erased"


class StepKind(StrEnum):
    """What happened at one step, in the order in which a request meets them."""

    ARRIVED = "arrived"
    ASSEMBLED = "assembled"
    PARSED = "parsed"
    DECIDED = "decided"
    SWITCHED = "switched"
    RECORDED = "recorded"
    QUEUED = "queued"
    CLAIMED = "claimed"
    SENT = "sent"
    ATTEMPT = "attempt"
    RESULT = "result"
    LATE = "late"
    COMPLETED = "completed"
    RECEIPT = "receipt"


class ClockState(StrEnum):
    """How a request stands to the two minutes."""

    RUNNING = "running"
    OVERDUE = "overdue"
    KEPT = "kept"
    LATE = "late"
    MISSED = "missed"


class Clock(Model):
    """The acknowledgement has to be accepted by the SMS centre within so many seconds."""

    state: ClockState = Field(
        description="running or overdue while it is not accepted; kept or late once it is; "
        "missed when it never will be"
    )
    within_s: float
    after_s: float | None = Field(
        default=None, description="seconds from the text's arrival until it was accepted"
    )
    left_s: float | None = Field(
        default=None, description="seconds that are left; negative when it is overdue"
    )
    text: str = Field(default="", description="the same in the asked language")


class Step(Model):
    """One thing that happened to a request."""

    step: StepKind
    at: UtcTime
    local: AwareDatetime = Field(description="the same moment in the asked zone")
    after_s: float = Field(
        description="seconds since the step before; clocks of several machines differ a little"
    )
    text: str = Field(description="what happened, in the asked language")
    details: Mapping[str, JsonValue] = Field(description="the same as data")


class RequestTimeline(Model):
    """One accepted command, from the bytes that arrived to the delivery receipts."""

    request_id: UUID
    subject_id: UUID
    command: Command
    plan: Plan
    arrived_at: UtcTime
    trace_id: str | None = Field(default=None, description="32 hex digits of W3C trace context")
    verdict: ReplyStatus
    sentence: str = Field(description="to be read to the client")
    clock: Clock
    steps: tuple[Step, ...]


class Miss(Model):
    """Texts of one kind within one minute that made no request."""

    kind: str
    first_at: UtcTime
    last_at: UtcTime
    count: int
    sentence: str = Field(description="to be read to the client")


class Unfinished(Model):
    """A long text of which parts are missing."""

    total: int
    sequences: tuple[int, ...] = Field(description="the parts that are here, as they arrived")
    first_at: UtcTime
    sentence: str = Field(description="to be read to the client")


class Timeline(Model):
    """What is known of one number, or of the requests that an id leads to; newest first."""

    number: str | None = Field(
        default=None, description="masked unless revealed; none when it is not known any more"
    )
    subject_id: UUID | None = None
    language: Language
    zone: str = Field(description="name of the zone of local times")
    made_at: UtcTime
    since: UtcTime | None = None
    until: UtcTime | None = None
    sentence: str = Field(description="the answer to: I texted, and nothing came")
    requests: tuple[RequestTimeline, ...] = ()
    misses: tuple[Miss, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()
    requests_left_out: int = Field(
        default=0, description="older requests in the asked time that are not shown"
    )
    misses_left_out: bool = Field(default=False, description="there are older ones")
    not_noted: int = Field(
        default=0,
        description="texts of all numbers in the asked time that made no request and were too "
        "many to note; some may be this number's",
    )
    next_until: datetime | None = Field(
        default=None, description="give it as `until` to see the older requests"
    )
