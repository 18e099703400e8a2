"""Base classes of PDUs: command_status, sequence_number, and a repr without contents."""

from dataclasses import dataclass, field, fields
from typing import ClassVar, Generic, Self, TypeVar, cast

from inbound.smpp.leniency import Leniency
from inbound.smpp.status import name_of

RESPONSE_BIT = 0x80000000


@dataclass(slots=True, repr=False, kw_only=True)
class Pdu:
    """One SMPP PDU. Fields carry the specification's names; a session sets `sequence`.

    `leniencies` are what parsing it had to tolerate.

    The repr shows command, sequence, status and sizes. It never shows addresses, texts,
    passwords or TLV values, so PDUs may be logged.
    """

    command_id: ClassVar[int]

    status: int = 0
    sequence: int = 0
    leniencies: tuple[Leniency, ...] = field(default=(), compare=False)

    def __repr__(self) -> str:
        sizes = "".join(
            f" {each.name}=<{len(value)}>"
            for each in fields(self)
            if isinstance(value := getattr(self, each.name), bytes | tuple) and value
        )
        return f"<{type(self).__name__} #{self.sequence} {name_of(self.status)}{sizes}>"

    def body(self) -> bytes:
        """Return the octets after the header. Raises `UnencodableError`."""
        return b""

    @classmethod
    def parse(cls, _frame: bytes) -> Self:
        """Parse the body of a frame. Octets after a body that should be empty are ignored.

        Raises `PduError`, or `IndexError` and `struct.error` for a body that ends too early.
        """
        return cls()


@dataclass(slots=True, repr=False, kw_only=True)
class ResponsePdu(Pdu):
    """A response PDU. It carries the sequence_number of its request (SMPP 3.4, 5.1.4)."""


AnswerT = TypeVar("AnswerT", bound=ResponsePdu)


@dataclass(slots=True, repr=False, kw_only=True)
class RequestPdu(Pdu, Generic[AnswerT]):
    """A request PDU, which must be answered with an `answer_type`."""

    answer_type: ClassVar[type[ResponsePdu]]

    def answer(self, status: int = 0) -> AnswerT:
        """Return a response with this request's sequence_number and the given command_status."""
        return cast("AnswerT", self.answer_type(status=status, sequence=self.sequence))
