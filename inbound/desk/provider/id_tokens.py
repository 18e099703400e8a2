"""Checks ID tokens (OpenID Connect Core 1.0, section 3.1.3.7), and reads claims. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from inbound.errors import ScservError

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
                     "ES512", "EdDSA", "Ed25519")  # fmt: skip
"""None that is symmetric, and never "none"."""
LEEWAY_S: Final = 60
_LONGEST_SUBJECT: Final = 255


class BadTokenError(ScservError):
    """An ID token is not valid. The text names the claim at most, never a value."""


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
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise BadTokenError(f"the ID token can't be read: {type(error).__name__}") from None
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise BadTokenError("the ID token is not valid: sub")
    return dict(claims)


def login_of(claims: Mapping[str, Any], claim: str) -> str | None:
    """Return what finds a user the first time; None without it, or if it is not verified."""
    value = claims.get(claim)
    if not isinstance(value, str) or not value.strip():
        return None
    if claim == "email" and claims.get("email_verified") is not True:
        return None
    return normal_login(value, claim)


def normal_login(text: str, claim: str) -> str:
    """Return a login as it is stored and compared: the case of an address does not count."""
    return text.strip().lower() if claim == "email" else text.strip()


def groups_of(claims: Mapping[str, Any], path: str) -> list[str]:
    """Return the groups that a claim names, by its path with dots; none if it has another form."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return [found]
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
