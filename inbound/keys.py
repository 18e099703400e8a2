"""The keys of the service and their use.

* The index key turns a number into a keyed hash (HMAC-SHA-256, RFC 2104, truncated to 16
  bytes). Without the key the number can't be found by trying all numbers. The verifiers of
  credentials are made with it, too. It never changes; the database has it, sealed.
* The subject key opens the index key, and does nothing else.
* The vault key encrypts ("seals") what must be read back later: numbers, registration data,
  parts of messages. AES-256-GCM, NIST SP 800-38D.

Subject and vault key are kept outside the database. No error, repr or log line of this module
contains a key, a number or a plaintext.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NewType
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from inbound.errors import MissingSettingError, PoisonError, SetupError

KEY_BYTES = 32
HASH_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16
FINGERPRINT_BYTES = 8
VERSION = b"\x01"

IndexKey = NewType("IndexKey", bytes)
"""The key of all hashes: `inbound.startup` gets it, so that no subject key is taken for it."""

_HEX_KEY = re.compile(r"[0-9a-fA-F]{64}")
_INDEX_KEY_CONTEXT = b"index key"
_MAKE_KEY = "make one with: openssl rand -base64 32"
_URLSAFE = str.maketrans("-_", "+/")


class UnsealError(PoisonError):
    """Sealed bytes belong to another key or context, or were altered."""


class SubjectHasher:
    """Hashes numbers. Indexes and Kafka keys contain the hash, never the number."""

    __slots__ = ("_mac",)

    def __init__(self, key: IndexKey) -> None:
        """Keep the keyed state; the key itself is not kept."""
        self._mac = hmac.new(_checked(key), digestmod=hashlib.sha256)

    def hash(self, number: str) -> bytes:
        """Return the 16 byte hash of an E.164 number; `.hex()` is the Kafka key.

        Raises ValueError for any other form: one number must not have two hashes.
        """
        if not (number[:1] == "+" and number[1:].isdecimal() and number.isascii()):
            raise ValueError("not a number in E.164 form")
        mac = self._mac.copy()
        mac.update(number.encode("ascii"))
        return mac.digest()[:HASH_BYTES]


class OrderHasher:
    """Makes keyed digests of orders and broadcasts, and their ids from idempotency keys.

    Keys and texts may hold a number, and the ids stand in public events: nobody without the index
    key may try all numbers.
    """

    __slots__ = ("_mac",)

    def __init__(self, key: IndexKey) -> None:
        """Keep the keyed state; the key itself is not kept."""
        self._mac = hmac.new(_checked(key), b"scserv order\0", hashlib.sha256)

    def order_id(self, account: str, idempotency_key: str) -> UUID:
        """Return the id of the account's order with this key: always the same."""
        return UUID(bytes=self.digest(b"id", account.encode(), idempotency_key.encode()), version=5)

    def broadcast_id(self, account: str, idempotency_key: str) -> UUID:
        """Return the id of the account's broadcast with this key: always the same."""
        digest = self.digest(b"broadcast id", account.encode(), idempotency_key.encode())
        return UUID(bytes=digest, version=5)

    def digest(self, *values: bytes) -> bytes:
        """Return a 16 byte digest of these values, the first of which says what they are."""
        mac = self._mac.copy()
        for value in values:
            mac.update(len(value).to_bytes(4))
            mac.update(value)
        return mac.digest()[:HASH_BYTES]


class CredentialHasher:
    """Makes the verifiers of credentials, which are too short or too often checked for Argon2.

    They are random, and a verifier is worth nothing without the index key.
    """

    __slots__ = ("_mac",)

    def __init__(self, key: IndexKey) -> None:
        """Keep the keyed state; the key itself is not kept."""
        self._mac = hmac.new(_checked(key), b"scserv credential\0", hashlib.sha256)

    def verifier(self, kind: str, account: str, secret: str) -> bytes:
        """Return the 32 bytes to store: of this kind of secret, of this account alone."""
        mac = self._mac.copy()
        for value in (kind, account, secret):
            encoded = value.encode("utf-8", "surrogatepass")
            mac.update(len(encoded).to_bytes(4))
            mac.update(encoded)
        return mac.digest()


@dataclass(frozen=True, slots=True)
class VaultKeys:
    """The vault key, and while it is rotated the other one, which opens and never seals."""

    sealing: bytes = field(repr=False)
    other: bytes | None = field(default=None, repr=False)


VaultKey = bytes | VaultKeys
"""What a cipher is made with."""


class VaultCipher:
    """Encrypts small secrets. Sealed bytes: version (1), nonce (12), ciphertext and tag.

    The context names the owner of the bytes and is authenticated with them, so a sealed value
    that was copied into another row does not open. Random 96-bit nonces allow 2**32 values for
    one key (SP 800-38D, section 8.3).
    """

    __slots__ = ("_aead", "_others", "_random")

    def __init__(self, key: VaultKey, random: Callable[[int], bytes] = os.urandom) -> None:
        """Keep the keys inside the cipher object only; `random` makes the nonces."""
        keys = key if isinstance(key, VaultKeys) else VaultKeys(key)
        self._aead = AESGCM(_checked(keys.sealing))
        self._others = () if keys.other is None else (AESGCM(_checked(keys.other)),)
        self._random = random

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Encrypt. Two calls with the same input return different bytes."""
        nonce = self._random(NONCE_BYTES)
        return VERSION + nonce + self._aead.encrypt(nonce, plaintext, VERSION + context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt the result of `seal` for the same context. Raises UnsealError."""
        if sealed[:1] != VERSION or len(sealed) < 1 + NONCE_BYTES + TAG_BYTES:
            raise UnsealError("sealed data has an unknown form")
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        for aead in (self._aead, *self._others):
            with suppress(InvalidTag):
                opened: bytes = aead.decrypt(nonce, body, VERSION + context)
                return opened
        raise UnsealError("sealed data does not open: wrong key, wrong row, or damaged")


def seal_index_key(index_key: IndexKey, subject_key: bytes) -> bytes:
    """Seal the index key for a subject key."""
    return _index_key_cipher(subject_key).seal(_checked(index_key), _INDEX_KEY_CONTEXT)


def open_index_key(sealed: bytes, subject_key: bytes) -> IndexKey:
    """Open what `seal_index_key` sealed for this subject key. Raises UnsealError."""
    return IndexKey(_index_key_cipher(subject_key).open(sealed, _INDEX_KEY_CONTEXT))


def _index_key_cipher(subject_key: bytes) -> VaultCipher:
    """Seal with a derived key: in older databases the subject key itself hashes numbers."""
    mac = hmac.new(_checked(subject_key), b"scserv index key\0", hashlib.sha256)
    return VaultCipher(mac.digest())


def fingerprint(key: bytes) -> bytes:
    """Return the 8 bytes by which a database recognises the key it was filled with."""
    mac = hmac.new(_checked(key), b"scserv key fingerprint", hashlib.sha256)
    return mac.digest()[:FINGERPRINT_BYTES]


def parse_key(text: str, name: str) -> bytes:
    """Read the 32 bytes of the setting `name`: base64 (either alphabet) or 64 hex digits."""
    text = text.strip()
    if not text:
        raise MissingSettingError(name, f"for a new installation {_MAKE_KEY}")
    if _HEX_KEY.fullmatch(text):
        return bytes.fromhex(text)
    try:
        key = base64.b64decode(text.translate(_URLSAFE), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise SetupError(
            f"{name} is not a key. A key is 32 bytes in base64 or 64 hex digits; {_MAKE_KEY}"
        )
    return key


def _checked(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
    return key
