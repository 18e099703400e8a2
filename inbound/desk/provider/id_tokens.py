"""Checks ID tokens (OpenID Connect Core 1.0, section 3.1.3.7). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from inbound.desk.provider.errors import UNREADABLE, BadTokenError
from inbound.stored_texts import is_storable

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
                     "ES512", "EdDSA", "Ed25519")  # fmt: skip
"""None that is symmetric, and never "none"."""
LEEWAY_S: Final = 60
_LONGEST_SUBJECT: Final = 255


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to be about."""

    issuer: str
    client_id: str
    nonce: str = field(repr=False)


def checked(
    token: str, keys: KeySet, expected: Expected, access_token: str | None, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of a valid ID token. Raises BadTokenError, and no other error."""
    try:
        found = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
        claims = CodeIDToken(
            found.claims,
            found.header,
            options={
                "iss": {"essential": True, "value": expected.issuer},
                "aud": {"essential": True, "value": expected.client_id},
            },
            params={
                "nonce": expected.nonce,
                "client_id": expected.client_id,
                "access_token": access_token,
            },
        )
        claims.validate(int(now.timestamp()), LEEWAY_S)
    except JoseError as error:
        claim = getattr(error, "claim", "")
        named = f" ({claim})" if isinstance(claim, str) and claim else ""
        raise BadTokenError(f"the ID token is not valid: {type(error).__name__}{named}") from None
    except UNREADABLE as error:
        raise BadTokenError(f"the ID token can't be read: {type(error).__name__}") from None
    subject = claims["sub"]
    if not (
        isinstance(subject, str) and 0 < len(subject) <= _LONGEST_SUBJECT and is_storable(subject)
    ):
        raise BadTokenError("the ID token is not valid: sub")
    return dict(claims)
