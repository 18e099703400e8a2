"""Bearer tokens: creating, parsing and hashing them.

A token is 256 random bits after a prefix by which people and secret scanners recognise it. The
database stores only its SHA-256. Passwords need a slow, salted hash (bcrypt, Argon2) because
they can be guessed; 256 random bits can't, so a hash that is fast enough for every request is
as safe.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Final

PREFIX: Final = "scs_"
TOKEN_BYTES: Final = 32

_FORM: Final = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
_DURATION: Final = re.compile(r"([1-9][0-9]{0,4})([dhm])")
_UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


class Scope(StrEnum):
    """What a token allows."""

    RESOLVE = "resolve"
    READ = "read"
    REVEAL = "reveal"
    SEND = "send"


def new_token(random: Callable[[int], str] = secrets.token_urlsafe) -> str:
    """Return a new token. It is never stored, so this is the only time to show it."""
    return PREFIX + random(TOKEN_BYTES)


def digest_of(token: str) -> bytes:
    """Return the SHA-256 under which a token is stored."""
    return hashlib.sha256(token.encode("ascii")).digest()


def parse_bearer(header: str | None) -> str | None:
    """Return the token of an Authorization header (RFC 6750, 2.1).

    None when the header is missing or can't contain one of our tokens.
    """
    scheme, _, token = (header or "").partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not _FORM.fullmatch(token):
        return None
    return token


def parse_duration(text: str) -> timedelta:
    """Parse `90d`, `12h` or `30m`. Raises ValueError for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("use a number with d, h or m, like 90d")
    return int(match[1]) * _UNITS[match[2]]
