"""How a client stands in the table `clients`: number and registration sealed, a keyed digest.

The digest says whether a registration changed without opening it. It is keyed with the vault
key, so without that nobody can try out codes and passwords against it.
"""

import hashlib
import hmac
import json

from inbound.directory.port import Registration
from inbound.keys import VaultCipher

DIGEST_BYTES = 16


class ClientSealer:
    """Seals, opens and digests clients. The context of both columns is the number's hash."""

    __slots__ = ("_cipher", "_mac")

    def __init__(self, vault_key: bytes) -> None:
        self._cipher = VaultCipher(vault_key)
        self._mac = hmac.new(vault_key, b"scserv registration digest", hashlib.sha256)

    def number(self, number: str, number_hash: bytes) -> bytes:
        """Seal a number."""
        return self._cipher.seal(number.encode(), b"client:" + number_hash)

    def open_number(self, sealed: bytes, number_hash: bytes) -> str:
        """Open what `number` sealed."""
        return self._cipher.open(sealed, b"client:" + number_hash).decode()

    def registration(self, registration: Registration, number_hash: bytes) -> bytes:
        """Seal everything of a registration."""
        return self._cipher.seal(_packed(registration), b"registration:" + number_hash)

    def open_registration(self, sealed: bytes, number_hash: bytes) -> Registration:
        """Open what `registration` sealed."""
        opened = self._cipher.open(sealed, b"registration:" + number_hash)
        return Registration(*json.loads(opened))

    def digest(self, registration: Registration, number_hash: bytes) -> bytes:
        """Return bytes that change when anything of the client does."""
        mac = self._mac.copy()
        mac.update(number_hash + _packed(registration))
        return mac.digest()[:DIGEST_BYTES]


def _packed(client: Registration) -> bytes:
    fields = (client.client_id, client.personal_code, client.login, client.password)
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
