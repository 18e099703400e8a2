"""Cookies of the desk, and what is derived from them. Pure but for `new_token`.

The database has the SHA-256 of a session's cookie only. The cookie has 256 random bits, so there is
nothing to guess and nothing to salt. A form's token is an HMAC of the cookie: it needs no row, and
still tells one's own form from a forged one after the session has ended.
"""

import hashlib
import hmac
import re
import secrets
from typing import Final

_COOKIE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_FORM: Final = b"scserv desk form"


def new_token() -> str:
    """Return a new cookie: 256 random bits."""
    return secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    """Whether a cookie is one of ours by its form."""
    return _COOKIE.fullmatch(text) is not None


def digest_of(text: str) -> bytes:
    """Return the SHA-256 of a cookie or of the name of a browser."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def form_token(cookie: str) -> str:
    """Return the token of the forms that are sent with this cookie."""
    return hmac.new(cookie.encode(), _FORM, hashlib.sha256).hexdigest()


def is_form_token(given: str, cookie: str) -> bool:
    """Whether a form was made for this cookie."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), form_token(cookie).encode())
