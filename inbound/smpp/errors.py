"""Errors of an SMPP link.

`NotSentError` means that no octet of the request left this process: it may be sent again at
once. `UnansweredError` means that the peer may have carried it out: the outcome is unknown,
and a policy decides whether the message is sent again (SMPP has no idempotent submit).
Error texts never contain an address, a text or a password.
"""

from inbound.errors import PoisonError, RetryableError, ScservError
from inbound.smpp.status import name_of


class SmppError(ScservError):
    """Root of the errors of this package."""


class NotSentError(SmppError, RetryableError):
    """The request was never written. Sending it again can't duplicate it."""


class UnansweredError(SmppError):
    """The request was written but not answered: the peer may have carried it out.

    Not a `RetryableError`, because repeating it can send a message twice.
    """


class BindRefusedError(SmppError, RetryableError):
    """The SMS centre refused the bind; `status` is its command_status."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


class LinkError(SmppError, RetryableError):
    """There is no connection. The text says why, as a sentence."""


class PduError(SmppError, PoisonError):
    """A PDU's body can't be parsed.

    `status` is the command_status to answer with. `command_id` and `sequence` are from the
    header, which every frame has.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"{name_of(status)}: {why}")
        self.status = status
        self.command_id = 0
        self.sequence = 0


class UnencodableError(SmppError, PoisonError):
    """A PDU to send exceeds a limit of the protocol. Nothing was written."""


class FramingError(SmppError):
    """command_length is impossible, so the next frame can't be found: close the connection.

    `sequence` is the header's sequence_number, 0 if the header was incomplete.
    """

    def __init__(self, length: int, sequence: int) -> None:
        super().__init__(f"command_length is {length}")
        self.sequence = sequence
