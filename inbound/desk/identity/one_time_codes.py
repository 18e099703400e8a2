"""One-time codes of a second factor: time-based ones (RFC 6238), and recovery codes.

Pure, except for random values. A code of the time step before and after counts too, because clocks
differ (RFC 6238, 5.2).
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import pyotp

STEP_S: Final = 30
CODES: Final = 10
_DRIFT: Final = 1
_CODE_BYTES: Final = 10
_ISSUER: Final = "SCSERV"


def new_secret() -> str:
    """Return a new secret of 160 bits, in base 32 as authenticator apps have it."""
    return pyotp.random_base32()


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step whose code this is, if it is near; None for a wrong code."""
    otp = pyotp.TOTP(secret)
    present = int(now.timestamp()) // STEP_S
    found = None
    for step in range(present - _DRIFT, present + _DRIFT + 1):
        if hmac.compare_digest(otp.generate_otp(step).encode(), code.encode("utf-8", "replace")):
            found = step
    return found


def plain(typed: str) -> str:
    """Return a code without the blanks and dashes that people type."""
    return "".join(typed.split()).replace("-", "").upper()


def new_recovery_codes() -> list[str]:
    """Return new recovery codes of 80 random bits each, as people read them."""
    return [_readable(secrets.token_bytes(_CODE_BYTES)) for _ in range(CODES)]


def digest_of_code(code: str) -> bytes:
    """Return the SHA-256 under which a recovery code is stored; there is nothing to guess."""
    return hashlib.sha256(plain(code).encode("utf-8", "replace")).digest()


def address_of(secret: str, name: str) -> str:
    """Return the URI that authenticator apps read from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def qr_code(text: str) -> tuple[int, str]:
    """Return the width of a QR code in modules, and its dark ones as the path of an SVG."""
    import segno  # slow to import, and few processes ever make a code

    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    return len(rows), "".join(_dashes(rows))


def _dashes(rows: list[bytes]) -> Iterator[str]:
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            width = len(row) - x - len(row[x:].lstrip(b"\x01"))
            if width:
                yield f"M{x} {y}h{width}v1h-{width}z"
            x += max(width, 1)


def _readable(random: bytes) -> str:
    text = base64.b32encode(random).decode()
    return "-".join(text[n : n + 4] for n in range(0, len(text), 4))
