"""The directory in memory, for tests and for trying out."""

from collections.abc import Mapping, Sequence

from inbound.directory.port import MOST_NUMBERS, Registration


class MemoryDirectory:
    """`Directory` and `Identities` over a mapping from number to registration."""

    def __init__(self, clients: Mapping[str, Registration]) -> None:
        """Look at `clients` at each call, so the owner may change it."""
        self._clients = clients

    async def known(self, numbers: Sequence[str]) -> set[str]:
        """See the port."""
        return self._clients.keys() & set(numbers)

    async def registrations(self, numbers: Sequence[str]) -> dict[str, Registration]:
        """See the port."""
        return {number: self._clients[number] for number in numbers if number in self._clients}

    async def client_ids(self, numbers: Sequence[str]) -> dict[str, str]:
        """See the port."""
        found = await self.registrations(numbers)
        return {number: registration.client_id for number, registration in found.items()}

    async def numbers_of(self, client_id: str) -> list[str]:
        """See the port."""
        clients = self._clients.items()
        return [number for number, who in clients if who.client_id == client_id][:MOST_NUMBERS]

    async def close(self) -> None:
        """See the port."""
