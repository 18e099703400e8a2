"""Reads what the claims of a valid ID token say about a user. Pure."""

from collections.abc import Mapping
from typing import Any


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
