"""The ports of the client directory, with adapters for PostgreSQL and memory.

An adapter over HTTP or LDAP needs no other change. tests/contract/test_directory.py specifies
adapters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn, Protocol

from schemas.channels import Channel

FIELD_LIMITS: Mapping[str, int] = {
    "client_id": 64,
    "personal_code": 16,
    "login": 64,
    "password": 64,
}
"""Maximum length of each field; the last three limit the length of a reply."""

MAX_NUMBERS = 100
"""Maximum of numbers that a look-up of one client returns."""


@dataclass(frozen=True, slots=True)
class Registration:
    """The registration data of one client. Secrets are not in repr, and pickling is refused.

    `case_open_until` is when the client's case in the support system closes; None without one.
    """

    client_id: str
    personal_code: str = field(repr=False)
    login: str = field(repr=False)
    password: str = field(repr=False)
    case_open_until: datetime | None = None

    def __reduce__(self) -> NoReturn:
        """Refuse pickling, so that secrets reach no cache, queue or other process."""
        raise TypeError("a registration can't be pickled: it holds secrets")


class Directory(Protocol):
    """Clients by number. Numbers are in E.164 form; calls are safe to repeat."""

    async def known(self, numbers: Sequence[str]) -> set[str]:
        """Return the numbers that belong to clients.

        One request for all numbers. Raises RetryableError when the directory does not answer.
        """
        ...

    async def registrations(self, numbers: Sequence[str]) -> Mapping[str, Registration]:
        """Return the registrations of the numbers that belong to clients.

        One request for all numbers. Raises RetryableError when the directory does not answer.
        """
        ...

    async def size(self) -> int:
        """Return how many numbers belong to clients; an estimate is enough.

        May read the whole directory: call it once a minute at most. Raises RetryableError when
        the directory does not answer.
        """
        ...


class ClientNumbers(Protocol):
    """The numbers of clients, for orders. Reads no secrets."""

    async def known(self, numbers: Sequence[str]) -> set[str]:
        """As `Directory.known`."""
        ...

    async def numbers_of_clients(self, client_ids: Sequence[str]) -> dict[str, str]:
        """Return the number of each of these clients that is known.

        Of several numbers, the one that was changed last. One request for all clients. Raises
        RetryableError when the directory does not answer.
        """
        ...

    async def addresses(self, channel: Channel, numbers: Sequence[str]) -> dict[str, str]:
        """Return where the clients of these numbers get messages of a channel, if that is known.

        One request for all numbers. Raises RetryableError when the directory does not answer.
        """
        ...

    async def clients_of_addresses(
        self, channel: Channel, addresses: Sequence[str]
    ) -> dict[str, str]:
        """Return the id of the one client of each of these addresses of a channel.

        One request for all addresses. Raises RetryableError when the directory does not answer.
        """
        ...

    async def close(self) -> None:
        """Release connections; a later call opens them again."""
        ...


class Identities(Protocol):
    """Client ids by number and the reverse, for look-ups by support. Reads no secrets.

    Separate from `Directory`, because the worker does not need it.
    """

    async def client_ids(self, numbers: Sequence[str]) -> Mapping[str, str]:
        """Return the client ids of the numbers that belong to clients.

        One request for all numbers. Raises RetryableError when the directory does not answer.
        """
        ...

    async def numbers_of(self, client_ids: Sequence[str]) -> Mapping[str, list[str]]:
        """Return at most `MAX_NUMBERS` numbers of each known client.

        One request for all clients. Raises RetryableError when the directory does not answer.
        """
        ...

    async def close(self) -> None:
        """Release connections; a later call opens them again."""
        ...
