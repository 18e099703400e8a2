"""Creates the draft of a broadcast from options of a command."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from inbound.broadcasts.audience import audience_columns
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
from inbound.broadcasts.sealing import AudienceSealer
from inbound.broadcasts.table_loading import TableSource, load_table
from inbound.cli._command_line import command_line
from inbound.cli._database import open_database
from inbound.cli._progress import progress_bar
from inbound.cli._sending_hours import sending_hours
from inbound.cli._times import parse_moment
from inbound.errors import SetupError
from inbound.keys import SubjectHasher
from inbound.settings import Settings
from inbound.startup import index_key_of
from inbound.store.broadcasts.rows import Broadcast
from inbound.tables.columns import parse_mapping
from inbound.tables.model import Choices
from inbound.wording import both

ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class DraftOptions:
    """A broadcast as a person wrote it on the command line."""

    name: str
    audience: str
    text: str | None = field(default=None, repr=False)
    template: str | None = None
    account: str = "default"
    sender: str | None = None
    hours: str | None = None
    is_spread: bool = False
    rate: int | None = None
    open_case: bool = False
    client_id: str | None = None
    updated_since: str | None = None
    language: str | None = None
    mapping: Sequence[str] = ()
    sheet: str | None = None
    encoding: str | None = None
    separator: str | None = None


def create_draft(settings: Settings, options: DraftOptions, *, by: str, now: datetime) -> Broadcast:
    """Load the audience and return the draft. Blocks. Raises SetupError."""
    _require_used(options)
    rules = DraftRules(settings.sender, settings.smpp.alphabet)
    plan = BroadcastPlan(
        name=options.name,
        created_by=by,
        account=options.account,
        text=options.text,
        template=options.template,
        sender=options.sender,
        hours=sending_hours(options.hours, settings.time_zone),
        is_spread=options.is_spread,
        rate_per_s=options.rate,
    )
    with closing(open_database(settings, "scserv broadcast", long=True)) as conn:
        try:
            prepared = prepare(conn, plan, rules)
            if options.audience == ALL:
                require_no_fields(prepared.content)
        except DraftError as error:
            refusal = f"--{error.field}: " + both("{why}", "{why}", why=str(error))
            if error.field == "sender" and options.sender is not None:
                asks = command_line("accounts", "senders", "add", options.account, options.sender)
                refusal += both(
                    "; ask for its approval with `{asks}`",
                    "; запросите одобрение: `{asks}`",
                    asks=asks,
                )
            if error.field == "template":
                refusal += both(
                    "; `scserv templates list` shows the templates",
                    "; `scserv templates list` покажет шаблоны",
                )
        else:
            sealer = AudienceSealer(settings.vault_keys())
            load = partial(_load, conn, settings, options, prepared, now)
            return create(conn, prepared.plan, load, sealer, now)
    raise SetupError(refusal)


def _require_used(options: DraftOptions) -> None:
    """Refuse options that the audience would ignore: more people would get it than were meant."""
    filters: dict[str, object] = {
        "--open-case": options.open_case,
        "--client-id": options.client_id,
        "--updated-since": options.updated_since,
        "--language": options.language,
    }
    of_tables: dict[str, object] = {
        "--map": options.mapping,
        "--sheet": options.sheet,
        "--encoding": options.encoding,
        "--separator": options.separator,
    }
    if options.audience == ALL:
        unused = of_tables
        of = both("a table, not all clients", "таблицы, а не всех клиентов")
        fix = both(
            "leave it out, or name the table with --audience",
            "уберите эту опцию или укажите таблицу в --audience",
        )
    else:
        unused = filters
        of = both("all clients, not a table", "всех клиентов, а не таблицы")
        fix = both(
            "use it with --audience all, or choose the rows in the table itself",
            "укажите --audience all или выберите строки в самой таблице",
        )
    given = [name for name, value in unused.items() if value not in (None, False, ())]
    if given:
        raise SetupError(
            both(
                "{given}: is for an audience of {of}; {fix}",
                "{given}: только для {of}; {fix}",
                given=", ".join(given),
                of=of,
                fix=fix,
            )
        )


def _load(
    conn: psycopg.Connection,
    settings: Settings,
    options: DraftOptions,
    prepared: CheckedPlan,
    now: datetime,
    broadcast_id: UUID,
) -> Audience:
    content = prepared.content
    if options.audience == ALL:
        definition = content.definition if isinstance(content, TemplateContent) else None
        languages, default = effective_languages(definition)
        if options.language not in {None, *languages}:
            raise SetupError(
                both(
                    "--language {language}: the template {template} has no text in it; those "
                    "clients get its text in {default}",
                    "--language {language}: в шаблоне {template} нет текста на этом языке; такие "
                    "клиенты получают текст на языке {default}",
                    language=options.language,
                    template=options.template,
                    default=default,
                )
            )
        query = ClientQuery(
            options.open_case,
            options.client_id,
            _since(options.updated_since, settings, now),
            options.language,
            languages,
            default,
        )
        return load_clients(conn, broadcast_id, query, now, parts=content.count_parts({}))
    columns = audience_columns(content.fields)
    choices = Choices(
        parse_mapping(options.mapping, columns),
        options.encoding,
        options.separator,
        options.sheet,
        keeps_others=True,
    )
    keys = AudienceKeys(
        SubjectHasher(index_key_of(conn, settings)), AudienceSealer(settings.vault_keys())
    )
    source = TableSource(Path(options.audience), choices)
    with progress_bar("loading") as advance:
        return load_table(conn, broadcast_id, source, prepared, keys, advance)


def _since(text: str | None, settings: Settings, now: datetime) -> datetime | None:
    if text is None:
        return None
    return parse_moment(text, "--updated-since", now=now, zone=settings.time_zone)
