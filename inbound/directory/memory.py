"""The directory in memory, for tests."""

from collections.abc import Mapping, Sequence

from typing_extensions import override

from inbound.directory.port import MAX_NUMBERS, ClientNumbers, Directory, Identities, Registration
from schemas.channels import Channel


class MemoryDirectory(Directory, Identities, ClientNumbers):
    """`Directory`, `Identities` and `ClientNumbers` over a mapping from number to registration."""

    def __init__(
        self,
        clients: Mapping[str, Registration],
        addresses: Mapping[tuple[Channel, str], str] | None = None,
    ) -> None:
        """Reads both at each call, so the owner may change them.

        `addresses` are by channel and client id.
        """
        self._clients = clients
        self._addresses = {} if addresses is None else addresses

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
    async def addresses(self, channel: Channel, numbers: Sequence[str]) -> dict[str, str]:
        return {
            number: address
            for number, client_id in (await self.client_ids(numbers)).items()
            if (address := self._addresses.get((channel, client_id)))
        }

    @override
    async def clients_of_addresses(
        self, channel: Channel, addresses: Sequence[str]
    ) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        wanted = {one.lower(): one for one in addresses}
        for (of_channel, client_id), address in self._addresses.items():
            if of_channel is channel and address.lower() in wanted:
                found.setdefault(wanted[address.lower()], []).append(client_id)
        return {address: ids[0] for address, ids in found.items() if len(ids) == 1}

    @override
    async def close(self) -> None:
        """Nothing to close."""
