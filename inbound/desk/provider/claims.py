"""Reads what the claims of a valid ID token say about a user. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from inbound.stored_texts import is_storable, lower_ascii

_LONGEST_LOGIN: Final = 1000


def login_of(claims: Mapping[str, Any], claim: str) -> tuple[str | None, str]:
    """Return what finds a user the first time; without it None and why, which quotes no value."""
    value = claims.get(claim)
    if not isinstance(value, str) or not value.strip():
        return None, f"the ID token has no {claim}"
    if len(value) > _LONGEST_LOGIN or not is_storable(value):
        return None, f"no user can have the {claim} of the ID token"
    if claim == "email" and claims.get("email_verified") is not True:
        return None, "the e-mail address is not verified: email_verified is not true"
    return normal_login(value, claim), ""


def normal_login(text: str, claim: str) -> str:
    """Return a login as it is stored and compared: the case of an address does not count.

    That is of its Latin letters alone: another address must never become that of a user.
    """
    return lower_ascii(text.strip()) if claim == "email" else text.strip()


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
