"""The directory in memory, for tests."""

from collections.abc import Mapping, Sequence

from typing_extensions import override

from inbound.directory.port import MAX_NUMBERS, Directory, Identities, Recipients, Registration


class MemoryDirectory(Directory, Identities, Recipients):
    """`Directory`, `Identities` and `Recipients` over a mapping from number to registration."""

    def __init__(self, clients: Mapping[str, Registration]) -> None:
        """Reads `clients` at each call, so the owner may change it."""
        self._clients = clients

    @override
    async def known(self, numbers: Sequence[str]) -> set[str]:
        return self._clients.keys() & set(numbers)

    @override
    async def registrations(self, numbers: Sequence[str]) -> dict[str, Registration]:
        return {number: self._clients[number] for number in numbers if number in self._clients}

    @override
    async def size(self) -> int:
        return len(self._clients)

    @override
    async def client_ids(self, numbers: Sequence[str]) -> dict[str, str]:
        found = await self.registrations(numbers)
        return {number: registration.client_id for number, registration in found.items()}

    @override
    async def numbers_of(self, client_ids: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for number, who in self._clients.items():
            if who.client_id in client_ids:
                found.setdefault(who.client_id, []).append(number)
        return {client_id: numbers[:MAX_NUMBERS] for client_id, numbers in found.items()}

    @override
    async def numbers_of_clients(self, client_ids: Sequence[str]) -> dict[str, str]:
        wanted = set(client_ids)
        clients = self._clients.items()
        return {who.client_id: number for number, who in clients if who.client_id in wanted}

    @override
    async def close(self) -> None:
        """Nothing to close."""
