"""The credentials of an account at the ingress: making them, and what is stored of them.

The dialects dictate their form. SMPP allows a password of 8 characters; SMSC over HTTP sends it,
or its MD5, with every request. A slow hash (Argon2) would therefore cost 50 ms of CPU a request
and gain nothing: the secrets are random, and the verifiers are keyed (HMAC-SHA-256). Whoever
reads the database without the service's key can't try them, and somebody who guesses is
throttled (`inbound.ingress.failures`).
"""

import hashlib
import re
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from inbound.keys import CredentialHasher
from inbound.store.access.account_credentials import NewVerifiers

PASSWORD_CHARACTERS: Final = 8
"""As many as SMPP allows (SMPP 3.4, 4.1.1)."""
LONGEST_LOGIN: Final = 15
"""The longest system_id of SMPP."""

_ALPHABET: Final = string.ascii_letters + string.digits
_KEY_BYTES: Final = 16
_MD5: Final = re.compile("[0-9a-fA-F]{32}")
_FIRST_SERVICE: Final = 10**14
_LAST_SERVICE: Final = 10**15


class SecretKind(Enum):
    """The secrets of an account. The values stand in verifiers and never change."""

    PASSWORD = "password"  # noqa: S105 — the kind
    KEY = "key"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a program needs to know; shown once."""

    id: int
    login: str
    key: str = field(repr=False)
    password: str = field(repr=False)
    service_id: int = field(repr=False)


def new_credentials(
    account: str, number: int, random: Callable[[int], int] = secrets.randbelow
) -> Credentials:
    """Return new credentials of the account with this number.

    The login is the account's name. A name that is too long for SMPP is replaced by `A` and the
    number; names of accounts have no capital letters.
    """
    return Credentials(
        id=number,
        login=account if len(account) <= LONGEST_LOGIN else f"A{number}",
        key=f"{random(256**_KEY_BYTES):0{2 * _KEY_BYTES}x}",
        password="".join(_ALPHABET[random(len(_ALPHABET))] for _ in range(PASSWORD_CHARACTERS)),
        service_id=_FIRST_SERVICE + random(_LAST_SERVICE - _FIRST_SERVICE),
    )


def verifiers_of(hasher: CredentialHasher, account: str, credentials: Credentials) -> NewVerifiers:
    """Return what is stored of credentials."""
    md5 = md5_of(credentials.password)
    return NewVerifiers(
        account,
        credentials.login,
        hasher.verifier(SecretKind.PASSWORD.value, account, md5),
        key_verifier(hasher, credentials.key),
        hasher.verifier(SecretKind.SERVICE.value, account, str(credentials.service_id)),
    )


def key_verifier(hasher: CredentialHasher, key: str) -> bytes:
    """Return what is stored of a key, which may stand for its account by itself."""
    return hasher.verifier(SecretKind.KEY.value, "", key)


def md5_of(password: str) -> str:
    """Return the MD5 of a password as SMSC's programs send it: in small hex digits."""
    encoded = password.encode("utf-8", "surrogatepass")
    return hashlib.md5(encoded, usedforsecurity=False).hexdigest()


def password_forms(given: str) -> tuple[str, ...]:
    """Return the MD5s that a given password may stand for: its own, or itself if it is one."""
    return (md5_of(given), given.lower()) if _MD5.fullmatch(given) else (md5_of(given),)
