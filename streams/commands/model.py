"""The inputs of decisions about commands: parsed texts, their clients, settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from inbound.directory.port import Registration
from inbound.handlers.policies import Policies
from schemas.events import Command
from schemas.topics import TopicNames
from streams.commands.texts import ReceivedText


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """A text that is a command, with the number to reply to."""

    text: ReceivedText
    command: Command
    number: str
    number_hash: bytes

    @property
    def request_id(self) -> UUID:
        """The id of the request: that of the MO."""
        return self.text.mo.mo_id


@dataclass(frozen=True, slots=True)
class Clients:
    """What the directory knows about the numbers in one batch."""

    known: set[str]
    registrations: Mapping[str, Registration]


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """Settings of a processor. Rejected MOs are recorded unless `record_rejected` is off."""

    policies: Policies
    names: TopicNames
    federal_number: str
    secret_ttl: timedelta
    record_rejected: bool = True
