"""Passwords of the desk: which are accepted, and their argon2id hashes (RFC 9106).

A password has to be long rather than to mix kinds of characters, and must not be a common one (NIST
SP 800-63B, 3.1.1.2). Hashing takes 64 MiB and about a tenth of a second: the desk does it in a
thread, one after the other.
"""

import unicodedata
from functools import cache
from importlib.resources import files
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_CHARS: Final = 12
MAX_CHARS: Final = 256

_HASHER: Final = PasswordHasher()
_DIFFERENT: Final = 5


class PasswordError(ValueError):
    """A password that is not accepted; str() is a key of the desk's words."""


def check_password(password: str, name: str) -> None:
    """Raise PasswordError for a password that the user of this name must not have."""
    plain = _normal(password)
    if len(plain) < MIN_CHARS:
        raise PasswordError("A password needs at least 12 characters.")
    if len(plain) > MAX_CHARS:
        raise PasswordError("A password has at most 256 characters.")
    folded = plain.casefold()
    if name.casefold() in folded:
        raise PasswordError("The password must not contain the name of the user.")
    if len(set(folded)) < _DIFFERENT or _is_common(folded):
        raise PasswordError("This password is one of those that are guessed first.")


def hash_password(password: str) -> str:
    """Return the argon2id hash. Blocks for a tenth of a second."""
    return _HASHER.hash(_normal(password))


def needs_upgrade(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


def fits(password: str, password_hash: str | None) -> bool:
    """Whether the password has this hash. Takes as long without a hash, and is False then."""
    try:
        return _HASHER.verify(password_hash or _nobody(), _normal(password)) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    """Return the same text for the same characters, however a keyboard composes them."""
    return unicodedata.normalize("NFKC", password)


@cache
def _nobody() -> str:
    """Return the hash that is checked for a name that nobody has."""
    return _HASHER.hash("a password that no user has")


@cache
def _common() -> frozenset[str]:
    lines = files(__package__).joinpath("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _is_common(folded: str) -> bool:
    """Whether it is a common word or row of keys, with digits and signs around it."""
    core = folded.strip("0123456789!?.,@#$%^&*()_+-= ")
    return (
        folded in _common()
        or core in _common()
        or any(folded == word * (len(folded) // len(word)) for word in _common())
    )
