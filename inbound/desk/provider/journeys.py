"""Sign-ins on their way to the provider and back: a sealed cookie of the browser, and no row.

Only the browser that began has the cookie, so nobody is signed in with a code that somebody else
fetched. A code counts once at the provider, so the cookie needs no row that says so. Pure but for
random values.
"""

import base64
import json
import secrets
import zlib
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Final

from inbound.keys import UnsealError, VaultCipher

LASTS: Final = timedelta(minutes=10)
MAX_COOKIE: Final = 3800
"""Characters; browsers keep 4,096 bytes with name and attributes."""
_MAX_BYTES: Final = 256 * 1024
_CONTEXT: Final = b"desk sign-in at a provider"


@dataclass(frozen=True, slots=True)
class Journey:
    """One sign-in on its way. `kept` is a form that was sent to a page that needs a session."""

    to: str
    kept: str = field(repr=False)
    ends: int
    """Unix time in seconds."""
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    """The code verifier of PKCE (RFC 7636)."""


def set_out(to: str, kept: str, now: datetime) -> Journey:
    """Return a new journey."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Journey(to, kept, int((now + LASTS).timestamp()), state, nonce, verifier)


def sealed(journey: Journey, cipher: VaultCipher) -> str:
    """Return a journey as the value of a cookie; it may be longer than MAX_COOKIE."""
    content = zlib.compress(json.dumps(asdict(journey), ensure_ascii=False).encode(), 9)
    return base64.urlsafe_b64encode(cipher.seal(content, _CONTEXT)).decode().rstrip("=")


def opened(cookie: str, cipher: VaultCipher, now: datetime) -> Journey | None:
    """Return the journey of a cookie; None if it is not ours or too old."""
    if len(cookie) > MAX_COOKIE:
        return None
    try:
        content = cipher.open(base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4)), _CONTEXT)
        found = json.loads(zlib.decompressobj().decompress(content, _MAX_BYTES))
        journey = Journey(**{one.name: found[one.name] for one in fields(Journey)})
    except (ValueError, LookupError, zlib.error, UnsealError):
        return None
    return journey if now.timestamp() < journey.ends else None
