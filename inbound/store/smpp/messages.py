"""Messages over SMPP: written with their orders, found by their id or their digest."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_row, fetch_rows
from inbound.store.smpp.rows import (
    JoinedParts,
    QueriedMessage,
    RecentMessage,
    SealedComment,
    SmppWrites,
    SubmittedMessage,
)
from inbound.store.statements import Query, statements

_SQL: Final = statements(__package__, "smpp")
_MARK_JOINED: Final = _SQL["mark_joined"]
_ADD_RECEIPTS: Final = _SQL["add_receipts_of_ended"]
_SET_ANSWERS: Final = _SQL["set_answers"]
_ADD_ANSWERS: Final = _SQL["add_answers"]
_FIND_RECENT: Final = _SQL["find_recent"]
_ADD_MESSAGE: Final = _SQL["add_message"]
_FIND_MESSAGE: Final = _SQL["find_message"]
_FIND_COMMENTS: Final = _SQL["find_comments"]
_FIND_RATE: Final = _SQL["find_rate"]
_SWEEP_MESSAGES: Final = _SQL["sweep_messages"]
_SWEEP_DELIVERIES: Final = _SQL["sweep_deliveries"]
COPY_MESSAGES: Final = _SQL["copy_messages"]
MESSAGE_TYPES: Final = (
    *("int8", "text", "uuid", "bytea", "bytea", "bytea", "bytea[]", "bytea", "uuid"),
    *("int2", "int2", "timestamptz"),
)


def message_row(message: SubmittedMessage) -> tuple[object, ...]:
    """Return a message as a row for `COPY_MESSAGES`."""
    return (
        *(message.message_id, message.account, message.order_id, message.number_hash),
        *(message.addresses, message.comment, _words(message), message.digest, message.link),
        *(message.registered, message.parts, message.created_at),
    )


def following(writes: SmppWrites) -> Sequence[Query]:
    """Return the queries that follow the rows of messages and orders."""
    queries: list[Query] = []
    if writes.joined:
        queries.append((_MARK_JOINED, _joined(writes.joined)))
    if told := [one.message_id for one in writes.messages if one.is_told]:
        queries.append((_ADD_RECEIPTS, {"message_ids": told}))
    if writes.answers:
        answers = {"order_ids": list(writes.answers), "answers": list(writes.answers.values())}
        queries += [(_SET_ANSWERS, answers), (_ADD_ANSWERS, answers)]
    return queries


@raises_store_errors
def find_recent(
    conn: psycopg.Connection, digests: Collection[bytes], since: datetime
) -> list[RecentMessage]:
    """Return the last message since a time with each of these digests."""
    parameters = {"digests": list(digests), "since": since}
    return fetch_rows(conn, RecentMessage, _FIND_RECENT, parameters)


@raises_store_errors
def add_ids(
    conn: psycopg.Connection, messages: Sequence[SubmittedMessage], joined: Sequence[JoinedParts]
) -> None:
    """Store more ids of orders that exist; the receipts of those that have ended are due."""
    with conn.transaction():
        for one in messages:
            conn.execute(
                _ADD_MESSAGE,
                {
                    "message_id": one.message_id,
                    "account": one.account,
                    "order_id": one.order_id,
                    "number_hash": one.number_hash,
                    "addresses": one.addresses,
                    "comment": one.comment,
                    "words": _words(one),
                    "digest": one.digest,
                    "link": one.link,
                    "registered": one.registered,
                    "parts": one.parts,
                    "created_at": one.created_at,
                },
            )
        conn.execute(_ADD_RECEIPTS, {"message_ids": [one.message_id for one in messages]})
        if joined:
            conn.execute(_MARK_JOINED, _joined(joined))


@raises_store_errors
def find_message(conn: psycopg.Connection, account: str, message_id: int) -> QueriedMessage | None:
    """Return a message; None if there is none, or if it is another account's."""
    parameters = {"account": account, "message_id": message_id}
    return fetch_row(conn, QueriedMessage, _FIND_MESSAGE, parameters)


@raises_store_errors
def find_comments(conn: psycopg.Connection, order_ids: Collection[UUID]) -> list[SealedComment]:
    """Return the comments of these orders, as far as they have one."""
    return fetch_rows(conn, SealedComment, _FIND_COMMENTS, {"order_ids": list(order_ids)})


@raises_store_errors
def find_rate(conn: psycopg.Connection, account: str) -> int | None:
    """Return how many messages a second an account may send, None without a limit."""
    row = conn.execute(_FIND_RATE, {"account": account}).fetchone()
    return row[0] if row else None


@raises_store_errors
def sweep(conn: psycopg.Connection, messages_before: datetime, deliveries_before: datetime) -> None:
    """Delete messages whose orders are gone, and receipts that no program fetched."""
    conn.execute(_SWEEP_MESSAGES, {"before": messages_before})
    conn.execute(_SWEEP_DELIVERIES, {"before": deliveries_before})


def _joined(joined: Sequence[JoinedParts]) -> dict[str, object]:
    return {
        "accounts": [one.account for one in joined],
        "keys": [one.parts_key for one in joined],
        "order_ids": [one.order_id for one in joined],
    }


def _words(message: SubmittedMessage) -> list[bytes] | None:
    return list(message.words) if message.words else None
