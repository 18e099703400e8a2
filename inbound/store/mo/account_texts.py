"""Texts of phones that belong to accounts and wait for their programs.

They are written with the batch that reads them, and deleted when a program has acknowledged them,
when their sender is erased, or after some days. Numbers and text are sealed.
"""

from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg
from pydantic_core import from_json, to_json

from inbound.parsers.text_routes import RouteKey, TextRoutes
from inbound.store.connections import raises_store_errors
from inbound.store.sealing import Sealer
from inbound.store.statements import Query, statements

_SQL: Final = statements(__package__, "account_texts")
_FIND_ROUTES: Final = _SQL["find_routes"]
_COUNT_OF_ACCOUNTS: Final = _SQL["count_of_accounts"]
_COUNT_OF_SENDERS: Final = _SQL["count_of_senders"]
_ADD_TEXTS: Final = _SQL["add_texts"]
_SWEEP_TEXTS: Final = _SQL["sweep_texts"]


@dataclass(frozen=True, slots=True)
class NewAccountText:
    """A text that belongs to an account. `text_id` is the id of its MO."""

    account: str
    text_id: UUID
    number_hash: bytes
    content: "TextContent" = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True)
class TextContent:
    """The sealed part: sender (E.164), number texted (as the SMS centre wrote it), and text."""

    source: str = field(repr=False)
    destination: str = field(repr=False)
    text: str = field(repr=False)

    def seal(self, sealer: Sealer, text_id: UUID) -> bytes:
        """Seal it for the row of a text."""
        return sealer.seal(to_json(astuple(self)), _context(text_id))

    @classmethod
    def open(cls, sealer: Sealer, sealed: bytes, text_id: UUID) -> "TextContent":
        """Open what `seal` sealed."""
        return cls(*from_json(sealer.open(sealed, _context(text_id))))


class WaitingTexts(NamedTuple):
    """How many texts wait for each account, and for each account from each sender."""

    of_accounts: dict[str, int]
    of_senders: dict[tuple[str, bytes], int]


async def find_routes(conn: psycopg.AsyncConnection) -> TextRoutes:
    """Return all routes."""
    cursor = await conn.execute(_FIND_ROUTES)
    return TextRoutes({RouteKey(number, word): account async for number, word, account in cursor})


async def count_waiting(
    conn: psycopg.AsyncConnection, accounts: Collection[str], hashes: Collection[bytes]
) -> WaitingTexts:
    """Return how many texts wait for these accounts, and of these senders."""
    of_accounts = await conn.execute(_COUNT_OF_ACCOUNTS, {"accounts": list(accounts)})
    of_senders = await conn.execute(_COUNT_OF_SENDERS, {"hashes": list(hashes)})
    return WaitingTexts(
        {account: count async for account, count in of_accounts},
        {(account, sender): count async for account, sender, count in of_senders},
    )


def insertion(texts: Sequence[NewAccountText], sealer: Sealer) -> Query:
    """Return the query that adds these texts, each for the delivery that its account uses."""
    return _ADD_TEXTS, {
        "accounts": [one.account for one in texts],
        "text_ids": [one.text_id for one in texts],
        "hashes": [one.number_hash for one in texts],
        "sealed": [one.content.seal(sealer, one.text_id) for one in texts],
        "received": [one.received_at for one in texts],
    }


@raises_store_errors
def sweep_texts(conn: psycopg.Connection, before: datetime) -> int:
    """Delete texts that no program fetched; return how many."""
    return conn.execute(_SWEEP_TEXTS, {"before": before}).rowcount


def _context(text_id: UUID) -> bytes:
    return b"account text:" + text_id.bytes
