"""`scserv events`: what happened to one person, in order."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import click
from pydantic_core import from_json, to_json
from rich import box
from rich.console import Console
from rich.table import Table

from inbound.cli._context import settings_options
from inbound.cli._wiring import check_database, make_cipher
from inbound.errors import SetupError
from inbound.parsers.numbers import NumberError, mask, parse_msisdn
from inbound.settings import Settings
from inbound.smpp.status import name_of
from inbound.store.rows import RecordedEvent

_TELLING = ("command", "plan", "template", "completion", "limit", "after_s", "final")


@click.command
@click.option("--phone", required=True, metavar="NUMBER", help="Number, with country code.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@settings_options
def events(settings: Settings, phone: str, *, as_json: bool) -> None:
    """Show one person's events in the order they happened."""
    try:
        number = parse_msisdn(phone)
    except NumberError as error:
        raise SetupError(f"--phone: {error}") from error
    check_database(settings)
    recorded = asyncio.run(_load(settings, number))
    if as_json:
        for event in recorded:
            click.echo(to_json(_as_object(event)).decode())
    elif recorded:
        Console().print(_as_table(recorded, number))
    else:
        click.echo(f"no events: {mask(number)} has sent no command")


async def _load(settings: Settings, number: str) -> list[RecordedEvent]:
    from inbound.keys import SubjectHasher
    from inbound.store.postgres import PostgresStore

    store = PostgresStore(settings.database_url.get_secret_value(), make_cipher(settings))
    try:
        async with store.transaction() as transaction:
            hash_ = SubjectHasher(settings.subject_key_bytes()).hash(number)
            found = await transaction.find_subjects([hash_])
            streams = await transaction.load_streams(found.values())
            return [event for stream in streams.values() for event in stream]
    finally:
        await store.close()


def _as_object(event: RecordedEvent) -> dict[str, object]:
    return {
        "position": event.position,
        "subject": event.stream_id,
        "version": event.version,
        "type": event.type,
        "schema_version": event.schema_version,
        "recorded_at": event.recorded_at,
        "data": from_json(event.data),
        "metadata": from_json(event.metadata),
    }


def _as_table(recorded: list[RecordedEvent], number: str) -> Table:
    title = f"{mask(number)}, subject {recorded[0].stream_id}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    table.add_column("time (UTC)", no_wrap=True)
    table.add_column("event", no_wrap=True)
    table.add_column("what", overflow="fold")
    for event in recorded:
        what = ", ".join(_telling(from_json(event.data)))
        table.add_row(f"{event.recorded_at:%Y-%m-%d %H:%M:%S.%f}"[:-3], event.type, what)
    return table


def _telling(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a person wants to see of an event; `--json` shows all of it."""
    for name in _TELLING:
        if name in data:
            yield f"{name} {data[name]}"
    if data.get("attempt", 1) > 1:
        yield f"attempt {data['attempt']}"
    statuses = [part.get("status") for part in data["parts"]] if _has_parts(data) else []
    if len(statuses) > 1:
        yield f"{len(statuses)} parts"
    for status in dict.fromkeys(status for status in statuses if status):
        yield name_of(status)


def _has_parts(data: Mapping[str, Any]) -> bool:
    return isinstance(data.get("parts"), list)  # in request.accepted it is their number
