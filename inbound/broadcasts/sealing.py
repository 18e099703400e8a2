"""Encrypts the content of an audience.

A number is sealed as in the directory, so that rows of `clients` are copied as they are.
"""

from collections.abc import Mapping
from uuid import UUID

from pydantic_core import from_json, to_json

from inbound.broadcasts.audience import Held
from inbound.directory.sealing import ClientSealer
from inbound.keys import VaultCipher, VaultKey


class AudienceSealer:
    """Seals and opens columns of broadcasts, recipients and excluded rows."""

    __slots__ = ("_cipher", "_clients")

    def __init__(self, vault_key: VaultKey) -> None:
        self._cipher = VaultCipher(vault_key)
        self._clients = ClientSealer(vault_key)

    def seal_number(self, number: str, number_hash: bytes) -> bytes:
        """Seal a number."""
        return self._clients.seal_number(number, number_hash)

    def open_number(self, sealed: bytes, number_hash: bytes) -> str:
        """Open a sealed number."""
        return self._clients.open_number(sealed, number_hash)

    def seal_text(self, text: str, broadcast_id: UUID) -> bytes:
        """Seal the text of a broadcast."""
        return self._cipher.seal(text.encode(), b"broadcast:" + broadcast_id.bytes)

    def open_text(self, sealed: bytes, broadcast_id: UUID) -> str:
        """Open the text of a broadcast."""
        return self._cipher.open(sealed, b"broadcast:" + broadcast_id.bytes).decode()

    def seal_fields(
        self, fields: Mapping[str, str], broadcast_id: UUID, number_hash: bytes
    ) -> bytes:
        """Seal the fields of one recipient."""
        return self._cipher.seal(to_json(fields), b"fields:" + broadcast_id.bytes + number_hash)

    def open_fields(self, sealed: bytes, broadcast_id: UUID, number_hash: bytes) -> dict[str, str]:
        """Open the fields of one recipient."""
        opened = self._cipher.open(sealed, b"fields:" + broadcast_id.bytes + number_hash)
        fields: dict[str, str] = from_json(opened)
        return fields

    def seal_row(self, held: Held, broadcast_id: UUID, row_no: int) -> bytes:
        """Seal the content of an excluded row."""
        sealed = to_json([held.cells, held.rest])
        return self._cipher.seal(sealed, _row_context(broadcast_id, row_no))

    def open_row(self, sealed: bytes, broadcast_id: UUID, row_no: int) -> Held:
        """Open the content of an excluded row."""
        opened = from_json(self._cipher.open(sealed, _row_context(broadcast_id, row_no)))
        match opened:
            case [list(cells), str(rest)]:
                return Held(tuple(cells), rest)
            case _:  # sealed by an earlier version: the cells alone
                return Held(tuple(opened))


def _row_context(broadcast_id: UUID, row_no: int) -> bytes:
    return b"excluded:" + broadcast_id.bytes + row_no.to_bytes(8)
