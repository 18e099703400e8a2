"""The vault: what an MT needs at encoding time, sealed until it is sent or expires."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from inbound.store.claims.rows import Secret
from inbound.store.sealing import Sealer
from inbound.store.statements import Query, statements

_SQL: Final = statements(__package__, "claims")
_INSERT_VAULT: Final = _SQL["insert_vault"]
_ERASE_VAULT: Final = _SQL["erase_vault"]


def insertion(secrets: Sequence[Secret], sealer: Sealer) -> Query:
    """Return the query that seals and stores these secrets."""
    return _INSERT_VAULT, {
        "message_ids": [row.message_id for row in secrets],
        "sealed": [sealer.secret(row.plaintext, row.message_id) for row in secrets],
        "expires": [row.expires_at for row in secrets],
    }


def deletion(message_ids: Sequence[UUID]) -> Query:
    """Return the query that erases the secrets of these messages."""
    return _ERASE_VAULT, {"message_ids": list(message_ids)}
