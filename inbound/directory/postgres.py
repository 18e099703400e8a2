"""The directory in the service's own PostgreSQL, filled by `scserv clients import`."""

from collections.abc import Sequence
from typing import Final

from inbound.directory.port import MOST_NUMBERS, Registration
from inbound.directory.sealing import ClientSealer
from inbound.keys import SubjectHasher
from inbound.store.connections import LazyConnection
from inbound.store.errors import raises_store_errors_async
from inbound.store.statements import statements

APPLICATION_NAME: Final = "scserv directory"

_SQL: Final = statements(__package__, "clients")
_FIND_CLIENTS = _SQL["find_clients"]
_FIND_REGISTRATIONS = _SQL["find_registrations"]
_FIND_CLIENT_IDS = _SQL["find_client_ids"]
_FIND_CLIENT_NUMBERS = _SQL["find_client_numbers"]


class PostgresDirectory:
    """`Directory` and `Identities` by keyed hash, on a connection of its own."""

    def __init__(
        self,
        url: str,
        subject_key: bytes,
        vault_key: bytes,
        *,
        application_name: str = APPLICATION_NAME,
    ) -> None:
        """Open nothing yet."""
        self._connection = LazyConnection(url, application_name)
        self._hasher = SubjectHasher(subject_key)
        self._sealer = ClientSealer(vault_key)
        self.where = self._connection.where

    @raises_store_errors_async
    async def known(self, numbers: Sequence[str]) -> set[str]:
        """See the port. Opens nothing that is sealed."""
        by_hash = self._hashed(numbers)
        conn = await self._connection.get()
        cursor = await conn.execute(_FIND_CLIENTS, {"hashes": list(by_hash)})
        return {by_hash[number_hash] async for (number_hash,) in cursor}

    @raises_store_errors_async
    async def registrations(self, numbers: Sequence[str]) -> dict[str, Registration]:
        """See the port. Raises UnsealError when a registration does not open."""
        by_hash = self._hashed(numbers)
        conn = await self._connection.get()
        cursor = await conn.execute(_FIND_REGISTRATIONS, {"hashes": list(by_hash)})
        return {
            by_hash[number_hash]: self._sealer.open_registration(sealed, number_hash)
            async for number_hash, sealed in cursor
        }

    @raises_store_errors_async
    async def client_ids(self, numbers: Sequence[str]) -> dict[str, str]:
        """See the port."""
        by_hash = self._hashed(numbers)
        conn = await self._connection.get()
        cursor = await conn.execute(_FIND_CLIENT_IDS, {"hashes": list(by_hash)})
        return {by_hash[number_hash]: client_id async for number_hash, client_id in cursor}

    @raises_store_errors_async
    async def numbers_of(self, client_id: str) -> list[str]:
        """See the port. Raises UnsealError when a number does not open."""
        conn = await self._connection.get()
        parameters = {"client_id": client_id, "limit": MOST_NUMBERS}
        cursor = await conn.execute(_FIND_CLIENT_NUMBERS, parameters)
        return [self._sealer.open_number(sealed, hash_) async for hash_, sealed in cursor]

    async def close(self) -> None:
        """Give back the connection; a later call opens it again."""
        await self._connection.close()

    def _hashed(self, numbers: Sequence[str]) -> dict[bytes, str]:
        return {self._hasher.hash(number): number for number in numbers}
