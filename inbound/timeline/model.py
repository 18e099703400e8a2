"""The model of a timeline. Its JSON is part of the HTTP API."""

from collections.abc import Mapping
from uuid import UUID

from pydantic import AwareDatetime, Field, JsonValue

from inbound.freshness.model import Pending
from schemas.base import Model, UtcTime
from schemas.documented_enum import DocumentedEnum
from schemas.events import Command, Plan
from schemas.orders import OrderKind, OrderState


class Language(DocumentedEnum):
    """Languages of the sentences."""

    RU = "ru", "Russian"
    EN = "en", "English"


class ReplyStatus(DocumentedEnum):
    """What happened to a request's last message: the fulfilment, or a lone acknowledgement."""

    WAITING = "waiting", "no result of sending it is known yet"
    HELD = "held", "registration data waits until a person releases it"
    ON_ITS_WAY = "on_its_way", "the SMS centre accepted it; no final delivery receipt yet"
    DELIVERED = "delivered", "on the phone, according to delivery receipts"
    UNDELIVERABLE = (
        "undeliverable",
        "a part of it will never be delivered, according to a delivery receipt",
    )
    UNDETERMINED = "undetermined", "the SMS centre doesn't know whether it is on the phone"
    REJECTED = "rejected", "the SMS centre refused it for good, or it could not be encoded"
    UNKNOWN = "unknown", "it was sent and not answered, or may have been sent; it may have arrived"
    EXPIRED = "expired", "it could not be sent before it became too old"
    ERASED = "erased", "the number or the data was erased before it was sent"


class StepKind(DocumentedEnum):
    """What happened at one step, in the usual order; the last ones happen to orders only."""

    ARRIVED = "arrived", "a gateway received the text"
    ASSEMBLED = "assembled", "the parts of a long text were put together"
    PARSED = "parsed", "the text was recognised as a command"
    DECIDED = "decided", "the command was accepted or refused"
    SWITCHED = "switched", "notifications and broadcasts were switched on or off"
    RECORDED = "recorded", "the decision was committed to the event log"
    QUEUED = "queued", "a message was put into the outbox"
    CLAIMED = "claimed", "a gateway took the message to send it"
    SENT = "sent", "the message was handed to a bind"
    ATTEMPT = "attempt", "a submit without a final answer"
    RESULT = "result", "the outcome of submitting the message"
    LATE = "late", "the acknowledgement was not accepted within two minutes"
    HELD = "held", "registration data waits for a person"
    RELEASED = "released", "a person released registration data"
    REFUSED = "refused", "registration data was refused"
    COMPLETED = "completed", "the request ended"
    RECEIPT = "receipt", "a final delivery receipt"
    RESTORED = "restored", "an operator undid a stop"
    ORDERED = "ordered", "a message was ordered"
    ORDER_ACCEPTED = "order_accepted", "the order was accepted"
    ORDER_REFUSED = "order_refused", "the order was refused"
    RESCHEDULED = "rescheduled", "another message of the order follows"
    WITHHELD = "withheld", "the message of the order was held back"
    CANCELLED = "cancelled", "the order was cancelled"
    EXPIRED = "expired", "the order expired while it waited"
    ERASED = "erased", "the person was erased"


class ClockState(DocumentedEnum):
    """Whether the acknowledgement is in time."""

    RUNNING = "running", "no acceptance is known yet, and it is still in time"
    OVERDUE = "overdue", "no acceptance is known yet, and the time is over"
    KEPT = "kept", "accepted in time"
    LATE = "late", "accepted too late"
    MISSED = "missed", "never accepted"


class Clock(Model):
    """The time limit of the acknowledgement: the SMS centre has to accept it within `within_s`."""

    state: ClockState = Field(
        description="running or overdue while it is not accepted; kept or late once it is; "
        "missed when it never will be"
    )
    within_s: float
    after_s: float | None = Field(
        default=None, description="seconds from the text's arrival until it was accepted"
    )
    left_s: float | None = Field(default=None, description="seconds left; negative when overdue")
    text: str = Field(default="", description="the same in words, in the requested language")


class Step(Model):
    """One thing that happened to a request or an order."""

    step: StepKind
    at: UtcTime
    local: AwareDatetime = Field(description="the same moment in the requested time zone")
    after_s: float = Field(
        description="seconds since the previous step; the clocks of machines differ a little"
    )
    text: str = Field(description="what happened, in the requested language")
    details: Mapping[str, JsonValue] = Field(description="the same as data")


class RequestTimeline(Model):
    """One accepted command, from its arrival to its delivery receipts."""

    request_id: UUID
    subject_id: UUID | None = Field(
        default=None, description="in the API absent for a token without the scope `resolve`"
    )
    command: Command
    plan: Plan
    arrived_at: UtcTime
    trace_id: str | None = Field(default=None, description="32 hex digits of W3C trace context")
    verdict: ReplyStatus
    sentence: str = Field(description="to be read to the client")
    clock: Clock
    steps: tuple[Step, ...]


class OrderTimeline(Model):
    """One order: a notification, a message of a broadcast or a service message."""

    order_id: UUID
    subject_id: UUID | None = Field(
        default=None,
        description="absent: the order named nobody that is known; in the API for a token without "
        "the scope `resolve` too",
    )
    account: str = Field(description="the account that ordered it")
    kind: OrderKind
    broadcast_id: UUID | None = Field(default=None, description="the broadcast it belongs to")
    broadcast: str | None = Field(
        default=None, description="its name, as long as the order is kept"
    )
    template: str | None = Field(default=None, description="absent: it had a text of its own")
    template_version: int | None = None
    ordered_at: UtcTime = Field(description="when it was accepted or refused")
    trace_id: str | None = Field(default=None, description="32 hex digits of W3C trace context")
    verdict: OrderState = Field(description="how far it has come")
    reason: str | None = Field(default=None, description="why it was refused or withheld")
    due_at: UtcTime | None = Field(
        default=None,
        description="when it may be sent, while it is scheduled; absent while it "
        "waits until its broadcast is resumed",
    )
    sentence: str = Field(description="to be read to the client")
    advice: str | None = Field(
        default=None,
        description="for support, not for the client: what lies behind a refusal, and the fix",
    )
    steps: tuple[Step, ...]


class ExcludedTimeline(Model):
    """A row with this number in the audience of a broadcast that was not sent to it."""

    broadcast_id: UUID
    broadcast: str = Field(description="the name of the broadcast")
    account: str
    reason: str = Field(description="as in the excluded rows of the broadcast")
    row: int = Field(description="its place in the audience")
    loaded_at: UtcTime = Field(description="when the audience was loaded and checked")
    began_at: UtcTime = Field(description="when the broadcast began")
    sentence: str = Field(description="to be read to the client")


class SwitchTimeline(Model):
    """Notifications and broadcasts were switched by an operator whom the person asked."""

    at: UtcTime
    notifications_on: bool
    by: str = Field(description="the operator")
    reason: str = Field(description="why, as the operator wrote it")
    sentence: str = Field(description="to be read to the client")


class TextReading(Model):
    """How a text was read: a wrong setting of the bind shows here."""

    bind: str
    data_coding: int = Field(description="as the bind's setting DATA_CODINGS maps it")
    alphabet: str
    octets: int
    text: str = Field(default="", description="the same in words, in the requested language")


class Miss(Model):
    """Texts of one kind within one minute that made no request."""

    kind: str
    first_at: UtcTime
    last_at: UtcTime
    count: int
    sentence: str = Field(description="to be read to the client")
    reading: TextReading | None = Field(
        default=None, description="how the last of these texts was read; not for the client"
    )


class Unfinished(Model):
    """A long message with missing parts."""

    total: int
    sequences: tuple[int, ...] = Field(description="the parts that arrived, in that order")
    first_at: UtcTime
    sentence: str = Field(description="to be read to the client")


class PendingNote(Pending):
    """Something that the timeline may lack."""

    sentence: str = Field(description="to be read to the client")


class ClientQuestion(DocumentedEnum):
    """What clients ask beside why they got no reply."""

    GOT_IT_TWICE = "got_it_twice", "“I got it twice”"
    STILL_GETS_MESSAGES = (
        "still_gets_messages",
        "“I switched notifications off and still get messages”",
    )


class ClientAnswer(Model):
    """The answer to one question of the client."""

    question: ClientQuestion
    sentence: str = Field(description="to be read to the client")


class Timeline(Model):
    """What is known of one number, or of one request or order; newest first."""

    number: str | None = Field(
        default=None,
        description="masked unless revealed; absent when it was erased, or an order led to nobody",
    )
    subject_id: UUID | None = Field(
        default=None,
        description="in the API for a token that also has the scope `resolve`, or that asked by "
        "this id",
    )
    language: Language
    zone: str = Field(description="the time zone of local times")
    made_at: UtcTime
    as_of: UtcTime | None = Field(
        default=None,
        description="all that the service had received before then is in the timeline; absent when "
        "that can't be known now",
    )
    pending: tuple[PendingNote, ...] = Field(
        default=(), description="what was received and is not in the timeline yet"
    )
    since: UtcTime | None = None
    until: UtcTime | None = None
    sentence: str = Field(
        description="the answer to a client who texted and got no reply: about the last text, also "
        "if it is left out here, and about what happened after it: the last switch by an operator "
        "and the last order; if there is no text, about these alone"
    )
    answers: tuple[ClientAnswer, ...] = Field(
        default=(), description="what to say to other questions of the client"
    )
    requests: tuple[RequestTimeline, ...] = ()
    orders: tuple[OrderTimeline, ...] = ()
    excluded: tuple[ExcludedTimeline, ...] = ()
    switches: tuple[SwitchTimeline, ...] = ()
    misses: tuple[Miss, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()
    requests_left_out: int = Field(
        default=0, description="older requests within the requested time that are not shown"
    )
    orders_left_out: int = Field(
        default=0, description="older orders within the requested time that are not shown"
    )
    misses_left_out: bool = Field(default=False, description="whether older ones are not shown")
    not_noted: int = Field(
        default=0,
        description="texts of all numbers within the requested time that made no request and were "
        "too many to note; some may be from this number",
    )
    next_until: UtcTime | None = Field(
        default=None, description="value of `until` for the next page of older requests and orders"
    )
