"""Messages on the internal topics: texts that arrived, replies to send, what became of them.

These topics are short-lived and not for other services: `MobileOriginated` carries a
number and a text. The replies carry neither: a `MobileTerminated` names its template and
the subject; number and secret are looked up when the PDU is encoded.
"""

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from schemas.base import CentreTime, Message, Model, UtcTime


class Part(Model):
    """Which part of a longer text this is (3GPP TS 23.040, 9.2.3.24.1)."""

    reference: int = Field(ge=0, le=0xFFFF)
    width: int = Field(default=8, description="bits of the reference: 8-bit 7 is not 16-bit 7")
    total: int = Field(ge=1, le=255)
    sequence: int = Field(ge=1, le=255)


class MobileOriginated(Message):
    """One deliver_sm as it arrived: a whole text or one part of it."""

    TYPE = "mo.received.v1"

    mo_id: UUID
    centre: str
    bind: str
    gateway: str | None = Field(default=None, description="the process that took it")
    source: str | None = Field(
        default=None, description="E.164; none when the sender can't be answered"
    )
    destination: str
    data_coding: int = Field(
        ge=0, le=255, description="of its PDU, or what the bind's settings say that this means"
    )
    esm_class: int = Field(ge=0, le=255)
    alphabet: str = Field(description="what data_coding 0 means on this bind")
    payload: bytes = Field(description="the user data without its header")
    part: Part | None = None
    arrived_at: UtcTime
    heard_at: UtcTime | None = Field(
        default=None, description="arrival by the one clock that all gateways share"
    )


class Purpose(StrEnum):
    """Why a message is sent; it decides the lane."""

    ACKNOWLEDGEMENT = "acknowledgement"
    FULFILMENT = "fulfilment"
    NOTIFICATION = "notification"
    BROADCAST = "broadcast"


class MobileTerminated(Message):
    """One message to send. Its text is put together when the PDU is encoded."""

    TYPE = "mt.requested.v1"

    message_id: UUID
    subject_id: UUID
    request_id: UUID | None = None
    purpose: Purpose
    template: str
    params: Mapping[str, str] = Field(default_factory=dict, description="never secrets")
    secret: bool = Field(default=False, description="the vault holds fields for this message")
    centre: str | None = Field(default=None, description="where the text came from")
    arrived_at: UtcTime | None = Field(default=None, description="when the text arrived")
    not_after: UtcTime = Field(description="later than this it is not sent any more")


class Outcome(StrEnum):
    """What became of one attempt to submit a message."""

    SUBMITTED = "submitted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    ERASED = "erased"


class PartResult(Model):
    """The centre's answer to one submit_sm: command_status and its own message id."""

    status: int | None = Field(
        default=None,
        description="command_status (SMPP 3.4, 5.1.3); absent when no answer came, or when "
        "the part was never sent",
    )
    smsc_message_id: str | None = Field(default=None, description="the centre's own id of it")


class SubmitAttempt(Model):
    """One submit_sm that settled nothing: refused for now, or never answered."""

    part: int = Field(ge=1, le=255, description="which part of the message it carried")
    status: int | None = Field(
        default=None, description="its command_status; none when no answer came"
    )
    bind: str = Field(description="the connection it went over")
    at: UtcTime = Field(description="when the answer came, or was waited for no longer")


class SubmitResult(Model):
    """What became of one message; `final` when no further attempt follows.

    `attempts` are the submits since the message's previous result that settled nothing, in
    their order; none when there were none. Of many the first and the last are told.
    """

    message_id: UUID
    subject_id: UUID
    request_id: UUID | None = None
    key: str = Field(description="the Kafka key of the subject's messages")
    purpose: Purpose
    template: str
    outcome: Outcome
    final: bool = True
    attempt: int = 1
    parts: tuple[PartResult, ...] = ()
    id_form: str | None = Field(
        default=None,
        description="how the centre writes ids in its answers: exact, decimal, hexadecimal; "
        "absent when nobody said",
    )
    attempts: tuple[SubmitAttempt, ...] | None = None
    attempts_left_out: int | None = Field(
        default=None, description="how many more there were, between the first and the last told"
    )
    centre: str
    bind: str
    gateway: str | None = None
    arrived_at: UtcTime | None = None
    sent_at: UtcTime | None = Field(
        default=None, description="when its first part of this attempt was handed to the link"
    )
    at: UtcTime
    traceparent: str | None = None


class SubmitResults(Message):
    """The results of one moment for one partition: batched, because each record costs."""

    TYPE = "mt.results.v1"

    gateway: str
    results: tuple[SubmitResult, ...]


class ReceiptState(StrEnum):
    """message_state as a receipt names it (SMPP 3.4, 5.2.28; SMPP 5.0, 4.7.15)."""

    SCHEDULED = "scheduled"
    ENROUTE = "enroute"
    DELIVERED = "delivered"
    EXPIRED = "expired"
    DELETED = "deleted"
    UNDELIVERABLE = "undeliverable"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    SKIPPED = "skipped"


class ReceiptReceived(Model):
    """One delivery receipt as it arrived, without the number it came from and its text."""

    key: str = Field(description="the Kafka key of the subject's messages")
    centre: str
    bind: str
    message_ids: tuple[str, ...] = Field(
        min_length=1, description="ids its message may have been given, likeliest first"
    )
    state: ReceiptState
    final: bool = Field(description="false when another receipt is to follow")
    per_message: bool | None = Field(
        default=None, description="this centre writes one receipt for all parts of a message"
    )
    error: str | None = Field(default=None, description="the centre's own code, as it wrote it")
    done_at: CentreTime | None = None
    arrived_at: UtcTime


class ReceiptsReceived(Message):
    """The receipts of one moment for one partition: batched, because each record costs."""

    TYPE = "mt.receipts.v1"

    receipts: tuple[ReceiptReceived, ...]


class LogHead(Model):
    """The digest with which a chain of the event log stood at a position.

    One chain for each partition of `sms.events.v1`. docs/SUBSCRIBERS.md says how to check it.
    """

    chain: int = Field(ge=0, description="number of the chain and of the partition")
    position: int = Field(ge=1, description="position in the log of the chain's newest event")
    digest: str = Field(
        pattern="^[0-9a-f]{64}$", description="of that event, in hexadecimal (SHA-256)"
    )
    recorded_at: UtcTime = Field(description="when that event was recorded")


class Subscription(Model):
    """May this subject be texted? The last record of a subject wins."""

    subject_id: UUID = Field(description="the subject: a random id, also the key")
    may_be_texted: bool = Field(description="notifications and broadcasts are on")
    version: int = Field(description="version of the subject's stream; it only grows")
    changed_at: UtcTime = Field(description="when the change was recorded")
