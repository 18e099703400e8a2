"""Makes drafts of broadcasts from what users typed, with an audience from a table or the clients.

A draft and its audience are one transaction: a restart in between leaves the uploaded table, and
sending the form again makes the same draft. So does sending it for the same table from a page that
was opened again. Loading is a job (`long_work`): it continues after the answer.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid5

import psycopg

from inbound.broadcasts.content import DraftError, TemplateContent
from inbound.broadcasts.control import create
from inbound.broadcasts.drafting import (
    BroadcastPlan,
    CheckedPlan,
    DraftRules,
    prepare,
    require_no_fields,
)
from inbound.broadcasts.loading import Audience, AudienceKeys, ClientQuery, load_clients
from inbound.broadcasts.samples import effective_languages
from inbound.broadcasts.table_loading import Advance, TableSource, load_table
from inbound.desk.broadcasts.audience_tables import (
    Understanding,
    column_names,
    missing_fields,
    reading_of,
    understand_audience,
)
from inbound.desk.broadcasts.draft_problems import plain_values, problem_of, table_problem
from inbound.desk.long_work import Job, JobOrder, JobRefusedError, LongWork, Result, Work
from inbound.desk.uploads import Upload
from inbound.errors import SetupError
from inbound.store.access.desk_jobs import JobState
from inbound.store.broadcasts.broadcasts import find_broadcast
from inbound.store.broadcasts.repeats import Identity, is_repeated
from inbound.store.connection_pool import ConnectionPool
from inbound.store.orders.account_records import AccountRecord, list_accounts
from inbound.store.orders.rows import BROADCASTS
from inbound.store.orders.templates import list_versions
from inbound.tables.faults import TableError

_AT_ONCE: Final = 2
_KIND: Final = "draft"
_UPLOAD: Final = "upload id"
"""The key of the table's id among the fields of the form; no field has this name."""
ANSWER_WITHIN_S: Final = 1.5
"""A draft that is made within this time is shown at once; otherwise a page shows its progress."""


@dataclass(frozen=True, slots=True)
class ChosenClients:
    """Which clients of the directory a draft is for, as a user chose."""

    open_case: bool = False
    client_id: str | None = None
    updated_since: datetime | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class TypedDraft:
    """A draft as a user typed it. `once` makes it safe to send again."""

    plan: BroadcastPlan
    once: UUID
    mapping: Mapping[str, str] = field(default_factory=dict)
    """The column of each field that has another name in the table."""


@dataclass(frozen=True, slots=True)
class Loading:
    """A draft that is being made, or was not. `upload_id` is its table, if it has one."""

    draft_id: UUID
    owner: UUID
    job: Job

    @property
    def typed(self) -> Mapping[str, str]:
        """Its form."""
        return self.job.form

    @property
    def upload_id(self) -> UUID | None:
        """Its table, if it has one."""
        return UUID(self.job.form[_UPLOAD]) if self.job.form.get(_UPLOAD) else None


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of reading an upload: the table, or what is wrong and its columns."""

    understood: Understanding | None
    error: SetupError | None = None
    columns: Sequence[str] = ()
    sheets: Sequence[str] = ()


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
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        """`ahead_days`: how far ahead a broadcast may start."""
        self._pool = pool
        self._long_work = long_work
        self._keys = keys
        self._rules = rules
        self._clock = clock
        self._reading = asyncio.Semaphore(_AT_ONCE)
        self.answer_within_s = answer_within_s
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
        """Return the result of reading an upload."""
        async with self._reading:
            return await asyncio.to_thread(_read, upload)

    async def load_table(
        self, upload: Upload, wanted: TypedDraft, typed: Mapping[str, str]
    ) -> Loading:
        """Begin to make a draft for the rows of a table, unless one is being made.

        Returns how far it is when it has ended, or after a moment. Raises ErrorPage.
        """
        # The same table with the same form is the same draft, however often its page was opened.
        once = uuid5(upload.upload_id, repr(sorted(upload.choices.items())))
        mine = partial(self._load_rows, upload)
        form = {**typed, _UPLOAD: str(upload.upload_id)}
        return await self._begin(replace(wanted, once=once), mine, upload.owner, form)

    async def load_clients(
        self, chosen: ChosenClients, wanted: TypedDraft, owner: UUID, typed: Mapping[str, str]
    ) -> Loading:
        """Begin to make a draft for clients of the directory, unless one is being made.

        Returns its state when it has ended, or after a moment. Raises ErrorPage.
        """
        once = uuid5(wanted.once, repr(chosen))
        mine = partial(self._load_clients, chosen)
        return await self._begin(replace(wanted, once=once), mine, owner, typed)

    async def find_loading(self, draft_id: UUID, owner: UUID) -> Loading | None:
        """Return a draft of a user that is being made, or was within a day."""
        job = await self._long_work.find(draft_id, owner, _KIND)
        return None if job is None else Loading(draft_id, owner, job)

    async def is_made(self, draft_id: UUID) -> bool:
        """Whether a draft is there."""
        return await self._pool.run(find_broadcast, draft_id) is not None

    async def _begin(
        self,
        wanted: TypedDraft,
        load: "Callable[..., Audience]",
        owner: UUID,
        typed: Mapping[str, str],
    ) -> Loading:
        draft_id = _id_of(wanted)
        order = JobOrder(draft_id, _KIND, owner, typed)
        await self._long_work.begin(order, self._create, draft_id, wanted, load)
        job = await self._long_work.wait(draft_id, owner, _KIND, self.answer_within_s)
        # Another user can't have begun it: both have the id from a form of their own.
        return Loading(draft_id, owner, job or Job(draft_id, JobState.WAITING, 0, 0, typed))

    def _create(
        self,
        conn: psycopg.Connection,
        work: Work,
        draft_id: UUID,
        wanted: TypedDraft,
        load: "Callable[..., Audience]",
    ) -> Result:
        identity = Identity(draft_id, b"")
        with _refusing():
            prepared = prepare(conn, wanted.plan, self._rules)
            with conn.transaction():
                if not is_repeated(conn, identity):
                    loading = partial(load, conn, work.advance, prepared, wanted)
                    now = self._clock()
                    create(conn, prepared.plan, loading, self._keys.sealer, now, identity)
        return {}

    def _load_rows(
        self,
        upload: Upload,
        conn: psycopg.Connection,
        advance: Advance,
        prepared: CheckedPlan,
        wanted: TypedDraft,
        broadcast_id: UUID,
    ) -> Audience:
        fields = prepared.content.fields
        understood = understand_audience(upload.path, upload.name, upload.choices)
        if missing_fields(fields, understood, wanted.mapping):
            raise JobRefusedError({"problem": "columns", "fields": list(fields)})
        mapping = {name: wanted.mapping[name] for name in fields if wanted.mapping.get(name)}
        source = TableSource(upload.path, reading_of(upload.choices, mapping), upload.name)
        return load_table(conn, broadcast_id, source, prepared, self._keys, advance)

    def _load_clients(
        self,
        chosen: ChosenClients,
        conn: psycopg.Connection,
        advance: Advance,
        prepared: CheckedPlan,
        wanted: TypedDraft,
        broadcast_id: UUID,
    ) -> Audience:
        del advance, wanted
        content = prepared.content
        require_no_fields(content)
        definition = content.definition if isinstance(content, TemplateContent) else None
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


@contextmanager
def _refusing() -> Iterator[None]:
    """Say in the desk's words why a draft can't be made."""
    try:
        yield
    except DraftError as error:
        name, said = problem_of(error)
    except SetupError as error:
        name, said = "table", table_problem(error)
    else:
        return
    raise JobRefusedError({"problem": name, "words": said.words, "values": plain_values(said)})


def _id_of(wanted: TypedDraft) -> UUID:
    """Return the id of a draft: the same form is the same draft, a corrected one is another."""
    return uuid5(wanted.once, repr((wanted.plan, wanted.plan.text, sorted(wanted.mapping.items()))))


def _read(upload: Upload) -> Reading:
    try:
        understood = understand_audience(upload.path, upload.name, upload.choices)
        return Reading(understood, sheets=understood.sheets)
    except SetupError as error:
        problem = error
    try:
        columns = column_names(upload.path, upload.name, upload.choices)
    except SetupError:
        columns = []
    sheets = problem.values.get("sheets") if isinstance(problem, TableError) else None
    return Reading(None, problem, columns, sheets if isinstance(sheets, tuple) else ())
