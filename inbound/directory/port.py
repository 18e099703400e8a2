"""What the service asks about clients, whoever knows it.

An adapter is any class with these two methods: PostgreSQL and memory are here; one over HTTP
or LDAP needs nothing else changed. tests/contract/directory_contract.py says what it must do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

FIELD_LIMITS: Mapping[str, int] = {
    "client_id": 64,
    "personal_code": 16,
    "login": 64,
    "password": 64,
}
"""Characters that each field has at most: the longest reply depends on the last three."""

MOST_NUMBERS = 100
"""Numbers of one client that a look-up returns at most."""


@dataclass(frozen=True, slots=True)
class Registration:
    """The registration data of one client. The secrets stay out of repr, str and pickle."""

    client_id: str
    personal_code: str = field(repr=False)
    login: str = field(repr=False)
    password: str = field(repr=False)

    def __reduce__(self) -> NoReturn:
        """Refuse to be written into a cache, a queue or another process."""
        raise TypeError("a registration is not pickled: it holds secrets")


class Directory(Protocol):
    """Who the clients are. Numbers are E.164, in and out; calls are safe to repeat."""

    async def known(self, numbers: Sequence[str]) -> set[str]:
        """Return those of the numbers that belong to clients.

        One request for all of them. Raises RetryableError when there is no answer now.
        """
        ...

    async def registrations(self, numbers: Sequence[str]) -> Mapping[str, Registration]:
        """Return the registrations of those numbers that belong to clients.

        One request for all of them. Raises RetryableError when there is no answer now.
        """
        ...


class Identities(Protocol):
    """Which number is which client's, for people who look somebody up. No secret is opened.

    Apart from `Directory`: the worker needs none of it.
    """

    async def client_ids(self, numbers: Sequence[str]) -> Mapping[str, str]:
        """Return the client id of those of the numbers that belong to clients.

        One request for all of them. Raises RetryableError when there is no answer now.
        """
        ...

    async def numbers_of(self, client_id: str) -> list[str]:
        """Return the numbers of a client, `MOST_NUMBERS` at most; none for an unknown one.

        Raises RetryableError when there is no answer now.
        """
        ...

    async def close(self) -> None:
        """Give back what is held; a later call takes it again."""
        ...
