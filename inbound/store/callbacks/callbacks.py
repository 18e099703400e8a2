"""Reads and writes callbacks. Those of a transaction's orders and commands are written with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg
from pydantic_core import from_json

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.log.rows import NewEvent
from inbound.store.orders.rows import OrderWrites
from inbound.store.statements import Query, statements
from schemas.events import RequestAccepted
from schemas.orders import OrderState

_SQL: Final = statements(__package__, "callbacks")
_ADD_ORDER_CALLBACKS: Final = _SQL["add_order_callbacks"]
_NAME_ORDERS: Final = _SQL["name_orders"]
_ADD_COMMAND_CALLBACKS: Final = _SQL["add_command_callbacks"]
_ACCOUNTS_WITH_DUE: Final = _SQL["accounts_with_due_callbacks"]
_TAKE: Final = _SQL["take_callbacks"]
_FINISH: Final = _SQL["finish_callbacks"]
_POSTPONE: Final = _SQL["postpone_callback"]
_SET_URL: Final = _SQL["set_url"]
_ROTATE_SECRET: Final = _SQL["rotate_secret"]
_FORGET_PREVIOUS_SECRETS: Final = _SQL["forget_previous_secrets"]
_REMOVE_URL: Final = _SQL["remove_url"]
_REMOVE_CALLBACKS: Final = _SQL["remove_callbacks"]
_LIST_URLS: Final = _SQL["list_urls"]
_LIST_DEAD: Final = _SQL["list_dead"]
_RETRY_DEAD: Final = _SQL["retry_dead"]
_SWEEP: Final = _SQL["sweep_callbacks"]

SCSERV: Final = "scserv"
SMSC: Final = "smsc"
"""The forms of calls: our own, and that of SMSC."""

_OPEN: Final = frozenset({OrderState.SCHEDULED, OrderState.QUEUED, OrderState.SENT})


@dataclass(frozen=True, slots=True)
class TakenCallback:
    """A call to make. The secrets are sealed; `previous_secret` is set while both are valid.

    `sealed_text` is set for a text of a phone, whose id is `topic_id`: it belongs in the body. The
    fields after `form` are about a message, sealed, and set in the form `smsc` alone: id and phone
    as its program knows them, its number, and the network's answer about the number.
    """

    id: int
    callback_id: UUID
    topic_id: UUID
    body: str
    created_at: datetime
    attempts: int
    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    previous_secret: bytes | None = field(repr=False)
    private_allowed: bool
    sealed_text: bytes | None = field(repr=False)
    form: str
    smsc_id: bytes | None = field(repr=False)
    channel: str | None
    subject_id: UUID | None
    number: bytes | None = field(repr=False)
    answer: bytes | None = field(repr=False)
    number_hash: bytes | None


@dataclass(frozen=True, slots=True)
class CallbackUrl:
    """The URL of an account, and which calls it wants. `secret` is sealed."""

    account: str
    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    commands: bool
    private_allowed: bool
    form: str = SCSERV


@dataclass(frozen=True, slots=True)
class DeadCallback:
    """A call that is no longer repeated.

    `topic_id` is the id of its message or request. `told_at` is when the reported change happened.
    """

    callback_id: UUID
    type: str
    topic_id: UUID
    told_at: datetime
    dead_at: datetime
    attempts: int
    error: str | None


@dataclass(frozen=True, slots=True)
class ListedUrl:
    """A URL without its secret; `error` is that of the newest call that failed.

    Until `previous_until` calls are signed with the secret before the last rotation, too.
    """

    account: str
    url: str = field(repr=False)
    commands: bool
    private_allowed: bool
    form: str
    changed_at: datetime
    previous_until: datetime | None
    waiting: int
    dead: int
    error: str | None


def of_orders(writes: OrderWrites) -> Query | None:
    """Return the query that adds the callbacks of orders; None if none has ended.

    It has to follow the changes of the orders.
    """
    ended = [
        *((one.order_id, one.state, one.created_at) for one in writes.orders),
        *((one.order_id, one.state, one.at) for one in writes.changes.values()),
    ]
    ended = [one for one in ended if one[1] not in _OPEN]
    if not ended:
        return None
    return _ADD_ORDER_CALLBACKS, {
        "order_ids": [one[0] for one in ended],
        "states": [one[1].value for one in ended],
        "at": [one[2] for one in ended],
    }


def naming(smsc_ids: Mapping[UUID, bytes]) -> Query:
    """Return the query that stores the sealed ids by which SMSC's programs know orders."""
    return _NAME_ORDERS, {"order_ids": list(smsc_ids), "sealed": list(smsc_ids.values())}


def of_commands(events: Sequence[NewEvent]) -> Query | None:
    """Return the query that adds the callbacks of accepted commands; None without any."""
    accepted = [
        (event.stream_id, from_json(event.data))
        for event in events
        if event.type == RequestAccepted.TYPE
    ]
    if not accepted:
        return None
    return _ADD_COMMAND_CALLBACKS, {
        "subject_ids": [subject_id for subject_id, _ in accepted],
        "request_ids": [UUID(data["request_id"]) for _, data in accepted],
        "commands": [data["command"] for _, data in accepted],
        "at": [datetime.fromisoformat(data["arrived_at"]) for _, data in accepted],
    }


@raises_store_errors
def accounts_with_due(conn: psycopg.Connection, now: datetime) -> list[str]:
    """Return the accounts to which calls are due."""
    return [account for (account,) in conn.execute(_ACCOUNTS_WITH_DUE, {"now": now})]


@raises_store_errors
def take(
    conn: psycopg.Connection, account: str, now: datetime, *, lease: timedelta, limit: int
) -> list[TakenCallback]:
    """Take due calls of an account, in order; no other process takes them for a while."""
    parameters = {"account": account, "now": now, "until": now + lease, "limit": limit}
    return fetch_rows(conn, TakenCallback, _TAKE, parameters)


@raises_store_errors
def finish(conn: psycopg.Connection, ids: Collection[int]) -> None:
    """Delete calls that were made, with the texts that they delivered."""
    conn.execute(_FINISH, {"ids": list(ids)})


@raises_store_errors
def postpone(
    conn: psycopg.Connection, id_: int, *, due_at: datetime, error: str, dead_at: datetime | None
) -> None:
    """Note why a call failed, and when it is repeated; a dead one is not."""
    conn.execute(_POSTPONE, {"id": id_, "due_at": due_at, "error": error, "dead_at": dead_at})


@raises_store_errors
def set_url(conn: psycopg.Connection, url: CallbackUrl) -> None:
    """Store the URL of an account in place of another one."""
    conn.execute(
        _SET_URL,
        {
            "account": url.account,
            "url": url.url,
            "secret": url.secret,
            "commands": url.commands,
            "private_allowed": url.private_allowed,
            "form": url.form,
        },
    )


@raises_store_errors
def rotate_secret(conn: psycopg.Connection, account: str, secret: bytes, until: datetime) -> bool:
    """Store a new secret; the one before stays valid until then. False if there is no URL."""
    parameters = {"account": account, "secret": secret, "until": until}
    return conn.execute(_ROTATE_SECRET, parameters).rowcount == 1


@raises_store_errors
def remove_url(conn: psycopg.Connection, account: str) -> bool:
    """Delete the URL of an account with the calls that wait; False if there is none.

    Texts of phones continue to wait.
    """
    conn.execute(_REMOVE_CALLBACKS, {"account": account})
    return conn.execute(_REMOVE_URL, {"account": account}).rowcount == 1


@raises_store_errors
def list_urls(conn: psycopg.Connection, account: str | None = None) -> list[ListedUrl]:
    """Return the URLs with their waiting calls, of all accounts or of one."""
    return fetch_rows(conn, ListedUrl, _LIST_URLS, {"account": account})


@raises_store_errors
def list_dead(conn: psycopg.Connection, account: str, limit: int) -> list[DeadCallback]:
    """Return the dead calls of an account, the oldest first."""
    parameters = {"account": account, "limit": limit}
    return fetch_rows(conn, DeadCallback, _LIST_DEAD, parameters)


@raises_store_errors
def retry_dead(
    conn: psycopg.Connection,
    account: str,
    now: datetime,
    callback_ids: Sequence[UUID] | None = None,
) -> int:
    """Revive dead calls of an account, those with these ids or all; return how many."""
    ids = None if callback_ids is None else list(callback_ids)
    parameters = {"account": account, "now": now, "callback_ids": ids}
    return conn.execute(_RETRY_DEAD, parameters).rowcount


@raises_store_errors
def sweep_callbacks(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Delete dead calls after some days, and those of accounts that no longer have a URL.

    Secrets that were rotated and are no longer valid are deleted, too.
    """
    conn.execute(_FORGET_PREVIOUS_SECRETS, {"now": now})
    return conn.execute(_SWEEP, {"before": now - timedelta(days=days)}).rowcount
