"""Bearer tokens: how one is made, read and known again.

A token is 256 random bits behind a prefix by which people and secret scanners recognise it.
The database keeps its SHA-256 only. A slow, salted hash (bcrypt, Argon2) protects what people
choose, because that can be guessed; nobody guesses 256 random bits, so the fast one protects
as well and can be computed for every request.
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


def new_token(random: Callable[[int], str] = secrets.token_urlsafe) -> str:
    """Return a new token: the only moment at which it is known to us."""
    return PREFIX + random(TOKEN_BYTES)


def digest_of(token: str) -> bytes:
    """Return the SHA-256 by which a token is stored and found."""
    return hashlib.sha256(token.encode("ascii")).digest()


def parse_bearer(header: str | None) -> str | None:
    """Return the token of an Authorization header (RFC 6750, 2.1).

    None when there is no such header, or what it holds can't be a token of ours.
    """
    scheme, _, token = (header or "").partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not _FORM.fullmatch(token):
        return None
    return token


def parse_duration(text: str) -> timedelta:
    """Read `90d`, `12h` or `30m`; raise ValueError for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("takes a number and d, h or m, as in 90d")
    return int(match[1]) * _UNITS[match[2]]
