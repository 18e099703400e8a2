"""Rows of messages over SMPP. Plain data; times are UTC."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SubmittedMessage:
    """An id that a program gets, or has got, and the order that it is about.

    `addresses` and `comment` are sealed. `is_told` says that the program has the id already: if
    the order has ended, its receipt is due at once.
    """

    message_id: int
    account: str
    order_id: UUID
    number_hash: bytes
    addresses: bytes = field(repr=False)
    comment: bytes | None = field(repr=False)
    words: Sequence[bytes] | None
    digest: bytes
    link: UUID
    registered: int
    parts: int
    created_at: datetime
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class JoinedParts:
    """The parts of a long message that have become an order."""

    account: str
    parts_key: bytes
    order_id: UUID


@dataclass(frozen=True, slots=True)
class SmppWrites:
    """What a batch of orders writes about messages over SMPP."""

    messages: list[SubmittedMessage] = field(default_factory=list)
    joined: list[JoinedParts] = field(default_factory=list)
    answers: dict[UUID, bytes] = field(default_factory=dict, repr=False)
    """The network's answers, sealed, by the order that asked."""


@dataclass(frozen=True, slots=True)
class NewPart:
    """A part of a long message. `pdu` and `addresses` are sealed; `message_id` is a free one."""

    account: str
    parts_key: bytes
    sequence: int
    total: int
    message_id: int
    number_hash: bytes
    addresses: bytes = field(repr=False)
    pdu: bytes = field(repr=False)
    digest: bytes
    link: UUID
    registered: int
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class SubmittedPart:
    """A stored part. `order_id` is set once its message has become an order."""

    sequence: int
    total: int
    message_id: int
    pdu: bytes | None = field(repr=False)
    digest: bytes
    link: UUID
    registered: int
    order_id: UUID | None
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class RecentMessage:
    """The last message with a digest, and the connection it came over."""

    digest: bytes
    order_id: UUID
    link: UUID


@dataclass(frozen=True, slots=True)
class SealedComment:
    """The comment of an order's message."""

    order_id: UUID
    message_id: int
    comment: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class QueriedMessage:
    """A message of an account, and how far its order has come. `addresses` are sealed.

    `error` is the SMS centre's own code, `receipt` the state in its receipt, if it gave one.
    """

    message_id: int
    order_id: UUID | None
    addresses: bytes | None = field(repr=False)
    state: str
    changed_at: datetime
    error: str | None = None
    receipt: str | None = None


Topic = int | bytes
"""What a delivery is about: the id of a message, or the hash of a phone's number."""


@dataclass(frozen=True, slots=True)
class WaitingReceipt:
    """A receipt to deliver. `addresses` are sealed, None once the person was erased.

    `error` is the SMS centre's own code, `receipt` the state in its receipt, if it gave one.
    `answer` is the network's answer about the number, sealed in the context of `number_hash`.
    """

    id: int
    message_id: int
    state: str
    done_at: datetime
    submitted_at: datetime
    parts: int
    addresses: bytes | None = field(repr=False)
    error: str | None = None
    answer: bytes | None = field(default=None, repr=False)
    number_hash: bytes | None = None
    receipt: str | None = None

    @property
    def topic(self) -> Topic:
        """The message: a program gets the receipts of one message one at a time."""
        return self.message_id


@dataclass(frozen=True, slots=True)
class WaitingText:
    """A text of a phone to deliver. `sealed` has both numbers and the text."""

    id: int
    text_id: UUID
    number_hash: bytes
    sealed: bytes = field(repr=False)

    @property
    def topic(self) -> Topic:
        """The phone: a program gets the texts of one phone one at a time."""
        return self.number_hash


WaitingDelivery = WaitingReceipt | WaitingText


def delivery(  # noqa: PLR0913, PLR0917  the columns of a row
    id_: int,
    message_id: int,
    state: str,
    done_at: datetime,
    submitted_at: datetime,
    parts: int,
    addresses: bytes | None,
    error: str | None,
    answer: bytes | None,
    number_hash: bytes | None,
    text_id: UUID | None,
    sender_hash: bytes | None,
    sealed: bytes | None,
    receipt: str | None,
) -> WaitingDelivery:
    """Return the delivery of a row."""
    if text_id is not None and sender_hash is not None and sealed is not None:
        return WaitingText(id_, text_id, sender_hash, sealed)
    return WaitingReceipt(
        *(id_, message_id, state, done_at, submitted_at, parts, addresses, error),
        *(answer, number_hash, receipt),
    )
