"""Signs callbacks as Standard Webhooks 1.0 says (standard-webhooks.md, "Signature scheme").

The signature is HMAC-SHA-256 over id, timestamp and body with dots between them. Our own few lines:
the reference library, which the tests receive with, signs with one secret only.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


def new_secret(random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Return a new secret, as its receivers know it."""
    return PREFIX + base64.b64encode(random(SECRET_BYTES)).decode()


def signed_headers(
    secrets_: Sequence[str], callback_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the headers of a signed call. `timestamp` is in seconds since 1970.

    While a secret is rotated there are two, and a signature by each: a receiver that knows one of
    them accepts the call ("Webhook signature", key rotation).
    """
    signed = f"{callback_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": callback_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets_),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def secret_context(account: str) -> bytes:
    """Return the context in which the secret of an account's URL is sealed."""
    return b"callback:" + account.encode()
