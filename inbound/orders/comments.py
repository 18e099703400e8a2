"""Comments that programs append to the text of a message: sealed, and searchable by word.

A comment is for the sender alone. Its words are stored as keyed hashes, so that an account finds
its messages by whole words, and nobody reads them without the keys.
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import psycopg

from inbound.keys import OrderHasher
from inbound.store.sealing import Sealer
from inbound.store.smpp.messages import find_comments

_MOST_WORDS: Final = 100


def seal_comment(sealer: Sealer, comment: str, message_id: int) -> bytes | None:
    """Seal a comment, None if there is none."""
    return sealer.seal(comment.encode(), _context(message_id)) if comment else None


def comments_of(
    conn: psycopg.Connection, sealer: Sealer, order_ids: Iterable[UUID]
) -> dict[UUID, str]:
    """Return the comments of these orders, as far as they have one. Blocks on the database."""
    return {
        one.order_id: sealer.open(one.comment, _context(one.message_id)).decode()
        for one in find_comments(conn, list(order_ids))
    }


def words_of(hasher: OrderHasher, account: str, text: str) -> tuple[bytes, ...]:
    """Return keyed hashes of the words of a comment, by which the account finds it."""
    words = dict.fromkeys(_split(text))
    return tuple(
        hasher.digest(b"comment", account.encode(), word.encode())
        for word in list(words)[:_MOST_WORDS]
    )


def _split(text: str) -> Iterable[str]:
    kept = "".join(character if character.isalnum() else " " for character in text.casefold())
    return kept.split()


def _context(message_id: int) -> bytes:
    return b"smpp comment:%d" % message_id
