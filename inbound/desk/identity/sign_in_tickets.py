"""Tickets of people whose password was right and whose code is still asked for. Pure.

A ticket is a field of a form, so it needs no row and survives a restart. It is signed, and valid
for a few minutes, for one browser and for the password that was given.
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final

LASTS: Final = timedelta(minutes=5)
_SIGNS: Final = b"scserv desk ticket"


def make_ticket(name: str, browser: str, password_hash: str, key: bytes, now: datetime) -> str:
    """Return a ticket of a user; names have no colons."""
    ends = int((now + LASTS).timestamp())
    return f"{name}:{ends}:{_signature(name, ends, browser, password_hash, key)}"


def name_of(ticket: str) -> str:
    """Return the user that the ticket claims to be for."""
    return ticket.partition(":")[0]


def is_valid(ticket: str, browser: str, password_hash: str, key: bytes, now: datetime) -> bool:
    """Whether a ticket is ours, of this browser and password, and not too old."""
    name, _, rest = ticket.partition(":")
    end, _, given = rest.partition(":")
    if not end.isascii() or not end.isdigit() or len(end) > 12:
        return False
    ends = int(end)
    expected = _signature(name, ends, browser, password_hash, key)
    is_ours = hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
    return is_ours and now < datetime.fromtimestamp(ends, UTC)


def _signature(name: str, ends: int, browser: str, password_hash: str, key: bytes) -> str:
    parts = (name, str(ends), browser, password_hash)
    mac = hmac.new(key, _SIGNS, hashlib.sha256)
    for part in parts:
        encoded = part.encode("utf-8", "surrogateescape")
        mac.update(len(encoded).to_bytes(8, "big") + encoded)
    return mac.hexdigest()
