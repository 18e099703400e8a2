"""The directory in the service's own PostgreSQL, filled by `scserv clients import`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from typing_extensions import override

from inbound.directory.client_addresses import AddressSealer
from inbound.directory.port import MAX_NUMBERS, ClientNumbers, Directory, Identities, Registration
from inbound.directory.sealing import ClientSealer
from inbound.keys import IndexKey, SubjectHasher, VaultKey
from inbound.store.connections import LazyConnection
from inbound.store.errors import raises_store_errors_async
from inbound.store.statements import statements
from schemas.channels import Channel

APPLICATION_NAME: Final = "scserv directory"

_SQL: Final = statements(__package__, "clients")
_FIND_CLIENTS = _SQL["find_clients"]
_FIND_REGISTRATIONS = _SQL["find_registrations"]
_COUNT_CLIENTS = _SQL["count_clients"]
_FIND_CLIENT_IDS = _SQL["find_client_ids"]
_FIND_NUMBERS_OF_CLIENTS = _SQL["find_numbers_of_clients"]
_FIND_CLIENT_NUMBERS = _SQL["find_client_numbers"]
_FIND_ADDRESSES = _SQL["find_addresses"]
_FIND_CLIENTS_OF_ADDRESSES = _SQL["find_clients_of_addresses"]


class PostgresDirectory(Directory, Identities, ClientNumbers):
    """All ports of the directory by keyed hash, on a connection of its own."""

    def __init__(
        self,
        url: str,
        index_key: IndexKey,
        vault_key: VaultKey,
        *,
        application_name: str = APPLICATION_NAME,
    ) -> None:
        """Connects at the first call."""
        self._connection = LazyConnection(url, application_name)
        self._hasher = SubjectHasher(index_key)
        self._sealer = ClientSealer(vault_key)
        self._addresses = AddressSealer(index_key, vault_key)
        self.where = self._connection.where

    @override
    @raises_store_errors_async
    async def known(self, numbers: Sequence[str]) -> set[str]:
        by_hash = self._hashed(numbers)
        conn = await self._connection.get()
        cursor = await conn.execute(_FIND_CLIENTS, {"hashes": list(by_hash)})
        return {by_hash[number_hash] async for (number_hash,) in cursor}

    @override
    @raises_store_errors_async
    async def registrations(self, numbers: Sequence[str]) -> dict[str, Registration]:
        """As the port; also raises UnsealError when a registration can't be decrypted."""
        by_hash = self._hashed(numbers)
        conn = await self._connection.get()
        cursor = await conn.execute(_FIND_REGISTRATIONS, {"hashes": list(by_hash)})
        return {
            by_hash[number_hash]: replace(
                self._sealer.open_registration(sealed, number_hash), case_open_until=open_until
            )
            async for number_hash, sealed, open_until in cursor
        }

    @override
    @raises_store_errors_async
    async def size(self) -> int:
        conn = await self._connection.get()
        row = await (await conn.execute(_COUNT_CLIENTS)).fetchone()
        return int(row[0]) if row else 0

    @override
    @raises_store_errors_async
    async def client_ids(self, numbers: Sequence[str]) -> dict[str, str]:
        by_hash = self._hashed(numbers)
        conn = await self._connection.get()
        cursor = await conn.execute(_FIND_CLIENT_IDS, {"hashes": list(by_hash)})
        return {by_hash[number_hash]: client_id async for number_hash, client_id in cursor}

    @override
    @raises_store_errors_async
    async def numbers_of(self, client_ids: Sequence[str]) -> dict[str, list[str]]:
        """As the port; also raises UnsealError when a number can't be decrypted."""
        conn = await self._connection.get()
        parameters = {"client_ids": list(dict.fromkeys(client_ids)), "limit": MAX_NUMBERS}
        cursor = await conn.execute(_FIND_CLIENT_NUMBERS, parameters)
        found: dict[str, list[str]] = {}
        async for client_id, number_hash, sealed in cursor:
            found.setdefault(client_id, []).append(self._sealer.open_number(sealed, number_hash))
        return found

    @override
    @raises_store_errors_async
    async def numbers_of_clients(self, client_ids: Sequence[str]) -> dict[str, str]:
        """As the port; also raises UnsealError when a number can't be decrypted."""
        conn = await self._connection.get()
        parameters = {"client_ids": list(client_ids)}
        cursor = await conn.execute(_FIND_NUMBERS_OF_CLIENTS, parameters)
        return {id_: self._sealer.open_number(sealed, hash_) async for id_, hash_, sealed in cursor}

    @override
    @raises_store_errors_async
    async def addresses(self, channel: Channel, numbers: Sequence[str]) -> dict[str, str]:
        """As the port; also raises UnsealError when an address can't be decrypted."""
        by_hash = self._hashed(numbers)
        conn = await self._connection.get()
        parameters = {"hashes": list(by_hash), "channel": channel.value}
        cursor = await conn.execute(_FIND_ADDRESSES, parameters)
        return {
            by_hash[number_hash]: self._addresses.open(channel, client_id, sealed)
            async for number_hash, client_id, sealed in cursor
        }

    @override
    @raises_store_errors_async
    async def clients_of_addresses(
        self, channel: Channel, addresses: Sequence[str]
    ) -> dict[str, str]:
        by_hash = {self._addresses.hash(channel, one): one for one in addresses}
        conn = await self._connection.get()
        parameters = {"hashes": list(by_hash), "channel": channel.value}
        cursor = await conn.execute(_FIND_CLIENTS_OF_ADDRESSES, parameters)
        return {by_hash[address_hash]: client_id async for address_hash, client_id in cursor}

    @override
    async def close(self) -> None:
        """Close the connection; a later call opens it again."""
        await self._connection.close()

    def _hashed(self, numbers: Sequence[str]) -> dict[bytes, str]:
        return {self._hasher.hash(number): number for number in numbers}
