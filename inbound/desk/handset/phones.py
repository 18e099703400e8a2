"""The phones of the handset, as the desk knows them. Only a simulated SMS centre has any."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from inbound.errors import ScservError


class PhoneError(ScservError):
    """The SMS centre could not be reached, or refused the text; it was not sent."""


@dataclass(frozen=True, slots=True)
class PhoneMessage:
    """A message on a phone. `is_sent`: the phone's owner wrote it; `sender` is "" then."""

    at: datetime
    text: str = field(repr=False)
    parts: int
    is_sent: bool
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a phone has sent and received, oldest first. `problem`: why it is off, if it is."""

    messages: Sequence[PhoneMessage] = ()
    problem: str = ""

    @property
    def last_sent(self) -> PhoneMessage | None:
        """The newest text that the phone's owner wrote."""
        return next((one for one in reversed(self.messages) if one.is_sent), None)


class Phones(Protocol):
    """Simulated phones of clients. They are on as long as somebody looks at them."""

    @property
    def numbers(self) -> Sequence[str]:
        """The numbers of the phones, E.164."""
        ...

    async def look(self, number: str) -> Conversation:
        """Return what is on a phone, and keep it on for a while. Waits a second at most."""
        ...

    async def send(self, number: str, text: str) -> None:
        """Send a text to the service. Waits until it is accepted. Raises PhoneError."""
        ...
