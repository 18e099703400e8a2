"""Messages on the internal topics: MOs, MTs to send, submit results and delivery receipts.

These topics are short-lived and not for other services: a `MobileOriginated` has a number
and a text. A `MobileTerminated` has neither: it names its template and the subject; number
and secret are looked up when the PDU is encoded.
"""

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from schemas.base import CentreTime, Message, Model, UtcTime
from schemas.channels import Channel
from schemas.documented_enum import DocumentedEnum
from schemas.orders import WithheldReason


class Part(Model):
    """Which part of a long message this is (3GPP TS 23.040, 9.2.3.24.1)."""

    reference: int = Field(ge=0, le=0xFFFF)
    width: int = Field(
        default=8,
        description="bits of the reference: 8 or 16",
    )
    total: int = Field(ge=1, le=255)
    sequence: int = Field(ge=1, le=255)


class MobileOriginated(Message):
    """One deliver_sm as it arrived: a whole message or one part."""

    TYPE = "mo.received.v1"

    mo_id: UUID
    centre: str
    bind: str
    gateway: str | None = Field(default=None, description="the gateway process that received it")
    source: str | None = Field(
        default=None, description="E.164; absent when the sender can't be answered"
    )
    destination: str
    data_coding: int = Field(
        ge=0, le=255, description="of its PDU, as the bind's settings interpret it"
    )
    esm_class: int = Field(ge=0, le=255)
    alphabet: str = Field(description="what data_coding 0 means on this bind")
    payload: bytes = Field(description="the user data without its header")
    octets: int | None = Field(
        default=None,
        description="of a text that is too long to be a command; its payload is left out",
    )
    part: Part | None = None
    arrived_at: UtcTime
    heard_at: UtcTime | None = Field(
        default=None, description="when it arrived, by the clock that all gateways share"
    )


class Purpose(DocumentedEnum):
    """Why a message is sent; decides the lane."""

    ACKNOWLEDGEMENT = "acknowledgement", "says that a command was received"
    FULFILMENT = "fulfilment", "answers a command"
    NOTIFICATION = "notification", "a notification or a service message that was ordered"
    BROADCAST = "broadcast", "a message of a broadcast"


class MobileTerminated(Message):
    """One message to send. Its text is rendered when the PDU is encoded."""

    TYPE = "mt.requested.v1"

    message_id: UUID
    subject_id: UUID
    request_id: UUID | None = None
    order_id: UUID | None = Field(
        default=None, description="the order that it fulfils: its text is sealed with the order"
    )
    purpose: Purpose
    template: str
    sender: str | None = Field(default=None, description="absent: the service's own")
    resend_unknown: bool | None = Field(
        default=None,
        description="whether a message of an order is sent again when its outcome is unknown",
    )
    consent_needed: bool | None = Field(
        default=None, description="whether it is withheld from a person who has opted out"
    )
    channel: Channel | None = Field(default=None, description="absent: it is a text message")
    params: Mapping[str, str] = Field(default_factory=dict, description="never secrets")
    secret: bool = Field(default=False, description="the vault holds fields for this message")
    centre: str | None = Field(default=None, description="where the MO came from")
    arrived_at: UtcTime | None = Field(default=None, description="when the MO arrived")
    not_after: UtcTime = Field(description="it is not sent after this time")


class Outcome(StrEnum):
    """What happened to one attempt to submit a message."""

    SUBMITTED = "submitted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    ERASED = "erased"


class PartResult(Model):
    """The SMS centre's answer to one submit_sm: command_status and message id."""

    status: int | None = Field(
        default=None,
        description="command_status (SMPP 3.4, 5.1.3); absent when there was no answer, or when "
        "the part was not sent",
    )
    smsc_message_id: str | None = Field(default=None, description="the SMS centre's message id")


class SubmitAttempt(Model):
    """One submit_sm without a final answer: refused for now, or not answered."""

    part: int = Field(ge=1, le=255, description="which part of the message it carried")
    status: int | None = Field(
        default=None, description="its command_status; absent when there was no answer"
    )
    bind: str = Field(description="the bind it was sent on")
    at: UtcTime = Field(description="when the answer arrived or the wait for it ended")


class SubmitResult(Model):
    """The result of submitting one message; `final` when no further attempt follows.

    `attempts` are the submits since the message's previous result that had no final answer, in
    their order. Of many the first and the last ones are listed.
    """

    message_id: UUID
    subject_id: UUID
    request_id: UUID | None = None
    order_id: UUID | None = None
    key: str = Field(description="the Kafka key of the subject's messages")
    purpose: Purpose
    template: str
    outcome: Outcome
    withheld: WithheldReason | None = Field(
        default=None,
        description="why it was not submitted; its outcome is `expired` then, which every release "
        "knows",
    )
    final: bool = True
    attempt: int = 1
    parts: tuple[PartResult, ...] = ()
    id_form: str | None = Field(
        default=None,
        description="how the SMS centre writes ids in its answers: exact, decimal, hexadecimal; "
        "absent when that is not configured",
    )
    attempts: tuple[SubmitAttempt, ...] | None = None
    attempts_left_out: int | None = Field(
        default=None,
        description="how many more there were, between those listed",
    )
    centre: str
    bind: str
    gateway: str | None = None
    arrived_at: UtcTime | None = None
    sent_at: UtcTime | None = Field(
        default=None, description="when the first part of this attempt was sent"
    )
    at: UtcTime
    traceparent: str | None = None


class SubmitResults(Message):
    """Results for one partition, batched because each record has a cost."""

    TYPE = "mt.results.v1"

    gateway: str
    results: tuple[SubmitResult, ...]


class ReceiptState(DocumentedEnum):
    """message_state as a receipt names it (SMPP 3.4, 5.2.28; SMPP 5.0, 4.7.15)."""

    SCHEDULED = "scheduled", "not final: the SMS centre will send it later"
    ENROUTE = "enroute", "not final: the SMS centre is sending it"
    DELIVERED = "delivered", "on the phone"
    EXPIRED = "expired", "the phone could not be reached until the message became too old"
    DELETED = "deleted", "deleted at the SMS centre"
    UNDELIVERABLE = "undeliverable", "the SMS centre can't deliver it to this phone"
    ACCEPTED = (
        "accepted",
        "read by customer service on behalf of the subscriber (SMPP 3.4, 5.2.28)",
    )
    UNKNOWN = "unknown", "the SMS centre doesn't know"
    REJECTED = "rejected", "the SMS centre accepted it at first and then refused to deliver it"
    SKIPPED = "skipped", "the SMS centre left it out on purpose (SMPP 5.0)"


class ReceiptReceived(Model):
    """One delivery receipt as it arrived, without its number and text."""

    key: str = Field(description="the Kafka key of the subject's messages")
    centre: str
    bind: str
    message_ids: tuple[str, ...] = Field(
        min_length=1, description="possible ids of its message, the likeliest first"
    )
    state: ReceiptState
    final: bool = Field(description="false when another receipt will follow")
    per_message: bool | None = Field(
        default=None, description="the SMS centre writes one receipt for all parts of a message"
    )
    error: str | None = Field(
        default=None, description="the SMS centre's own error code, as it wrote it"
    )
    done_at: CentreTime | None = None
    answer: bytes | None = Field(
        default=None,
        repr=False,
        description="what the network told about the number (channel hlr): sealed, for the program "
        "that asked",
    )
    arrived_at: UtcTime


class ReceiptsReceived(Message):
    """Receipts for one partition, batched because each record has a cost."""

    TYPE = "mt.receipts.v1"

    receipts: tuple[ReceiptReceived, ...]


class LogHead(Model):
    """The digest of a chain of the event log at a position.

    One chain for each partition of `sms.events.v1`. docs/SUBSCRIBERS.md says how to check it.
    """

    chain: int = Field(ge=0, description="number of the chain and of the partition")
    position: int = Field(ge=1, description="position of the chain's newest event in the log")
    digest: str = Field(
        pattern="^[0-9a-f]{64}$", description="the digest of that event (SHA-256), in hexadecimal"
    )
    recorded_at: UtcTime = Field(description="when that event was recorded")


class Subscription(Model):
    """Whether this subject may be sent notifications and broadcasts. The last record counts."""

    subject_id: UUID = Field(description="the subject: a random id, also the key")
    may_be_texted: bool = Field(description="whether notifications and broadcasts are on")
    version: int = Field(description="version of the subject's stream; it only increases")
    changed_at: UtcTime = Field(description="when the change was recorded")
