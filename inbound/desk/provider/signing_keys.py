"""Reads the provider's keys that sign ID tokens (RFC 7517). Pure but for a line in the log.

A provider may publish keys that the desk doesn't know, also broken ones: they are ignored
(section 5), because nobody could sign in otherwise.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from inbound.desk.provider.errors import UNREADABLE, ProviderError

MOST_KEYS: Final = 50
"""How many keys are read, because each takes about a millisecond; providers have a few."""
_RSA_CHARACTERS: Final = range(342, 2732)
"""Base64url characters of a modulus of 2,048 bits (RFC 7518, 3.3) to 16,384, OpenSSL's most."""
_CURVES: Final = ("Ed25519", "Ed448")
"""Those of RFC 8037 that sign."""

log = logging.getLogger(__name__)


def read_keys(answer: Mapping[str, Any]) -> KeySet:
    """Return the keys of a JWK set that sign. Raises ProviderError if it has none."""
    given = answer.get("keys")
    if not isinstance(given, list):
        raise ProviderError("its keys can't be read: there is no list of them")
    signing = [one for one in given if _may_sign(one)]
    keys = [key for one in signing[:MOST_KEYS] if (key := _key(one)) is not None]
    if not keys:
        raise ProviderError(f"none of its {len(given)} keys can be used")
    if len(keys) < len(signing):
        log.info(
            "the OpenID provider: %d of %d keys are ignored", len(signing) - len(keys), len(signing)
        )
    return KeySet(keys)


def _may_sign(given: object) -> bool:
    if not isinstance(given, dict) or given.get("use", "sig") != "sig":
        return False
    kind = given.get("kty")
    return kind in ("RSA", "EC") or (kind == "OKP" and given.get("crv") in _CURVES)


def _key(given: dict[str, Any]) -> Key | None:
    """Return a key; None if it can't be used."""
    try:
        if given["kty"] == "RSA" and len(given["n"]) not in _RSA_CHARACTERS:
            return None
        key = JWKRegistry.import_key(given)
        key.ensure_kid()
    except (JoseError, UnsupportedAlgorithm, *UNREADABLE):
        return None
    return key
