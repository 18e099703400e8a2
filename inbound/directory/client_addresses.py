"""Loads the addresses of clients in a channel: e-mail addresses, or chats with a bot.

A client that the file doesn't name keeps its address; an empty address removes it. A file with
anything unclear in it changes nothing. Addresses are sealed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import psycopg

from inbound.directory.client_tables import (
    CLIENT_ID_COLUMN,
    ClientRowError,
    read_clear_rows,
    read_client_id,
)
from inbound.keys import IndexKey, OrderHasher, VaultCipher, VaultKey
from inbound.parsers.channel_addresses import ChannelAddressError, parse_address
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements
from inbound.tables.cells import CellError, read_text
from inbound.tables.columns import Column
from inbound.tables.model import BadRow, Row
from schemas.channels import Channel

ADDRESS: Final = "address"
ADDRESS_COLUMNS: Final = (
    CLIENT_ID_COLUMN,
    Column(
        ADDRESS,
        (
            *("email", "e mail", "mail", "email address", "chat", "chat id", "telegram"),
            *("адрес", "почта", "электронная почта", "эл почта", "чат", "телеграм"),
        ),
    ),
)

_SQL: Final = statements(__package__, "clients")
_SET_ADDRESSES: Final = _SQL["set_addresses"]
_REMOVE_ADDRESSES: Final = _SQL["remove_addresses"]


class AddressSealer:
    """Seals addresses of clients, each for its client and channel, and makes their keyed hashes."""

    def __init__(self, index_key: IndexKey, vault_key: VaultKey) -> None:
        self._cipher = VaultCipher(vault_key)
        self._hasher = OrderHasher(index_key)

    def seal(self, channel: Channel, client_id: str, address: str) -> bytes:
        """Seal an address."""
        return self._cipher.seal(address.encode(), address_context(channel.value, client_id))

    def open(self, channel: Channel, client_id: str, sealed: bytes) -> str:
        """Open what `seal` sealed. Raises UnsealError."""
        return self._cipher.open(sealed, address_context(channel.value, client_id)).decode()

    def hash(self, channel: Channel, address: str) -> bytes:
        """Return the hash by which an address is found, whatever the case of its letters."""
        return self._hasher.digest(b"address", channel.value.encode(), address.lower().encode())


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """A client and its address, None without one."""

    client_id: str
    address: str | None = field(repr=False)


def address_reader(channel: Channel) -> Callable[[Iterable[Row | BadRow]], Iterator[ClientAddress]]:
    """Return a reader of the addresses in a table; it raises `UnclearRowsError` at its end."""

    def read(row: Row) -> ClientAddress:
        client_id = read_client_id(row.cells[0])
        try:
            text = read_text(row.cells[1], whole_numbers=channel is Channel.BOT)
            return ClientAddress(client_id, parse_address(channel, text) if text else None)
        except (CellError, ChannelAddressError) as error:
            raise ClientRowError(f"{ADDRESS} {error}") from None

    return lambda rows: read_clear_rows(rows, read)


@raises_store_errors
def set_addresses(
    conn: psycopg.Connection,
    channel: Channel,
    addresses: Iterable[ClientAddress],
    sealer: AddressSealer,
) -> tuple[int, int]:
    """Set these addresses in one transaction; of a client the last one counts.

    Returns how many of them are of clients of the directory, and how many are not and were not
    stored.
    """
    by_client = {one.client_id: one.address for one in addresses}
    given = {client_id: address for client_id, address in by_client.items() if address}
    with conn.transaction():
        parameters = {"client_ids": list(by_client), "channel": channel.value}
        row = conn.execute(_REMOVE_ADDRESSES, parameters).fetchone()
        known = int(row[0]) if row else 0
        conn.execute(
            _SET_ADDRESSES,
            {
                "channel": channel.value,
                "client_ids": list(given),
                "sealed": [sealer.seal(channel, *one) for one in given.items()],
                "hashes": [sealer.hash(channel, one) for one in given.values()],
            },
        )
    return known, len(by_client) - known


def address_context(channel: str, client_id: str) -> bytes:
    """Return the context in which the address of a client in a channel is sealed."""
    return f"address:{channel}:{client_id}".encode()
