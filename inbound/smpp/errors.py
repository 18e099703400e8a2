"""What can go wrong on an SMPP link, as branches of the service's error tree.

The difference that matters most: `NotSentError` means that no byte of the request left
this process, so it may go again at once; `UnansweredError` means that it may have been
carried out, and only the message's own policy can say whether it goes again (SMPP has no
idempotent submit). No error text ever holds an address, a text or a password.
"""

from inbound.errors import PoisonError, RetryableError, ScservError
from inbound.smpp.status import name_of


class SmppError(ScservError):
    """Root of the errors of this package."""


class NotSentError(SmppError, RetryableError):
    """The request was never written: sending it again cannot double it."""


class UnansweredError(SmppError):
    """The request was written and no answer came: the peer may have carried it out.

    Deliberately not a `RetryableError`: repeating it can send a message twice.
    """


class BindRefusedError(SmppError, RetryableError):
    """The centre answered the bind with an error; `status` is its command_status."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


class LinkError(SmppError, RetryableError):
    """No connection, or it ended; the text is the reason as a plain sentence."""


class PduError(SmppError, PoisonError):
    """A PDU's body cannot be read.

    `status` is the command_status to answer with. `command_id` and `sequence` come from
    the header, which is always readable once the frame is.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"{name_of(status)}: {why}")
        self.status = status
        self.command_id = 0
        self.sequence = 0


class UnencodableError(SmppError, PoisonError):
    """A PDU to be sent breaks a limit of the protocol; nothing was written."""


class FramingError(SmppError):
    """command_length is impossible: the stream has no next frame, only a close helps.

    `sequence` is the header's sequence_number, 0 when not even the header was there.
    """

    def __init__(self, length: int, sequence: int) -> None:
        super().__init__(f"command_length is {length}")
        self.sequence = sequence
