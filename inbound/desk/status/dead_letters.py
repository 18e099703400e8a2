"""Dead letters at the desk: list, show, retry, discard, as `scserv deadletters` does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import psycopg
from pydantic_core import to_json

from inbound.deadletter.viewing import view_of
from inbound.keys import UnsealError
from inbound.plurals import counted
from inbound.printing import printable
from inbound.store.access.audit import MAX_LENGTH, check_reason, record
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import raises_store_errors
from inbound.store.dead_letters import dead_letters as store
from inbound.store.dead_letters.rows import Selection, StoredDeadLetter
from inbound.store.sealing import Sealer

SHOWN: Final = 50
MOST_AT_ONCE: Final = 500
"""The most that one form publishes again, so that its answer comes in time."""
_ABOUT_CHARS: Final = 50
"""Part of the audit entry, beside the reason."""


class Retried(NamedTuple):
    """How many were published again, and how many Kafka refused."""

    published: int
    refused: int


class RetryRunningError(Exception):
    """Another retry is running."""


class Retries(Protocol):
    """Publishes dead letters to their topics again."""

    async def retry(self, selection: Selection, upto: int, actor: str) -> Retried:
        """Publish the selected ones up to an id. Raises RetryRunningError and RetryableError."""
        ...


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """A page of the list. `total` and `last` are the number and the last id of all that match."""

    rows: Sequence[StoredDeadLetter]
    total: int
    last: int

    @property
    def next_after(self) -> int | None:
        """The id after which the next page begins; None on the last one."""
        return self.rows[-1].id if self.rows and self.rows[-1].id < self.last else None


@dataclass(frozen=True, slots=True)
class View:
    """The content of a dead letter, without invisible characters. `text` is that of an MO."""

    key: str
    headers: Sequence[tuple[str, str]]
    size: int
    content: str
    text: str
    octets: str


@dataclass(frozen=True, slots=True)
class DeadLetterDetails:
    """One dead letter; `view` is masked unless it was revealed, None if it can't be opened."""

    row: StoredDeadLetter
    view: View | None


class DeadLetters:
    """The dead letters of one desk. Every method may raise RetryableError."""

    def __init__(self, pool: ConnectionPool, sealer: Sealer, retries: Retries) -> None:
        self._pool = pool
        self._sealer = sealer
        self._retries = retries

    async def list(self, selection: Selection, after: int = 0) -> DeadLetterPage:
        """Return a page, the oldest first."""
        return await self._pool.run(_list, selection, after)

    async def show(
        self, id_: int, *, revealed_by: str = "", reason: str = ""
    ) -> DeadLetterDetails | None:
        """Return one. It is revealed to a user who gives a reason; that is recorded before.

        Raises ReasonError.
        """
        shown = await self._pool.run(_show, self._sealer, id_, reveal=False)
        if shown is None or not revealed_by:
            return shown
        why = check_reason(reason, max_length=MAX_LENGTH - _ABOUT_CHARS)
        await self._pool.run(_record_reveal, revealed_by, f"message {id_}: {why}")
        return await self._pool.run(_show, self._sealer, id_, reveal=True)

    async def retry(self, selection: Selection, upto: int, actor: str) -> Retried:
        """Publish the selected ones up to an id again, the first `MOST_AT_ONCE` at most."""
        last = await self._pool.run(_last_of_piece, selection, upto)
        return await self._retries.retry(selection, last, actor) if last else Retried(0, 0)

    async def discard(self, selection: Selection, upto: int, actor: str, reason: str) -> int:
        """Delete the selected ones up to an id; return how many. Raises ReasonError."""
        why = check_reason(reason, max_length=MAX_LENGTH - _ABOUT_CHARS)
        return await self._pool.run(_discard, selection, upto, actor, why)


def _list(conn: psycopg.Connection, selection: Selection, after: int) -> DeadLetterPage:
    total, last = store.count(conn, selection)
    return DeadLetterPage(store.find(conn, selection, limit=SHOWN, after=after), total, last)


def _show(
    conn: psycopg.Connection, sealer: Sealer, id_: int, *, reveal: bool
) -> DeadLetterDetails | None:
    rows = store.find(conn, Selection(ids=(id_,)), limit=1)
    try:
        for row, message in store.opened(conn, sealer, rows):
            return DeadLetterDetails(row, _viewed(view_of(message, reveal=reveal)))
    except UnsealError:
        return DeadLetterDetails(rows[0], None)
    return None


def _viewed(view: Mapping[str, Any]) -> View:
    content = view["content"]
    text = content if isinstance(content, str) else to_json(content, indent=2).decode()
    return View(
        printable(view["key"] or ""),
        [(printable(one["name"]), printable(one["value"])) for one in view["headers"]],
        view["bytes"],
        printable(text, keep="\n"),
        printable(view.get("text", "")),
        view.get("hex", ""),
    )


def _last_of_piece(conn: psycopg.Connection, selection: Selection, upto: int) -> int:
    rows = store.find(conn, selection, limit=MOST_AT_ONCE, upto=upto)
    return rows[-1].id if rows else 0


@raises_store_errors
def _discard(
    conn: psycopg.Connection, selection: Selection, upto: int, actor: str, reason: str
) -> int:
    with conn.transaction():
        count = store.discard(conn, selection, upto)
        if count:
            about = f"{counted(count, 'message')}: {reason}"
            record(conn, actor=actor, action="deadletters.discard", reason=about)
    return count


@raises_store_errors
def _record_reveal(conn: psycopg.Connection, actor: str, reason: str) -> None:
    record(conn, actor=actor, action="deadletters.reveal", reason=reason)
