"""The links of programs in all processes of the SMPP server.

A process renews its rows every second. A row that is gone means that a newer bind ended its link.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.statements import statements

LEASE: Final = timedelta(seconds=4)
"""For how long the links of a killed process count."""

_SQL: Final = statements(__package__, "links")
_LOCK: Final = _SQL["lock_account_links"]
_END_SURPLUS: Final = _SQL["end_surplus"]
_ADD: Final = _SQL["add_link"]
_FORGET: Final = _SQL["forget_links"]
_RENEW: Final = _SQL["renew_links"]
_FIND_OTHERS: Final = _SQL["find_others"]


class NewLink(NamedTuple):
    """A link that is being bound. Its account may have `most` such links, with this one."""

    link: UUID
    account: str
    receives: bool
    transmits: bool
    most: int


class OtherLink(NamedTuple):
    """A link of another process; `submitted` is how many messages a second came over it."""

    link: UUID
    account: str
    holder: UUID
    submitted: float


class KeptLinks(NamedTuple):
    """The links of this process that may stay, and those of others."""

    own: frozenset[UUID]
    others: list[OtherLink]


@raises_store_errors
def add_link(
    conn: psycopg.Connection, holder: UUID, new: NewLink, open_links: Collection[UUID]
) -> None:
    """Add a link of this process, and take the place of the oldest ones that are too many.

    `open_links` are the other ones of this process.
    """
    parameters = {
        **new._asdict(),
        "holder": holder,
        "lease": LEASE,
        "open_links": list(open_links),
    }
    with conn.transaction():
        conn.execute(_LOCK, parameters)
        conn.execute(_END_SURPLUS, parameters)
        conn.execute(_ADD, parameters)


@raises_store_errors
def renew_links(
    conn: psycopg.Connection,
    holder: UUID,
    submitted: Mapping[UUID, float],
    closed: Collection[UUID] = (),
) -> KeptLinks:
    """Renew the links of this process, with the messages a second of each; forget its others.

    `closed` are links that ended just now.
    """
    parameters = {
        "holder": holder,
        "links": list(submitted),
        "submitted": list(submitted.values()),
        "lease": LEASE,
        "closed": list(closed),
    }
    with conn.pipeline():
        conn.execute(_FORGET, parameters)
        renewed = conn.execute(_RENEW, parameters)
    others = fetch_rows(conn, OtherLink, _FIND_OTHERS, {"holder": holder})
    return KeptLinks(frozenset(link for (link,) in renewed), others)
