"""May a subject be sent messages? Read from the log, never from a projection.

A stop counts from the commit of its event, before its confirmation is queued. So no answer is older
than what the person was told, whichever process is behind.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "subscriptions")
_SUBSCRIPTIONS_OF: Final = _SQL["subscriptions_of"]


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """Whether a subject may be sent messages.

    `version` is that of the event that decided it, as on `sms.subscriptions.v1`; 0 if there was
    none, so messages may be sent. `since` and `request_id` are None then.
    """

    subject_id: UUID
    number_hash: bytes
    number_sealed: bytes = field(repr=False)
    may_be_texted: bool
    version: int
    since: datetime | None
    request_id: UUID | None


@raises_store_errors
def subscriptions_of(
    conn: psycopg.Connection,
    *,
    subject_ids: Collection[UUID] = (),
    hashes: Collection[bytes] = (),
) -> list[SubscriptionRow]:
    """Return the subscriptions of these subjects and of those with these number hashes.

    One statement. Those that are unknown or were erased are left out.
    """
    parameters = {"subject_ids": list(subject_ids), "hashes": list(hashes)}
    return fetch_rows(conn, SubscriptionRow, _SUBSCRIPTIONS_OF, parameters)
