"""The directory in memory, for tests and for trying out."""

from collections.abc import Mapping, Sequence

from inbound.directory.port import Registration


class MemoryDirectory:
    """`inbound.directory.port.Directory` over a mapping from number to registration."""

    def __init__(self, clients: Mapping[str, Registration]) -> None:
        """Look at `clients` at each call, so the owner may change it."""
        self._clients = clients

    async def known(self, numbers: Sequence[str]) -> set[str]:
        """See the port."""
        return self._clients.keys() & set(numbers)

    async def registrations(self, numbers: Sequence[str]) -> dict[str, Registration]:
        """See the port."""
        return {number: self._clients[number] for number in numbers if number in self._clients}
