"""Encrypts clients for the table `clients`, and makes a keyed digest of each.

The digest shows whether a registration changed without decrypting it. It is keyed with the
vault key, so codes and passwords can't be guessed from it without that key.
"""

import hashlib
import hmac
import json

from inbound.directory.port import Registration
from inbound.keys import VaultCipher, VaultKey, VaultKeys

DIGEST_BYTES = 16


class ClientSealer:
    """Seals, opens and digests clients. The number's hash is the context of both columns."""

    __slots__ = ("_cipher", "_mac")

    def __init__(self, vault_key: VaultKey) -> None:
        self._cipher = VaultCipher(vault_key)
        key = vault_key.sealing if isinstance(vault_key, VaultKeys) else vault_key
        self._mac = hmac.new(key, b"scserv registration digest", hashlib.sha256)

    def seal_number(self, number: str, number_hash: bytes) -> bytes:
        """Seal a number."""
        return self._cipher.seal(number.encode(), b"client:" + number_hash)

    def open_number(self, sealed: bytes, number_hash: bytes) -> str:
        """Open a sealed number."""
        return self._cipher.open(sealed, b"client:" + number_hash).decode()

    def seal_registration(self, registration: Registration, number_hash: bytes) -> bytes:
        """Seal all fields of a registration."""
        return self._cipher.seal(_pack(registration), b"registration:" + number_hash)

    def open_registration(self, sealed: bytes, number_hash: bytes) -> Registration:
        """Open a sealed registration."""
        opened = self._cipher.open(sealed, b"registration:" + number_hash)
        return Registration(*json.loads(opened))

    def digest(self, registration: Registration, number_hash: bytes) -> bytes:
        """Return a digest that changes when any field of the client changes."""
        mac = self._mac.copy()
        mac.update(number_hash + _pack(registration))
        return mac.digest()[:DIGEST_BYTES]


def _pack(client: Registration) -> bytes:
    fields = (client.client_id, client.personal_code, client.login, client.password)
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
