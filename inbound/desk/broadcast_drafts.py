"""Makes drafts of broadcasts from what users have typed, with an audience from a table or clients.

A draft and its audience are one transaction: a restart in between leaves the uploaded table, and
sending the form again makes the same draft.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid5

import psycopg

from inbound.broadcasts.content import DraftError, TemplateText
from inbound.broadcasts.control import create, found
from inbound.broadcasts.drafting import (
    DraftRules,
    Plan,
    Prepared,
    prepare,
    require_no_fields,
)
from inbound.broadcasts.loading import Audience, AudienceKeys, ClientQuery, load_clients
from inbound.broadcasts.samples import effective_languages
from inbound.broadcasts.table_loading import TableSource, load_table
from inbound.desk.audience_tables import (
    Understanding,
    column_names,
    missing_fields,
    reading_of,
    understand_audience,
)
from inbound.desk.long_work import LongWork
from inbound.desk.uploads import Upload
from inbound.errors import SetupError
from inbound.store.broadcasts.repeats import Identity, is_repeated
from inbound.store.connection_pool import ConnectionPool
from inbound.store.orders.account_records import AccountRecord, list_accounts
from inbound.store.orders.rows import BROADCASTS
from inbound.store.orders.templates import list_versions

_AT_ONCE: Final = 2


class ColumnsMissingError(Exception):
    """The text has fields for which the table has no column of that name."""

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__("columns are missing")
        self.fields = fields


@dataclass(frozen=True, slots=True)
class ChosenClients:
    """Which clients of the directory a draft is for, as a user chose."""

    open_case: bool = False
    client_id: str | None = None
    updated_since: datetime | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A draft as a user typed it. `once` makes it safe to send again."""

    plan: Plan
    once: UUID
    mapping: Mapping[str, str] = field(default_factory=dict)
    """The column of each field, for those that the table calls otherwise."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader made of an upload: what it understood, or what is wrong and its columns."""

    understood: Understanding | None
    error: SetupError | None = None
    columns: Sequence[str] = ()


class BroadcastDrafts:
    """Makes drafts. Every method may raise RetryableError."""

    def __init__(
        self,
        pool: ConnectionPool,
        long_work: LongWork,
        keys: AudienceKeys,
        rules: DraftRules,
        ahead_days: int,
        clock: Callable[[], datetime],
    ) -> None:
        """`ahead_days`: how far ahead a broadcast may start."""
        self._pool = pool
        self._long_work = long_work
        self._keys = keys
        self._rules = rules
        self._clock = clock
        self._reading = asyncio.Semaphore(_AT_ONCE)
        self.ahead_days = ahead_days

    @property
    def own_sender(self) -> str:
        """The sender of the service."""
        return self._rules.sender

    async def accounts(self) -> list[AccountRecord]:
        """Return the accounts that may send broadcasts."""
        found = await self._pool.run(list_accounts)
        return [one for one in found if one.settings.enabled and BROADCASTS in one.settings.rights]

    async def templates(self) -> list[str]:
        """Return the names of the templates that can be sent."""
        versions = await self._pool.run(list_versions)
        return list(dict.fromkeys(one.name for one in versions if one.retired_at is None))

    async def read(self, upload: Upload) -> Reading:
        """Return what the reader makes of an upload."""
        async with self._reading:
            return await asyncio.to_thread(_read, upload)

    async def create_from_table(self, upload: Upload, wanted: Wanted) -> UUID:
        """Make a draft for the rows of a table; return its id. May take minutes.

        Raises DraftError, ColumnsMissingError, SetupError and Trouble.
        """
        return await self._long_work.run(self._create, wanted, partial(self._load_table, upload))

    async def create_for_clients(self, chosen: ChosenClients, wanted: Wanted) -> UUID:
        """Make a draft for clients of the directory; return its id. May take minutes.

        Raises DraftError, SetupError and Trouble.
        """
        return await self._long_work.run(self._create, wanted, partial(self._load_clients, chosen))

    def _create(
        self, conn: psycopg.Connection, wanted: Wanted, load: "Callable[..., Audience]"
    ) -> UUID:
        prepared = prepare(conn, wanted.plan, self._rules)
        identity = Identity(_id_of(wanted), b"")
        with conn.transaction():
            if is_repeated(conn, identity):
                return found(conn, identity.broadcast_id).broadcast_id
            loading = partial(load, conn, prepared, wanted)
            made = create(conn, prepared.plan, loading, self._keys.sealer, self._clock(), identity)
            return made.broadcast_id

    def _load_table(
        self,
        upload: Upload,
        conn: psycopg.Connection,
        prepared: Prepared,
        wanted: Wanted,
        broadcast_id: UUID,
    ) -> Audience:
        fields = prepared.content.fields
        understood = understand_audience(upload.path, upload.name, upload.choices)
        if missing_fields(fields, understood, wanted.mapping):
            raise ColumnsMissingError(fields)
        mapping = {name: wanted.mapping[name] for name in fields if wanted.mapping.get(name)}
        source = TableSource(upload.path, reading_of(upload.choices, mapping), upload.name)
        return load_table(conn, broadcast_id, source, prepared, self._keys, _advance_nothing)

    def _load_clients(
        self,
        chosen: ChosenClients,
        conn: psycopg.Connection,
        prepared: Prepared,
        wanted: Wanted,
        broadcast_id: UUID,
    ) -> Audience:
        del wanted
        content = prepared.content
        require_no_fields(content)
        definition = content.definition if isinstance(content, TemplateText) else None
        languages, default = effective_languages(definition)
        if chosen.language not in {None, *languages}:
            raise DraftError("language", "the template has no text in it")
        query = ClientQuery(
            chosen.open_case,
            chosen.client_id,
            chosen.updated_since,
            chosen.language,
            languages,
            default,
        )
        parts = content.count_parts({})
        return load_clients(conn, broadcast_id, query, self._clock(), parts=parts)


def _id_of(wanted: Wanted) -> UUID:
    """Return the id of a draft: the same form is the same draft, a corrected one is another."""
    return uuid5(wanted.once, repr((wanted.plan, wanted.plan.text, sorted(wanted.mapping.items()))))


def _read(upload: Upload) -> Reading:
    try:
        return Reading(understand_audience(upload.path, upload.name, upload.choices))
    except SetupError as error:
        problem = error
    try:
        columns = column_names(upload.path, upload.name, upload.choices)
    except SetupError:
        columns = []
    return Reading(None, problem, columns)


def _advance_nothing(done: int, total: int) -> None:
    del done, total
